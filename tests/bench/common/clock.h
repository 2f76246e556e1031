#pragma once

#include <time.h>

#include <cstdint>

namespace gatepost::bench {

/// Nanoseconds of the monotonic clock.
inline std::uint64_t now_ns() {
  timespec at{};
  clock_gettime(CLOCK_MONOTONIC, &at);
  return static_cast<std::uint64_t>(at.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(at.tv_nsec);
}

inline double seconds_of(std::uint64_t ns) { return static_cast<double>(ns) / 1e9; }

}  // namespace gatepost::bench
