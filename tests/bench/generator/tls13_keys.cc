#include "tests/bench/generator/tls13_keys.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <cstring>

namespace gatepost::bench {

Digest sha256(const void* data, std::size_t size) {
  Digest digest{};
  SHA256(static_cast<const std::uint8_t*>(data), size, digest.data());
  return digest;
}

Digest hmac_sha256(const Digest& key, const void* data, std::size_t size) {
  std::array<std::uint8_t, 64> pad{};
  SHA256_CTX context;
  Digest digest{};
  std::memcpy(pad.data(), key.data(), key.size());
  for (std::uint8_t& octet : pad) octet ^= 0x36;
  SHA256_Init(&context);
  SHA256_Update(&context, pad.data(), pad.size());
  SHA256_Update(&context, data, size);
  SHA256_Final(digest.data(), &context);
  for (std::uint8_t& octet : pad) octet ^= 0x36 ^ 0x5c;
  SHA256_Init(&context);
  SHA256_Update(&context, pad.data(), pad.size());
  SHA256_Update(&context, digest.data(), digest.size());
  SHA256_Final(digest.data(), &context);
  return digest;
}

void expand_label(const Digest& secret, std::string_view label, const void* context,
                  std::size_t context_size, std::uint8_t* out, std::size_t size) {
  std::array<std::uint8_t, 128> info{};
  std::size_t at = 0;
  const auto put = [&](const void* data, std::size_t octets) {
    if (octets > 0) std::memcpy(info.data() + at, data, octets);
    at += octets;
  };
  info[at++] = 0;
  info[at++] = static_cast<std::uint8_t>(size);
  info[at++] = static_cast<std::uint8_t>(6 + label.size());
  put("tls13 ", 6);
  put(label.data(), label.size());
  info[at++] = static_cast<std::uint8_t>(context_size);
  put(context, context_size);
  info[at++] = 1;  // one block of HKDF-Expand is enough
  const Digest block = hmac_sha256(secret, info.data(), at);
  std::memcpy(out, block.data(), size);
}

Digest derive(const Digest& secret, std::string_view label, const Digest& transcript) {
  Digest digest{};
  expand_label(secret, label, transcript.data(), transcript.size(), digest.data(), digest.size());
  return digest;
}

Digest finished_mac(const Digest& traffic_secret, const Digest& transcript) {
  Digest key{};
  expand_label(traffic_secret, "finished", nullptr, 0, key.data(), key.size());
  return hmac_sha256(key, transcript.data(), transcript.size());
}

Digest early_secret(const Digest& psk) { return hmac_sha256(Digest{}, psk.data(), psk.size()); }

const Digest& empty_hash() {
  static const Digest hash = sha256(nullptr, 0);
  return hash;
}

RecordKeys::~RecordKeys() { EVP_CIPHER_CTX_free(context_); }

void RecordKeys::set(const Digest& secret, bool encrypt) {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr);
  std::array<std::uint8_t, 16> key{};
  secret_ = secret;
  expand_label(secret_, "key", nullptr, 0, key.data(), key.size());
  expand_label(secret_, "iv", nullptr, 0, iv_.data(), iv_.size());
  if (context_ == nullptr) context_ = EVP_CIPHER_CTX_new();
  EVP_CipherInit_ex(context_, cipher, nullptr, key.data(), nullptr, encrypt ? 1 : 0);
  sequence_ = 0;
}

void RecordKeys::update(bool encrypt) {
  Digest next{};
  expand_label(secret_, "traffic upd", nullptr, 0, next.data(), next.size());
  set(next, encrypt);
}

std::array<std::uint8_t, 12> RecordKeys::next_nonce() {
  std::array<std::uint8_t, 12> nonce = iv_;
  for (unsigned i = 0; i < 8; i++) nonce[11 - i] ^= static_cast<std::uint8_t>(sequence_ >> (8 * i));
  sequence_++;
  return nonce;
}

int RecordKeys::open(const std::uint8_t* header, std::uint8_t* data, int size) {
  constexpr int kTagSize = static_cast<int>(kTag);
  int written = 0;
  if (size < kTagSize + 1) return -1;
  EVP_DecryptInit_ex(context_, nullptr, nullptr, nullptr, next_nonce().data());
  EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_GCM_SET_TAG, kTagSize, data + size - kTagSize);
  EVP_DecryptUpdate(context_, nullptr, &written, header, 5);
  EVP_DecryptUpdate(context_, data, &written, data, size - kTagSize);
  if (EVP_DecryptFinal_ex(context_, data + written, &written) <= 0) return -1;
  return size - kTagSize;
}

std::size_t RecordKeys::seal(std::uint8_t type, const std::uint8_t* data, std::size_t size,
                             std::uint8_t* out) {
  const std::size_t sealed = size + 1 + kTag;
  out[0] = 23;
  out[1] = out[2] = 3;
  out[3] = static_cast<std::uint8_t>(sealed >> 8);
  out[4] = static_cast<std::uint8_t>(sealed);
  std::memcpy(out + 5, data, size);
  out[5 + size] = type;
  int written = 0;
  EVP_EncryptInit_ex(context_, nullptr, nullptr, nullptr, next_nonce().data());
  EVP_EncryptUpdate(context_, nullptr, &written, out, 5);
  EVP_EncryptUpdate(context_, out + 5, &written, out + 5, static_cast<int>(size + 1));
  EVP_EncryptFinal_ex(context_, out + 5 + written, &written);
  EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_GCM_GET_TAG, static_cast<int>(kTag), out + 5 + size + 1);
  return 5 + sealed;
}

}  // namespace gatepost::bench
