#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace gatepost {

/// Octets of a DNS name in text form without the final dot, and of one label (RFC 1035, 2.3.4).
inline constexpr std::size_t kMaxDnsName = 253;
inline constexpr std::size_t kMaxDnsLabel = 63;

/// Whether `text` names a host: labels of letters, digits, "-" and "_" between single dots, without
/// a final dot. A name whose last label is a number is none (it would be read as an address).
[[nodiscard]] constexpr bool is_dns_name(std::string_view text) {
  if (text.size() > kMaxDnsName) return false;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  for (;;) {
    const std::size_t dot = text.find('.');
    const std::string_view label = text.substr(0, dot);
    if (label.empty() || label.size() > kMaxDnsLabel || label.front() == '-') return false;
    const bool fits = std::ranges::all_of(
        label, [&](char c) { return is_digit(c) || is_letter(c) || c == '-' || c == '_'; });
    if (!fits) return false;
    if (dot == std::string_view::npos) return !std::ranges::all_of(label, is_digit);
    text.remove_prefix(dot + 1);
  }
}

/// The same in lower case (A to Z alone): how names are kept and compared.
[[nodiscard]] inline std::string lower_dns_name(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace gatepost
