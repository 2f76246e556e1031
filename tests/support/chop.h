#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace gatepost::testing {

/// Whether the program is compiled with a sanitizer: tests of large inputs take smaller ones then.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSlowBuild = true;
#else
inline constexpr bool kSlowBuild = false;
#endif

/// The seed of this run's random tests: GATEPOST_SEED, or a new one.
inline std::uint64_t run_seed() {
  static const std::uint64_t seed = [] {
    const char* const given = std::getenv("GATEPOST_SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  }();
  return seed;
}

/// Numbers of one random test; name() says how to repeat it.
class Random {
 public:
  explicit Random(std::uint64_t offset = 0) : engine_(run_seed() + offset) {}
  /// From `low` to `high`, both possible.
  std::size_t between(std::size_t low, std::size_t high) {
    return std::uniform_int_distribution<std::size_t>(low, high)(engine_);
  }
  [[nodiscard]] static std::string name() { return "GATEPOST_SEED=" + std::to_string(run_seed()); }

 private:
  std::mt19937_64 engine_;
};

/// One way of cutting a stream into pieces.
class Chopping {
 public:
  enum class Kind { whole, bytes, random };
  explicit Chopping(Kind kind, std::uint64_t offset = 0) : kind_(kind), random_(offset) {}

  /// The size of the next piece, at least 1.
  [[nodiscard]] std::size_t next() {
    switch (kind_) {
      case Kind::whole:
        return 64 * 1024;
      case Kind::bytes:
        return 1;
      case Kind::random:
        break;
    }
    // Mostly small ones: that is where cuts inside CRLF "." CRLF happen.
    return random_.between(0, 3) == 0 ? random_.between(1, 300) : random_.between(1, 6);
  }
  [[nodiscard]] std::vector<std::string_view> cut(std::string_view text) {
    std::vector<std::string_view> pieces;
    while (!text.empty()) {
      const std::size_t n = kind_ == Kind::whole ? text.size() : std::min(next(), text.size());
      pieces.push_back(text.substr(0, n));
      text.remove_prefix(n);
    }
    return pieces;
  }
  [[nodiscard]] Kind kind() const { return kind_; }

 private:
  Kind kind_;
  Random random_;
};

/// Runs `test(Chopping&)` whole, byte by byte and with `splits` random choppings; a failure names
/// the seed.
template <class Test>
void for_each_chopping(Test test, std::size_t splits = 10) {
  const auto run = [&test](Chopping chopping, const std::string& name) {
    const ::testing::ScopedTrace trace(__FILE__, __LINE__, name);
    test(chopping);
  };
  run(Chopping(Chopping::Kind::whole), "whole");
  run(Chopping(Chopping::Kind::bytes), "byte by byte");
  for (std::size_t i = 0; i < splits; ++i) {
    run(Chopping(Chopping::Kind::random, i),
        "random split " + std::to_string(i) + ", " + Random::name());
  }
}

}  // namespace gatepost::testing
