#include "proxy/base/digest.h"

#include <openssl/mem.h>
#include <openssl/sha.h>

#include <algorithm>

namespace gatepost {

struct Sha256::State {
  SHA256_CTX context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) { SHA256_Init(&state_->context); }
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view text) {
  SHA256_Update(&state_->context, text.data(), text.size());
}

Digest Sha256::finish() {
  Digest digest;
  SHA256_Final(digest.data(), &state_->context);
  return digest;
}

Digest sha256(std::string_view text) {
  Sha256 sha;
  sha.update(text);
  return sha.finish();
}

struct HmacSha256::State {
  SHA256_CTX inner;  // has taken the key's block, and waits for the text
  SHA256_CTX outer;  // the same, and waits for the inner digest
};

HmacSha256::HmacSha256(std::string_view key) {
  std::array<std::uint8_t, SHA256_CBLOCK> block{};
  if (key.size() > block.size()) {
    Digest digest = sha256(key);
    std::ranges::copy(digest, block.begin());
    OPENSSL_cleanse(digest.data(), digest.size());
  } else {
    std::ranges::copy(key, block.begin());
  }
  state_ = std::make_unique<State>();
  const auto take = [&block](SHA256_CTX& context, std::uint8_t pad) {
    for (std::uint8_t& octet : block) octet ^= pad;
    SHA256_Init(&context);
    SHA256_Update(&context, block.data(), block.size());
    for (std::uint8_t& octet : block) octet ^= pad;
  };
  take(state_->inner, 0x36);
  take(state_->outer, 0x5c);
  OPENSSL_cleanse(block.data(), block.size());
}

HmacSha256::~HmacSha256() { OPENSSL_cleanse(state_.get(), sizeof(State)); }

Digest HmacSha256::of(std::string_view text) const {
  Digest digest;
  SHA256_CTX context = state_->inner;
  SHA256_Update(&context, text.data(), text.size());
  SHA256_Final(digest.data(), &context);
  context = state_->outer;
  SHA256_Update(&context, digest.data(), digest.size());
  SHA256_Final(digest.data(), &context);
  return digest;
}

std::string to_hex(std::span<const std::uint8_t> octets) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t octet : octets) {
    text += kDigits[octet >> 4U];
    text += kDigits[octet & 0xfU];
  }
  return text;
}

}  // namespace gatepost
