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
  std::optional<std::uint16_t> port;
  std::optional<IpAddress> local_address;
  std::optional<std::uint16_t> local_port;
  std::string session;               ///< printable, no blank
  std::string server_name;           ///< DESTNAME: a DNS name
  std::optional<bool> secure;        ///< CLIENT-TRANSPORT
  std::string forward;               ///< base64, as it goes on the wire
  std::optional<std::uint8_t> hops;  ///< TTL
};

/// Reads what follows "XCLIENT ". Unknown keys are ignored; a bad value is an error whose detail is
/// the text for -ERR. A TTL of 0 or 1 is refused (a loop).
[[nodiscard]] Result<Xclient> parse_xclient(std::string_view arguments);

/// "XCLIENT ADDR=… PORT=…\r\n", at most kMaxLine octets: what would not fit is left out, from the
/// end of the list (FORWARD first).
[[nodiscard]] std::string xclient_line(const Xclient& xclient);

/// Whether a greeting's text ("[XCLIENT] Dovecot ready.") offers XCLIENT.
[[nodiscard]] bool greeting_offers_xclient(std::string_view text);
/// The APOP timestamp in a greeting's text, with its brackets (RFC 1939 section 7); "" without.
[[nodiscard]] std::string greeting_timestamp(std::string_view text);

}  // namespace gatepost::pop3
