#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gatepost::config {

/// "500ms", "15s", "10m", "1h" or "30d": a whole number and a unit, nothing else.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
/// "256MiB", "64KiB" or "1GiB", in bytes.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);
/// "0660" or "660": octal permission bits.
[[nodiscard]] std::optional<std::uint32_t> parse_mode(std::string_view text);
/// Decimal digits only, at most 18 of them.
[[nodiscard]] std::optional<std::uint64_t> parse_count(std::string_view text);

}  // namespace gatepost::config
