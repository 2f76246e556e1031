#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/net/transport.h"
#include "proxy/pop3/client_codec.h"
#include "proxy/pop3/sasl.h"
#include "proxy/pop3/server_codec.h"
#include "proxy/session/ledger.h"
#include "proxy/session/services.h"
#include "proxy/session/upstream_login.h"

namespace gatepost::session {

/// One client and, after login, its own connection to one upstream. Callbacks of either leg only
/// call pump(), which moves everything that can move and then says what it waits for.
///
/// What a client may rely on: replies in the order of its commands; -ERR [SYS/TEMP] or a broken
/// connection when upstream fails, never a short message that looks whole. What upstream may rely
/// on: a QUIT only when the client sent one.
class Session final : net::TransportObserver, UpstreamLogin::Owner {
 public:
  /// Bytes towards the client that its connection has not taken; beyond it upstream is not read.
  static constexpr std::size_t kMaxUnsent = 64 * 1024;
  /// Turns of one pump before other sessions get theirs.
  static constexpr int kMaxRounds = 16;
  /// Until then. Not 0: libuv lets a timer that is set to 0 in a timer's callback go off before any
  /// connection is looked at.
  static constexpr Duration kTurn{1};
  /// How long a closed connection may take to end: with bytes unsent without progress, and after
  /// the last byte until the client ends its side.
  static constexpr Duration kFlushStall{30'000};
  static constexpr Duration kLinger{2'000};

  enum class State : std::uint8_t {
    implicit_handshake,  ///< POP3S, before the greeting
    authorization,       ///< RFC 1939 section 4
    stls_handshake,
    sasl,         ///< inside AUTH
    login,        ///< upstream is asked; the client is not read
    transaction,  ///< RFC 1939 section 5
    update,       ///< QUIT is on its way; the client is not read
    closing,      ///< the last words are on their way to the client
    ended,        ///< ready to be deleted
    count_,
  };

  /// What the session waits for; see waits_for().
  enum Wait : std::uint8_t {
    kClientInput = 1,  // a command, or its TLS handshake
    kClientDrain = 2,  // the client takes what was sent
    kUpstreamLogin = 4,
    kUpstreamReply = 8,
    kClientEnd = 16,  // closing: the client's side of the connection
    kOwnTurn = 32,    // the next turn of the loop
  };

  class Home {
   public:
    /// The session has ended. It must not be destroyed during the call.
    virtual void on_session_ended(Session& session) = 0;

   protected:
    ~Home() = default;
  };

  /// Starts at once: the greeting of a plain listener is sent before the constructor returns.
  Session(std::string id, const Services& services, std::shared_ptr<const Settings> settings,
          std::unique_ptr<net::Transport> client, Home& home);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const std::string& id() const { return id_; }
  /// At least one of Wait unless ended.
  [[nodiscard]] std::uint8_t waits_for() const;

  /// The gateway is going down: who has not logged in yet is turned away; a logged-in session may
  /// go on until cut().
  void drain();
  /// Ends the session now, without QUIT upstream.
  void cut(EndReason reason);

 private:
  // session.cc
  void on_activity() override { pump(); }
  void on_login_finished() override { pump(); }
  void pump();
  [[nodiscard]] bool step();
  void enter(State next);
  void arm_timer();
  [[nodiscard]] std::optional<Instant> deadline() const;
  void deadline_passed();
  void note_client_progress();

  // session_end.cc
  void note_client_end();
  [[nodiscard]] bool quit_sent() const;
  [[nodiscard]] EndReason client_end_reason() const;
  void look_at_ends();
  void finish(EndReason reason, std::string problem);
  void abort(EndReason reason, std::string problem);
  void over();
  void write_log() const;

  // session_client.cc
  [[nodiscard]] bool read_client();
  [[nodiscard]] bool may_read_client() const;
  [[nodiscard]] bool handshake_step();
  void start_tls(State handshake);
  void on_command(pop3::Command& command);
  void on_authorization_command(pop3::Command& command);
  void on_transaction_command(const pop3::Command& command);
  void on_auth(const pop3::Command& command);
  void on_stls();
  void on_sasl_step(pop3::SaslDialog::Step step);
  void bad_command(std::string_view text);
  void turn_away(std::string_view text, EndReason reason);
  void say(std::string_view reply);
  [[nodiscard]] bool login_allowed() const;
  [[nodiscard]] std::string capabilities() const;
  void count_tls();

  // session_upstream.cc
  void start_login(pop3::Credentials credentials);
  void on_login_outcome();
  void login_failed(const LoginOutcome& outcome);
  [[nodiscard]] bool send_commands();
  [[nodiscard]] bool read_replies();
  [[nodiscard]] bool send_local_replies();
  void on_status();
  void exchange_done(bool ok);
  void upstream_lost(std::string problem);
  void relay(ByteChain&& bytes);
  [[nodiscard]] bool waits_for_upstream() const;

  const std::string id_;
  const Services& services_;
  const std::shared_ptr<const Settings> settings_;
  Home& home_;
  State state_ = State::authorization;
  enum class Turn : std::uint8_t {
    idle,
    pumping,
    pumping_again,  // something changed since the round began
    owed,           // stopped for the sake of others: goes on by itself
  };
  Turn turn_ = Turn::idle;

  std::unique_ptr<net::Transport> client_;
  pop3::ServerCodec client_codec_;
  std::optional<pop3::SaslDialog> sasl_;
  std::string user_;

  std::unique_ptr<UpstreamLogin> login_;
  const upstream::Server* server_ = nullptr;  // of the last login; owned by settings_
  std::unique_ptr<net::Transport> upstream_;
  pop3::ClientCodec upstream_codec_;
  pop3::Capabilities upstream_capabilities_;
  std::size_t upstream_depth_ = 1;  // replies it may owe: asked in every round, so not looked up
  Ledger ledger_;
  bool quit_forfeited_ = false;

  std::unique_ptr<Timer> timer_;
  std::optional<Instant> armed_for_;
  Instant started_;
  Instant entered_;          // the current state
  Instant login_since_;      // could log in since then; moved on by failed logins only
  Instant client_moved_;     // last command, or bytes taken by the client
  Instant upstream_moved_;   // last command sent or bytes received
  std::uint64_t taken_ = 0;  // bytes towards the client that left, when last looked

  std::uint32_t failed_logins_ = 0;
  std::uint32_t bad_commands_ = 0;
  std::uint64_t commands_ = 0;
  std::uint64_t messages_ = 0;
  std::uint64_t octets_in_ = 0;
  std::uint64_t octets_out_ = 0;
  EndReason reason_ = EndReason::internal;
  std::string problem_;
};

[[nodiscard]] std::string_view to_string(Session::State state);

}  // namespace gatepost::session
