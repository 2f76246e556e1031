#include "tests/bench/generator/tls13_client.h"

#include <openssl/evp.h>

#include <cstring>

#include "tests/bench/common/clock.h"
#include "tests/bench/generator/shared.h"

namespace gatepost::bench {
namespace {

std::size_t read16(const std::uint8_t* at) {
  return static_cast<std::size_t>(at[0]) << 8 | static_cast<std::size_t>(at[1]);
}
std::size_t read24(const std::uint8_t* at) {
  return static_cast<std::size_t>(at[0]) << 16 | read16(at + 1);
}

}  // namespace

Tls13Client::~Tls13Client() { EVP_PKEY_free(key_); }

void Tls13Client::reset() {
  state_ = State::server_hello;
  EVP_PKEY_free(key_);
  key_ = nullptr;
  offered_ = resumed_ = encrypted_ = check_signature_ = took_ticket_ = wrong_certificate_ = false;
  unparsed_.clear();
  why_.clear();
}

bool Tls13Client::fail(std::string_view why) {
  why_ = why;
  return false;
}

bool Tls13Client::took_ticket() {
  const bool took = took_ticket_;
  took_ticket_ = false;
  return took;
}

Digest Tls13Client::transcript() const {
  SHA256_CTX copy = hashed_;
  Digest digest{};
  SHA256_Final(digest.data(), &copy);
  return digest;
}

void Tls13Client::add_to_transcript(const std::uint8_t* data, std::size_t size) {
  SHA256_Update(&hashed_, data, size);
}

bool Tls13Client::receive(const std::uint8_t* data, std::size_t size, Buffer& out, Ticket* ticket) {
  unparsed_.insert(unparsed_.end(), data, data + size);
  std::size_t at = 0;
  while (unparsed_.size() - at >= 4) {
    const std::size_t length = 4 + read24(unparsed_.data() + at + 1);
    if (unparsed_.size() - at < length) break;
    if (!message(unparsed_.data() + at, length, out, ticket)) return false;
    at += length;
  }
  unparsed_.erase(unparsed_.begin(), unparsed_.begin() + static_cast<std::ptrdiff_t>(at));
  return true;
}

bool Tls13Client::message(const std::uint8_t* data, std::size_t size, Buffer& out, Ticket* ticket) {
  const int type = data[0];
  switch (state_) {
    case State::server_hello:
      if (type != 2) return fail("expected ServerHello");
      add_to_transcript(data, size);
      state_ = State::encrypted_extensions;
      return on_server_hello(data, size);
    case State::encrypted_extensions:
      if (type != 8) return fail("expected EncryptedExtensions");
      add_to_transcript(data, size);
      state_ = resumed_ ? State::finished : State::certificate;
      return true;
    case State::certificate:
      if (type != 11) return fail("expected Certificate");
      add_to_transcript(data, size);
      state_ = State::certificate_verify;
      return on_certificate(data, size);
    case State::certificate_verify:
      if (type != 15) return fail("expected CertificateVerify");
      state_ = State::finished;
      return on_certificate_verify(data, size);
    case State::finished:
      if (type != 20 || size != 4 + kHash) return fail("expected Finished");
      state_ = State::open;
      return on_finished(data, size, out);
    case State::open:
      if (type == 4) return on_ticket(data, size, ticket);
      if (type == 24 && size == 5) return on_key_update(data, out);
      return fail("unexpected message after the handshake");
  }
  return fail("no such state");
}

bool Tls13Client::on_server_hello(const std::uint8_t* data, std::size_t size) {
  static constexpr std::array<std::uint8_t, 8> kRetry{0xcf, 0x21, 0xad, 0x74,
                                                      0xe5, 0x9a, 0x61, 0x11};
  if (size < 40) return fail("short ServerHello");
  if (std::memcmp(data + 6, kRetry.data(), kRetry.size()) == 0)
    return fail("HelloRetryRequest: the server wants no X25519");
  std::size_t at = 38 + 1 + data[38];
  if (at + 5 > size) return fail("bad ServerHello");
  if (read16(data + at) != 0x1301) return fail("the server did not pick TLS_AES_128_GCM_SHA256");
  const std::size_t end = at + 5 + read16(data + at + 3);
  at += 5;
  if (end > size) return fail("bad extensions of ServerHello");
  const std::uint8_t* share = nullptr;
  bool tls13 = false;
  while (at + 4 <= end) {
    const std::size_t type = read16(data + at);
    const std::size_t length = read16(data + at + 2);
    at += 4;
    if (at + length > end) return fail("bad extension");
    const std::uint8_t* value = data + at;
    if (type == 43 && length == 2) tls13 = read16(value) == 0x0304;
    if (type == 51 && length == 36 && read16(value) == 0x1d && read16(value + 2) == 32)
      share = value + 4;
    if (type == 41 && length == 2) {
      if (!offered_ || read16(value) != 0) return fail("bad PSK identity");
      resumed_ = true;
    }
    at += length;
  }
  if (!tls13 || share == nullptr) return fail("not TLS 1.3 with X25519");
  return agree(share);
}

/// The key schedule up to the Master Secret (RFC 8446 section 7.1).
bool Tls13Client::agree(const std::uint8_t* share) {
  Digest shared{};
  std::size_t size = shared.size();
  EVP_PKEY* peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, share, 32);
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key_, nullptr);
  const bool agreed = peer != nullptr && context != nullptr && EVP_PKEY_derive_init(context) > 0 &&
                      EVP_PKEY_derive_set_peer_ex(context, peer, 0) > 0 &&
                      EVP_PKEY_derive(context, shared.data(), &size) > 0;
  EVP_PKEY_CTX_free(context);
  EVP_PKEY_free(peer);
  if (!agreed) return fail("X25519");
  static const Digest without_psk = derive(early_secret(Digest{}), "derived", empty_hash());
  const Digest salt = resumed_ ? derive(early_secret(psk_), "derived", empty_hash()) : without_psk;
  handshake_ = hmac_sha256(salt, shared.data(), shared.size());
  const Digest so_far = transcript();
  client_handshake_ = derive(handshake_, "c hs traffic", so_far);
  server_handshake_ = derive(handshake_, "s hs traffic", so_far);
  reading.set(server_handshake_, false);
  writing.set(client_handshake_, true);
  encrypted_ = true;
  const Digest zeros{};
  master_ = hmac_sha256(derive(handshake_, "derived", empty_hash()), zeros.data(), zeros.size());
  return true;
}

