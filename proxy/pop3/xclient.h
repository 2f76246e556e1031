#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/address.h"
#include "proxy/base/error.h"

namespace gatepost::pop3 {

/// What XCLIENT says of a client (Dovecot's extension; docs "Forwarding Parameters"). What is not
/// set was not said.
struct Xclient {
  static constexpr std::size_t kMaxSession = 64;   ///< octets; a longer one is ignored
  static constexpr std::size_t kMaxForward = 512;  ///< octets of base64; longer is an error
  static constexpr std::size_t kMaxLine = 1024;    ///< octets with CRLF that a receiver takes

  std::optional<IpAddress> address;
  std::optional<std::uint16_t> port;  ///< not 0
  std::optional<IpAddress> local_address;
  std::optional<std::uint16_t> local_port;  ///< not 0
  std::string session;                      ///< printable, no blank
  std::string server_name;                  ///< DESTNAME: a DNS name, lower case
  std::optional<bool> secure;               ///< CLIENT-TRANSPORT
  std::string forward;                      ///< base64, as it goes on the wire
  std::optional<std::uint8_t> hops;         ///< TTL as it stands on the wire, at least 2
};

/// Reads what follows "XCLIENT ". Keys are case-blind; unknown keys, words without "=" and a
/// session that is too long or not printable are ignored; of a key said twice the last counts. A
/// bad value (also of a key that is known but empty) is an error whose detail is the text for -ERR,
/// without anything of the peer's: `protocol`. `limit` for a TTL of 0 or 1 (a loop), and for
/// arguments that make the line longer than kMaxLine.
[[nodiscard]] Result<Xclient> parse_xclient(std::string_view arguments);

/// Reads what follows "XOIP ", as Zimbra's nginx sends it: an address, and nothing else.
[[nodiscard]] Result<Xclient> parse_xoip(std::string_view arguments);

/// "XCLIENT ADDR=… PORT=…\r\n", at most kMaxLine octets. What parse_xclient() would not take is
/// left out, so nothing in `xclient` can make a second line or one that is too long.
[[nodiscard]] std::string xclient_line(const Xclient& xclient);

/// Whether a greeting's text ("[XCLIENT] Dovecot ready.") offers XCLIENT.
[[nodiscard]] bool greeting_offers_xclient(std::string_view text);

/// Octets of a timestamp with its brackets; a longer one is none. What is made of it (a greeting,
/// a challenge) must fit into a reply line.
inline constexpr std::size_t kMaxTimestamp = 255;
/// The APOP timestamp in a greeting's text, with its brackets (RFC 1939 section 7: a msg-id, so
/// printable, without blanks, and with an "@"); "" without.
[[nodiscard]] std::string greeting_timestamp(std::string_view text);

}  // namespace gatepost::pop3
