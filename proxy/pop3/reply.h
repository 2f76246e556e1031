#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatepost::pop3 {

/// Response codes that Gatepost itself sends (RFC 2449 section 8, RFC 3206).
enum class ResponseCode : std::uint8_t { none, sys_temp, sys_perm, auth, in_use };

/// The first line of a reply, as upstream sent it.
struct Status {
  bool ok = false;
  std::string text;  ///< what follows "+OK " or "-ERR "; may be empty

  /// The response code, upper case and without brackets ("SYS/TEMP"), "" without.
  [[nodiscard]] std::string code() const;
  /// The line as sent, with CRLF (but for a blank that no text follows).
  [[nodiscard]] std::string wire() const;
};

/// Parses "+OK…" or "-ERR…" without CRLF (RFC 1939 section 3: upper case, then end or a blank).
/// Nothing for any other line, and for one with NUL or bare CR in it.
[[nodiscard]] std::optional<Status> parse_status(std::string_view line);

/// Octets of a status line of our own, with CRLF (RFC 1939 section 3).
inline constexpr std::size_t kMaxReplyLine = 512;

/// "+OK text\r\n", at most kMaxReplyLine octets. `text` must be our own or sanitised: control
/// characters in it become "?", so that it stays one line whatever happens.
[[nodiscard]] std::string ok(std::string_view text);
/// "-ERR [SYS/TEMP] text\r\n", with the same limit and the same care.
[[nodiscard]] std::string err(ResponseCode code, std::string_view text);
[[nodiscard]] inline std::string err(std::string_view text) {
  return err(ResponseCode::none, text);
}

}  // namespace gatepost::pop3