bool Tls13Client::on_certificate(const std::uint8_t* data, std::size_t size) {
  if (size < 11) return fail("short Certificate");
  const std::size_t length = read24(data + 8);
  if (data[4] != 0 || 11 + length > size) return fail("bad Certificate");
  const std::string& want = expected.certificate;
  if (!want.empty() &&
      (length != want.size() || std::memcmp(data + 11, want.data(), length) != 0)) {
    wrong_certificate_ = true;
    return fail("the certificate is not the expected one");
  }
  return true;
}

bool Tls13Client::on_certificate_verify(const std::uint8_t* data, std::size_t size) {
  static constexpr std::string_view kPurpose{"TLS 1.3, server CertificateVerify\0", 34};
  const Digest so_far = transcript();
  add_to_transcript(data, size);
  if (size < 8 || 8 + read16(data + 6) != size) return fail("bad CertificateVerify");
  if (!check_signature_ || expected.certificate_key == nullptr) return true;
  if (read16(data + 4) != 0x0403) return fail("the signature is not ecdsa_secp256r1_sha256");
  std::string text(64, ' ');
  text += kPurpose;
  text.append(reinterpret_cast<const char*>(so_far.data()), so_far.size());
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const bool right =
      EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, expected.certificate_key) > 0 &&
      EVP_DigestVerify(context, data + 8, size - 8,
                       reinterpret_cast<const std::uint8_t*>(text.data()), text.size()) > 0;
  EVP_MD_CTX_free(context);
  return right || fail("the signature is wrong");
}

bool Tls13Client::on_finished(const std::uint8_t* data, std::size_t size, Buffer& out) {
  const Digest want = finished_mac(server_handshake_, transcript());
  if (std::memcmp(want.data(), data + 4, want.size()) != 0)
    return fail("the server's Finished is wrong");
  add_to_transcript(data, size);
  const Digest so_far = transcript();
  std::array<std::uint8_t, 4 + kHash> finished{20, 0, 0, kHash};
  const Digest mac = finished_mac(client_handshake_, so_far);
  std::memcpy(finished.data() + 4, mac.data(), mac.size());
  const std::array<std::uint8_t, 6> change_cipher_spec{20, 3, 3, 0, 1, 1};
  out.insert(out.end(), change_cipher_spec.begin(), change_cipher_spec.end());
  const std::size_t at = out.size();
  out.resize(at + finished.size() + 22);
  writing.seal(22, finished.data(), finished.size(), out.data() + at);
  reading.set(derive(master_, "s ap traffic", so_far), false);
  writing.set(derive(master_, "c ap traffic", so_far), true);
  add_to_transcript(finished.data(), finished.size());
  resumption_ = derive(master_, "res master", transcript());
  return true;
}

bool Tls13Client::on_ticket(const std::uint8_t* data, std::size_t size, Ticket* ticket) {
  if (size < 13) return fail("bad ticket");
  const std::size_t nonce = data[12];
  if (15 + nonce > size) return fail("bad ticket");
  const std::size_t length = read16(data + 13 + nonce);
  if (15 + nonce + length > size) return fail("bad ticket");
  if (ticket == nullptr) return true;
  ticket->age_add = static_cast<std::uint32_t>(read16(data + 8) << 16 | read16(data + 10));
  expand_label(resumption_, "resumption", data + 13, nonce, ticket->psk.data(), kHash);
  ticket->identity.assign(data + 15 + nonce, data + 15 + nonce + length);
  ticket->received_ns = now_ns();
  took_ticket_ = true;
  return true;
}

bool Tls13Client::on_key_update(const std::uint8_t* data, Buffer& out) {
  reading.update(false);
  if (data[4] == 0) return true;
  const std::array<std::uint8_t, 5> answer{24, 0, 0, 1, 0};
  const std::size_t at = out.size();
  out.resize(at + answer.size() + 22);
  writing.seal(22, answer.data(), answer.size(), out.data() + at);
  writing.update(true);
  return true;
}

}  // namespace gatepost::bench
