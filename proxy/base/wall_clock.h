#pragma once

#include <cstdint>
#include <string>

namespace gatepost {

/// Seconds since 1970, UTC, by the clock that people set: for what outlives the process. What waits
/// goes by Instant.
[[nodiscard]] std::int64_t seconds_since_1970();

/// "2026-01-31 12:00:00", UTC, of seconds since 1970; "?" for what no calendar has.
[[nodiscard]] std::string utc_text(std::int64_t seconds);

}  // namespace gatepost
