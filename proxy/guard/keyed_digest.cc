#include "proxy/guard/keyed_digest.h"

#include <bit>
#include <random>

namespace gatepost::guard {

namespace {

struct State {
  std::uint64_t v0;
  std::uint64_t v1;
  std::uint64_t v2;
  std::uint64_t v3;

  void rounds(int count) {
    for (int i = 0; i < count; ++i) {
      v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
      v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
    }
  }
  void take(std::uint64_t word) {
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  }
  [[nodiscard]] std::uint64_t mixed() const { return v0 ^ v1 ^ v2 ^ v3; }
};

/// At most eight octets, little-endian.
std::uint64_t word_of(std::string_view octets) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < octets.size(); ++i) {
    word |= static_cast<std::uint64_t>(static_cast<unsigned char>(octets[i])) << (8 * i);
  }
  return word;
}

}  // namespace

KeyedDigest KeyedDigest::random() {
  std::random_device device;
  const auto word = [&device] {
    return (static_cast<std::uint64_t>(device()) << 32U) | static_cast<std::uint32_t>(device());
  };
  const std::uint64_t first = word();
  return KeyedDigest({first, word()});
}

Digest KeyedDigest::of(std::string_view text) const {
  // "somepseudorandomlygeneratedbytes", and 0xee for the form with 128 bits.
  State state{.v0 = key_[0] ^ 0x736f6d6570736575U,
              .v1 = key_[1] ^ 0x646f72616e646f6dU ^ 0xeeU,
              .v2 = key_[0] ^ 0x6c7967656e657261U,
              .v3 = key_[1] ^ 0x7465646279746573U};
  const std::uint64_t size = text.size();
  while (text.size() >= 8) {
    state.take(word_of(text.substr(0, 8)));
    text.remove_prefix(8);
  }
  state.take(word_of(text) | (size << 56U));

  Digest digest;
  state.v2 ^= 0xeeU;
  state.rounds(4);
  digest.low = state.mixed();
  state.v1 ^= 0xddU;
  state.rounds(4);
  digest.high = state.mixed();
  return digest;
}

}  // namespace gatepost::guard
