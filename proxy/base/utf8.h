#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// UTF-8 (RFC 3629), and what of it must not reach a terminal, a log or a mail program as it is.
namespace gatepost::utf8 {

/// A code point, or an octet that is not UTF-8 (size 1, not valid).
struct Character {
  char32_t value;
  std::size_t size;
  bool valid;
};

/// `text` is not empty. Overlong forms and surrogates are not UTF-8 (RFC 3629 section 3).
[[nodiscard]] Character first_character(std::string_view text);

/// Whether all of it is UTF-8.
[[nodiscard]] bool is_valid(std::string_view text);

/// Whether `c` is an octet inside or at the end of a character of several, not at its beginning.
[[nodiscard]] constexpr bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

/// Controls, line separators, and characters that are invisible or turn the writing direction.
[[nodiscard]] bool is_active(char32_t c);

/// The blanks of all scripts; not tabs or line ends, which are active.
[[nodiscard]] bool is_blank(char32_t c);

/// `c` is a code point.
void append(std::string& out, char32_t c);

}  // namespace gatepost::utf8
