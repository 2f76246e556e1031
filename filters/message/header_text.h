#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Texts of header fields, for people: out of a message, and into one.
namespace gatepost::filters {

/// Octets of a field that are looked at; what comes after them is not shown.
inline constexpr std::size_t kMaxFieldText = 8 * 1024;

/// Encoded words (RFC 2047) as UTF-8, as far as their character set is UTF-8, US-ASCII, ISO-8859-1,
/// ISO-8859-15 or windows-1252; others stay as they are. May hold anything: make it inert.
[[nodiscard]] std::string decode_words(std::string_view field);

/// UTF-8 in one line that does nothing: octets that are not UTF-8 become "?", controls and line
/// ends a blank, invisible characters and those that turn the writing direction go; blanks in a row
/// become one, none stand at the ends. Longer than `max_characters`: cut, with "…".
[[nodiscard]] std::string inert_text(std::string_view text, std::size_t max_characters);

/// A field as a person reads it: decoded, inert.
[[nodiscard]] std::string readable_field(std::string_view field, std::size_t max_characters);

/// Text that mail programs do not make a link of: "http" before "://" becomes "hxxp", any other
/// "://" becomes "[:]//", "www." and "ftp." at the start of a word become "www[.]".
[[nodiscard]] std::string without_links(std::string_view text);

/// Text as it stands in HTML, also within quotes.
[[nodiscard]] std::string escape_html(std::string_view text);

/// Whether text may stand in a header as it is: printable ASCII that nobody takes for encoded
/// words.
[[nodiscard]] bool is_plain(std::string_view text);

/// Inert text as the value of an unstructured field: as it is where it is ASCII, else encoded words
/// (RFC 2047). Folded with CRLF and a blank, for a line that already holds `used` characters.
[[nodiscard]] std::string encode_words(std::string_view text, std::size_t used);

}  // namespace gatepost::filters
