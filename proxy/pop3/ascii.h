#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace gatepost::pop3 {

/// Upper case for A to Z alone, whatever the locale.
[[nodiscard]] constexpr char to_upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

[[nodiscard]] inline std::string to_upper(std::string_view text) {
  std::string upper(text);
  std::ranges::transform(upper, upper.begin(), [](char c) { return to_upper(c); });
  return upper;
}

/// Lower case for A to Z alone.
[[nodiscard]] constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] inline std::string to_lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) { return to_lower(c); });
  return lower;
}

[[nodiscard]] inline bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// Of a hexadecimal digit in either case; -1 of anything else.
[[nodiscard]] constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char upper = to_upper(c);
  return upper >= 'A' && upper <= 'F' ? upper - 'A' + 10 : -1;
}

/// C0 and DEL; TAB counts as text.
[[nodiscard]] constexpr bool is_control(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
}

/// Whether `text` holds an octet that could cut a line in two somewhere down the road.
[[nodiscard]] inline bool breaks_lines(std::string_view text) {
  return text.find_first_of(std::string_view("\0\r\n", 3)) != std::string_view::npos;
}

/// What names of SASL mechanisms are made of.
[[nodiscard]] constexpr bool is_mechanism_char(char c) {
  const char upper = to_upper(c);
  return (upper >= 'A' && upper <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/// Whether `text` names a SASL mechanism, known or not (RFC 4422 section 3.1).
[[nodiscard]] inline bool is_mechanism_name(std::string_view text) {
  constexpr std::size_t kMaxMechanism = 20;
  return !text.empty() && text.size() <= kMaxMechanism &&
         std::ranges::all_of(text, is_mechanism_char);
}

/// Whether `text` is an MD5 digest as APOP and CRAM-MD5 write it: 32 lower-case hexadecimal digits
/// (RFC 1939 section 7, RFC 2195).
[[nodiscard]] inline bool is_hex_digest(std::string_view text) {
  return text.size() == 32 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace gatepost::pop3
