#pragma once

#include <cstdint>

namespace gatepost {

/// Seconds since 1970, UTC, by the clock that people set: for what outlives the process. What waits
/// goes by Instant.
[[nodiscard]] std::int64_t seconds_since_1970();

}  // namespace gatepost
