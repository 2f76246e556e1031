#pragma once

#include <cstdint>
#include <string_view>

namespace gatepost::session {

/// Where a session stands.
enum class SessionState : std::uint8_t {
  implicit_handshake,  ///< POP3S, before the greeting
  opening,             ///< upstream is opened for its APOP timestamp, before the greeting
  authorization,       ///< RFC 1939 section 4
  stls_handshake,
  sasl,         ///< inside AUTH; the dialog is ours
  relay,        ///< inside AUTH; the client is to answer upstream's challenge
  delayed,      ///< a login waits because of failed ones before; the client is not read
  login,        ///< upstream is asked; the client is not read
  transaction,  ///< RFC 1939 section 5
  update,       ///< QUIT is on its way; the client is not read
  closing,      ///< the last words are on their way to the client
  ended,        ///< ready to be deleted
  count_,
};
[[nodiscard]] std::string_view to_string(SessionState state);

/// Whether a session may go from one to the other: the table in docs/architecture.md.
[[nodiscard]] bool may_follow(SessionState from, SessionState to);

/// What a session waits for; bits of Session::waits_for().
enum Wait : std::uint16_t {
  kClientInput = 1,  ///< a command, or its TLS handshake
  kClientDrain = 2,  ///< the client takes what was sent
  kUpstreamLogin = 4,
  kUpstreamReply = 8,
  kClientEnd = 16,  ///< closing: the client's side of the connection
  kOwnTurn = 32,    ///< the next turn of the loop
  kDelay = 64,      ///< the end of a delay
  kVerdict = 128,   ///< of the message under way
  kStores = 256,    ///< what is known of the mailbox, or that it is noted
};

}  // namespace gatepost::session
