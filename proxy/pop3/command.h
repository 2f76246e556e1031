#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/error.h"

namespace gatepost::pop3 {

/// The commands Gatepost understands (RFC 1939, 2449, 2595, 5034). `unknown` is for the rest.
enum class Verb : std::uint8_t {
  user,
  pass,
  apop,
  auth,
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
  unknown,
  count_,
};
/// "USER", …, "OTHER" for unknown.
[[nodiscard]] std::string_view to_string(Verb verb);

/// How the reply to a command ends (RFC 1939 section 3). An -ERR is always a single line.
enum class ReplyShape : std::uint8_t { single, multi };

/// One command, checked: numbers are numbers, nothing stands where nothing may stand.
struct Command {
  Verb verb = Verb::unknown;
  /// USER, PASS: the rest of the line, blanks and all. AUTH: mechanism, upper case.
  /// Others: empty.
  std::string text;
  /// AUTH only: the initial response ("=" stands for an empty one, RFC 5034 section 4).
  std::optional<std::string> initial_response;
  std::optional<std::uint32_t> message;  ///< LIST, UIDL, RETR, DELE, TOP: the message number
  std::uint32_t lines = 0;               ///< TOP: number of body lines

  [[nodiscard]] ReplyShape reply_shape() const;
  /// The line to send upstream, with CRLF, built anew from the checked parts. For transaction
  /// commands and QUIT, CAPA, STLS only: secrets have writers of their own.
  [[nodiscard]] std::string wire() const;
};

/// Parses a line without CRLF. The error's detail is the text for the client's -ERR, without
/// "-ERR " and without anything of the peer's; its code is `protocol`.
[[nodiscard]] Result<Command> parse_command(std::string_view line);

}  // namespace gatepost::pop3
