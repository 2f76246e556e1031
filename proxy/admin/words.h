#pragma once

#include <chrono>
#include <cstdint>
#include <string>

/// Numbers and times as people read them.
namespace gatepost::admin {

/// "12,345"
[[nodiscard]] std::string count(std::uint64_t number);
/// "12,345 sessions", "1 session"
[[nodiscard]] std::string count(std::uint64_t number, const char* one);
/// "1.2 MiB", "17 B"
[[nodiscard]] std::string octets(std::uint64_t number);
/// "3 d 4 h", "5 min 3 s", "0 s": the two largest units
[[nodiscard]] std::string span(std::chrono::seconds time);
/// "2026-01-31 12:00:00", UTC, of seconds since 1970; "–" for 0
[[nodiscard]] std::string utc(std::int64_t seconds);
[[nodiscard]] std::string utc(std::chrono::system_clock::time_point time);

}  // namespace gatepost::admin
