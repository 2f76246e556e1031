#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/error.h"

namespace gatepost::pop3 {

/// The commands Gatepost understands (RFC 1939, 2449, 2595, 5034, 6856; XCLIENT is Dovecot's).
/// `unknown` is for the rest.
enum class Verb : std::uint8_t {
  user,
  pass,
  apop,
  auth,
  xclient,
  stls,
  capa,
  quit,
  stat,
  list,
  retr,
  dele,
  noop,
  rset,
  top,
  uidl,
  utf8,
  lang,
  unknown,
  count_,
};
/// "USER", …, "OTHER" for unknown.
[[nodiscard]] std::string_view to_string(Verb verb);

/// How the reply to a command ends (RFC 1939 section 3). An -ERR is always a single line.
enum class ReplyShape : std::uint8_t { single, multi };

/// The largest number that goes upstream: what fits a signed 32-bit integer there.
inline constexpr std::uint32_t kMaxNumber = 0x7FFF'FFFF;

/// Octets of a language tag (RFC 5646 section 4.4.1).
inline constexpr std::size_t kMaxLanguageTag = 35;

/// One command, checked: numbers are numbers, nothing stands where nothing may stand.
struct Command {
  Verb verb = Verb::unknown;
  /// USER, PASS, XCLIENT: the rest of the line after one blank, blanks and all. APOP: the name.
  /// AUTH: mechanism, upper case, or "" when the client asks for a list of them. LANG: the tag, or
  /// "" when the client asks for a list. Others: empty.
  std::string text;
  std::string digest;  ///< APOP only: 32 lower-case hexadecimal digits (RFC 1939 section 7)
  /// AUTH only: the initial response ("=" stands for an empty one, RFC 5034 section 4).
  std::optional<std::string> initial_response;
  std::optional<std::uint32_t> message;  ///< LIST, UIDL, RETR, DELE, TOP: 1 … kMaxNumber
  std::uint32_t lines = 0;               ///< TOP: number of body lines, 0 … kMaxNumber

  /// "STAT", "QUIT", …: without arguments.
  [[nodiscard]] static Command of(Verb verb);
  /// "DELE 3", …
  [[nodiscard]] static Command of(Verb verb, std::uint32_t message);
  [[nodiscard]] ReplyShape reply_shape() const;
  /// The line to send upstream, with CRLF, built anew from the checked parts. For transaction
  /// commands and QUIT, CAPA, STLS, UTF8 only: secrets have writers of their own.
  [[nodiscard]] std::string wire() const;
};

/// Parses a line without CRLF (RFC 1939 section 3, RFC 5034 section 4). Verbs are case-blind; one
/// blank stands between words; blanks after the last number, or after a command without arguments,
/// are forgiven. Numbers may have leading zeros; a message number beyond kMaxNumber is an error, a
/// TOP that asks for more lines than that gets kMaxNumber of them. Verbs we don't know are
/// `unknown` and no error, whatever follows them. Control characters are refused anywhere but in
/// PASS, where only NUL, CR and LF are. The error's detail is the text for the client's -ERR,
/// without "-ERR " and without anything of the peer's; its code is `protocol`.
[[nodiscard]] Result<Command> parse_command(std::string_view line);

}  // namespace gatepost::pop3
