#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gatepost::admin {

/// Of digits alone; null of anything else, and of what is too large.
[[nodiscard]] inline std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace gatepost::admin
