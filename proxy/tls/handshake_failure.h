#pragma once

#include <cstdint>
#include <optional>

#include "proxy/net/transport.h"

namespace gatepost::tls {

/// Why a handshake failed, in few enough words for a metric's label.
enum class HandshakeFailure : std::uint8_t {
  not_tls,            ///< the peer sent something else: plain POP3, HTTP
  no_shared_version,  ///< the peer speaks only versions that we do not
  no_shared_cipher,   ///< no cipher suite, group or signature algorithm in common
  no_alpn,            ///< the client offered protocols, but not "pop3"
  no_certificate,     ///< the client has none, and must have one
  bad_certificate,    ///< the peer's certificate cannot be verified, or has a wrong name or key
  peer_alert,         ///< the peer gave up and said so, for example about our certificate
  closed,             ///< the connection ended before the handshake did
  other,
};

/// Why the handshake on `transport` failed; nullopt if it did not, or if that is no TLS transport.
/// The words for the administrator are in end().
[[nodiscard]] std::optional<HandshakeFailure> handshake_failure(const net::Transport& transport);

}  // namespace gatepost::tls
