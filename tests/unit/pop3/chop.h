#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.h"

namespace gatepost::pop3::test {

using Pieces = std::vector<std::string_view>;

/// What random tests start from: GATEPOST_SEED from the environment, else always the same.
inline std::uint32_t seed() {
  const char* const text = std::getenv("GATEPOST_SEED");
  return text == nullptr ? 20250701U : static_cast<std::uint32_t>(std::strtoul(text, nullptr, 0));
}

/// Below `n`, the same on every machine for the same seed.
template <class Random>
std::size_t below(Random& random, std::size_t n) {
  return random() % n;
}

inline std::string random_text(std::mt19937& random, std::string_view alphabet, std::size_t size) {
  std::string text;
  while (text.size() < size) text += alphabet[below(random, alphabet.size())];
  return text;
}

inline Pieces byte_by_byte(std::string_view text) {
  Pieces pieces;
  for (std::size_t i = 0; i < text.size(); ++i) pieces.push_back(text.substr(i, 1));
  return pieces;
}

template <class Random>
Pieces random_pieces(Random& random, std::string_view text) {
  Pieces pieces;
  const std::size_t longest = 1 + below(random, 2 * text.size() + 1);
  while (!text.empty()) {
    const std::size_t size = 1 + below(random, longest);
    pieces.push_back(text.substr(0, size));
    text.remove_prefix(pieces.back().size());
  }
  return pieces;
}

/// `text` whole, byte by byte, cut once at every place, and cut at random.
inline std::vector<Pieces> choppings(std::string_view text) {
  std::vector<Pieces> all = {{text}, byte_by_byte(text)};
  for (std::size_t cut = 1; cut < text.size() && cut <= 600; ++cut) {
    all.push_back({text.substr(0, cut), text.substr(cut)});
  }
  std::mt19937 random(seed());
  for (int i = 0; i < 50; ++i) all.push_back(random_pieces(random, text));
  return all;
}

/// Chains whose slices stay apart: neighbours come from different pools.
class Source {
 public:
  [[nodiscard]] ByteChain chain(std::string_view text) { return {next(), text}; }
  [[nodiscard]] ByteChain chain(const Pieces& pieces) {
    ByteChain all;
    for (const std::string_view piece : pieces) all.append(chain(piece));
    return all;
  }

 private:
  BlockPool& next() { return (turn_ = !turn_) ? one_ : other_; }
  BlockPool one_;
  BlockPool other_;
  bool turn_ = false;
};

}  // namespace gatepost::pop3::test
