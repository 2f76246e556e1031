#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

/// Numbers in files, least octet first. What is beyond the end counts as 0.
namespace gatepost::filters {

[[nodiscard]] constexpr std::uint32_t little_octet(std::string_view text, std::size_t at) {
  return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
}
[[nodiscard]] constexpr std::uint16_t little16(std::string_view text, std::size_t at) {
  return static_cast<std::uint16_t>(little_octet(text, at) | (little_octet(text, at + 1) << 8U));
}
[[nodiscard]] constexpr std::uint32_t little32(std::string_view text, std::size_t at) {
  return little16(text, at) | (std::uint32_t{little16(text, at + 2)} << 16U);
}

}  // namespace gatepost::filters
