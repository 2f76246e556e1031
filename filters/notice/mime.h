#pragma once

#include <string>
#include <string_view>

/// The few pieces of a message that a notice is put together from.
namespace gatepost::filters {

/// Text with CRLF line ends in quoted-printable (RFC 2045 section 6.7): lines of at most 76
/// characters, printable ASCII.
[[nodiscard]] std::string quoted_printable(std::string_view text);

/// The date of a Date field written anew as RFC 5322 section 3.3 has it, without the day's name;
/// empty if it is none.
[[nodiscard]] std::string clean_date(std::string_view field);

/// Whose mail it was, in a few words: the name of a decoded From field, or else its address. Inert.
[[nodiscard]] std::string sender_name(std::string_view from);

/// Inert text as the name before an address (RFC 5322 phrase): quoted, or encoded words.
[[nodiscard]] std::string phrase(std::string_view text, std::size_t used);

}  // namespace gatepost::filters
