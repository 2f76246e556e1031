#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/ticket.h"
#include "proxy/net/transport.h"
#include "proxy/pop3/capa.h"
#include "proxy/pop3/client_codec.h"
#include "proxy/pop3/sasl.h"
#include "proxy/session/services.h"

namespace gatepost::session {

/// What a finished login left behind.
struct LoginOutcome {
  LoginResult result = LoginResult::unavailable;
  std::string reply;    ///< the line for the client, with CRLF
  std::string problem;  ///< for the log; empty when all is well. May hold upstream's text.
  // The rest is set when the result is ok.
  std::unique_ptr<net::Transport> transport;
  pop3::ClientCodec codec;
  pop3::Capabilities capabilities;
};

/// Logs one user in at one upstream: connect, TLS, greeting, CAPA, STLS, AUTH PLAIN or USER and
/// PASS. Credentials leave only over the security that the configuration asks for. Every step has
/// its deadline.
class UpstreamLogin final : net::TransportObserver {
 public:
  class Owner {
   public:
    /// finished() has become true. Called from inside the connection's own callback: the owner may
    /// destroy the login at once only when it took the connection over with a successful outcome.
    virtual void on_login_finished() = 0;

   protected:
    ~Owner() = default;
  };

  UpstreamLogin(const Services& services, const Settings& settings, const upstream::Server& server,
                pop3::Credentials credentials, Owner& owner);
  ~UpstreamLogin();

  [[nodiscard]] bool finished() const { return state_ == State::finished; }
  /// Gives up and closes the connection; the owner is not told.
  void cancel();
  [[nodiscard]] LoginOutcome take_outcome() { return std::move(outcome_); }

 private:
  enum class State : std::uint8_t {
    connecting,
    tls,  // implicit: before the greeting
    greeting,
    capa,
    stls,
    stls_tls,  // handshake after STLS
    auth_plain,
    auth_response,  // the credentials went in a line of their own
    user,
    pass,
    finished,
  };

  void on_activity() override;
  void connected(Result<std::unique_ptr<net::Transport>> transport);
  void expect_greeting();
  void pump();
  [[nodiscard]] bool read_event();
  void notify();
  void on_status();
  void on_continuation();
  void on_greeting();
  void on_capabilities();
  void on_tls_established();
  void ask_capabilities();
  void start_stls();
  void authenticate();
  void on_login_reply();
  void enter(State state, Duration deadline);
  [[nodiscard]] bool nothing_ahead();
  [[nodiscard]] std::string without_secrets(const std::string& text) const;
  void send(std::string_view line, pop3::Expected expected);
  void send_secret(std::string_view prefix, std::string_view secret, pop3::Expected expected);
  void give_up(pop3::ResponseCode code, std::string_view text, std::string problem);
  void finish(LoginOutcome outcome);
  void wrap_in_tls();

  const Services& services_;
  const Settings& settings_;
  const upstream::Server& server_;
  pop3::Credentials credentials_;
  Owner& owner_;
  State state_ = State::connecting;
  std::unique_ptr<Timer> timer_;
  Ticket connecting_;
  std::unique_ptr<net::Transport> transport_;
  pop3::ClientCodec codec_;
  pop3::Capabilities capabilities_;
  std::string capa_body_;
  Instant started_;
  Instant connected_at_;
  LoginOutcome outcome_;
};

}  // namespace gatepost::session
