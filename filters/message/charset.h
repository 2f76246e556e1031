#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Character sets of text parts: into UTF-8, and back.
namespace gatepost::filters {

/// What a mail program reads when it does not know, or does not heed, the charset of a text.
enum class CharsetKind : std::uint8_t {
  ascii,    ///< none said, or us-ascii
  utf8,     ///<
  single,   ///< one octet a character, those below 128 are ASCII: iso-8859-*, windows-125*, koi8-*
  multi,    ///< several octets, of which some may look like ASCII: gbk, shift_jis, iso-2022-jp
  wide,     ///< not a superset of ASCII: utf-7, utf-16, utf-32
  unknown,  ///< any other word
};

/// By its name in any case, as it stands in a Content-Type; "" is `ascii`.
[[nodiscard]] CharsetKind charset_kind(std::string_view charset);

/// `octets` as UTF-8. Never fails: what the charset has no character for is read as windows-1252
/// (one octet at a time), and so is all of a charset that is not known here. `clean`, if given,
/// becomes false when that happened, and stays as it is otherwise.
[[nodiscard]] std::string to_utf8(std::string_view octets, std::string_view charset,
                                  bool* clean = nullptr);

/// UTF-8 in that charset, with look-alikes ("EUR" for "€") where it has no such character; none
/// when even that does not help, or for charsets that are `wide` or `unknown`.
[[nodiscard]] std::optional<std::string> from_utf8(std::string_view text, std::string_view charset);

/// Everything beyond ASCII as numeric character references: "&#8364;" (HTML, in any charset).
[[nodiscard]] std::string ascii_html(std::string_view utf8);

}  // namespace gatepost::filters
