#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/base/cells.h"
#include "proxy/pop3/command.h"

namespace gatepost::session {

/// How a login ended. Every value is a label of a metric and a word of the log.
enum class LoginResult : std::uint8_t {
  ok,
  refused,      ///< upstream said -ERR to the credentials
  unavailable,  ///< upstream could not be reached, spoke nonsense or timed out
  client_gone,  ///< the client left before the answer
  cancelled,    ///< the client broke a relayed dialog off
  throttled,    ///< refused here: too many failed logins before
  count_,
};
[[nodiscard]] std::string_view to_string(LoginResult result);

/// Why a session ended.
enum class EndReason : std::uint8_t {
  quit,                 ///< QUIT was answered
  client_closed,        ///< the client left without QUIT
  client_error,         ///< reset, cut or broken TLS on the client's side
  handshake_failed,     ///< TLS never stood
  protocol_error,       ///< the client broke the protocol
  too_many_errors,      ///< login attempts or bad commands
  timeout,              ///< handshake, login or inactivity deadline
  upstream_lost,        ///< upstream vanished, spoke nonsense or went silent
  mailbox_unavailable,  ///< a policy needs to know of the mailbox what could not be found out
  message_broken,   ///< a message could not be completed: too late a verdict, or the rest is lost
  drained,          ///< the gateway is going down
  kicked,           ///< an administrator ended it
  refused_full,     ///< connection limit
  refused_network,  ///< connection limit of one network
  refused_rate,     ///< too many new connections a second
  refused_proxy,    ///< no PROXY header, or not from a trusted peer
  internal,
  count_,
};
[[nodiscard]] std::string_view to_string(EndReason reason);

enum class TlsVersionLabel : std::uint8_t { none, tls1_0, tls1_1, tls1_2, tls1_3, other, count_ };
[[nodiscard]] std::string_view to_string(TlsVersionLabel version);

/// Known ciphers, so that label sets stay bounded.
enum class CipherLabel : std::uint8_t {
  aes_128_gcm,
  aes_256_gcm,
  chacha20_poly1305,
  other,
  count_
};
[[nodiscard]] std::string_view to_string(CipherLabel cipher);

/// Why a TLS handshake with a client failed.
enum class HandshakeFailure : std::uint8_t {
  not_tls,
  no_shared_version,
  no_shared_cipher,
  no_alpn,
  no_certificate,   ///< the client has none, and must have one
  bad_certificate,  ///< the client's cannot be verified
  peer_alert,
  closed,
  timeout,
  other,
  count_
};
[[nodiscard]] std::string_view to_string(HandshakeFailure failure);

/// What the sessions of one worker count; read by the scrape.
struct Counters {
  Cell sessions_started;
  Cell sessions_active;
  CellsBy<EndReason> sessions_ended;
  CellsBy<LoginResult> logins;
  Cell logins_delayed;  ///< attempts that had to wait because of failed ones before
  CellsBy<pop3::Verb> commands;
  Cell bad_commands;
  Cell messages_retrieved;   ///< RETR answered to the end
  Cell octets_from_clients;  ///< POP3 octets, inside TLS
  Cell octets_to_clients;
  CellsBy<TlsVersionLabel> tls_versions;  ///< handshakes completed; none: plain sessions
  CellsBy<CipherLabel> tls_ciphers;
  Cell tls_resumed;
  Cell tls_legacy;  ///< handshakes completed with the settings for legacy_tls_networks
  CellsBy<HandshakeFailure> handshake_failures;
  DurationCells upstream_connect;  ///< until TCP (and implicit TLS) stands
  DurationCells upstream_login;    ///< from connected to logged in
  DurationCells retr;              ///< from RETR sent upstream to its last octet queued
  DurationCells loop_lag;          ///< how late the loop's own timer is
  Cell turns;                      ///< of the loop, counted now and then while it turns
  Cell io_blocks;                  ///< blocks held by sessions
  Cell accept_paused;              ///< 1 while accepting pauses
};

}  // namespace gatepost::session
