#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gatepost::guard {

/// Stands for a network or a user in the tables: of one size however long the name was, and
/// nobody without the key can find two names with one digest.
struct Digest {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const Digest&) const = default;
};

/// For hash tables: a digest is a good hash already.
struct DigestHash {
  std::size_t operator()(const Digest& digest) const { return digest.low; }
};

/// SipHash-2-4 with 128 bits (Aumasson, Bernstein: "SipHash: a fast short-input PRF").
class KeyedDigest {
 public:
  using Key = std::array<std::uint64_t, 2>;

  explicit KeyedDigest(Key key) : key_(key) {}
  /// With a key that nobody knows, another one in every process.
  [[nodiscard]] static KeyedDigest random();

  [[nodiscard]] Digest of(std::string_view text) const;

 private:
  Key key_;
};

}  // namespace gatepost::guard
