#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/net/client_facts.h"
#include "proxy/net/transport.h"
#include "proxy/pop3/client_codec.h"
#include "proxy/pop3/server_codec.h"
#include "proxy/session/authorization.h"
#include "proxy/session/ledger.h"
#include "proxy/session/login_desk.h"
#include "proxy/session/mailbox.h"
#include "proxy/session/read_ahead.h"
#include "proxy/session/retrieval.h"
#include "proxy/session/services.h"
#include "proxy/session/session_facts.h"
#include "proxy/session/session_state.h"

namespace gatepost::session {

/// One client and, after login, its own connection to one upstream. Callbacks of either leg only
/// call pump(), which moves everything that can move and then says what it waits for.
///
/// What a client may rely on: replies in the order of its commands; -ERR [SYS/TEMP] or a broken
/// connection when upstream fails, never a short message that looks whole. What upstream may rely
/// on: a QUIT only when the client sent one.
class Session final : net::TransportObserver, LoginDesk::Owner, Retrieval::Owner, MailboxOwner {
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

  using State = SessionState;
  using enum Wait;

  class Home {
   public:
    /// The session has ended. It must not be destroyed during the call.
    virtual void on_session_ended(Session& session) = 0;

   protected:
    ~Home() = default;
  };

  /// Starts at once: the greeting of a plain listener is sent before the constructor returns.
  /// `facts` is what is known of the client: from its socket, or from who stands in front.
  Session(std::string id, const Services& services, std::shared_ptr<const Settings> settings,
          std::unique_ptr<net::Transport> client, net::ClientFacts facts, Home& home);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const std::string& id() const { return id_; }
  /// Bits of Wait, at least one unless ended.
  [[nodiscard]] std::uint16_t waits_for() const;
  /// The name given at login; "" before the first one.
  [[nodiscard]] const std::string& user() const { return user_; }
  [[nodiscard]] Instant started() const { return started_; }
  [[nodiscard]] SessionFacts facts() const;

  /// The gateway is going down: who has not logged in yet is turned away; a logged-in session may
  /// go on until cut(), and so may a login that upstream was asked for, unless it fails.
  void drain();
  /// Ends the session now, without QUIT upstream.
  void cut(EndReason reason);

 private:
  // session.cc
  void on_activity() override;
  void on_desk_activity() override { pump(); }
  void on_retrieval_activity() override { pump(); }
  void on_mailbox_activity() override { pump(); }
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

  // session_facts.cc
  void write_log() const;

  // session_client.cc
  [[nodiscard]] bool read_client();
  [[nodiscard]] bool may_read_client() const;
  [[nodiscard]] bool may_read_commands() const;
  void on_client_event(pop3::ServerCodec::Event event);
  [[nodiscard]] bool handshake_step();
  void start_tls(State handshake);
  void listen_to_client();
  [[nodiscard]] bool legacy_tls() const;
  void count_tls();
  void on_command(pop3::Command& command);
  void on_transaction_command(const pop3::Command& command);
  void bad_command(std::string_view text);
  void turn_away(std::string_view text, EndReason reason);
  void say(std::string_view reply);
  [[nodiscard]] std::string capabilities() const;

  // session_login.cc
  void greet();
  void on_opened_ahead();
  void on_verdict(const Authorization::Verdict& verdict);
  void on_stls(std::string_view reply);
  void on_login_request(LoginRequest request);
  void on_relay_line(std::string_view line);
  void break_off(std::string_view text);
  void pass_on(LoginRequest request);
  [[nodiscard]] bool login_step();
  void on_login_outcome();
  void login_failed(const LoginOutcome& outcome);
  void leave_lobby();
  void say_going_down();

  // session_upstream.cc
  [[nodiscard]] bool send_commands();
  [[nodiscard]] bool read_replies();
  [[nodiscard]] bool send_local_replies();
  void on_status();
  void on_body(ByteChain&& body);
  void on_body_end();
  void exchange_done(bool ok);
  void upstream_lost(std::string problem);
  void relay(ByteChain&& bytes);
  [[nodiscard]] bool may_read_upstream() const;
  [[nodiscard]] bool waits_for_upstream() const;

  // session_message.cc
  [[nodiscard]] const std::shared_ptr<const filters::Chain>& configured_chain() const;
  void choose_chain(bool downgrade);
  void forward_message(const pop3::Command& command);
  void begin_message(const Exchange& exchange);
  [[nodiscard]] Retrieval::Request message_request(const Exchange& exchange);
  [[nodiscard]] std::shared_ptr<const filters::Chain> unscanned_chain();
  [[nodiscard]] bool lead_message();
  [[nodiscard]] bool gave_all(const Exchange& exchange) const;
  void message_done(std::string_view problem);
  void let_message_go(std::string_view problem);
  [[nodiscard]] bool keep_upstream_awake();
  [[nodiscard]] bool upstream_may_doze() const;
  [[nodiscard]] std::optional<Instant> message_due() const;
  [[nodiscard]] bool message_received() const;
  [[nodiscard]] bool mid_reply() const;
  [[nodiscard]] bool waits_for_verdict() const;

  // session_ahead.cc
  void tell_ahead(const pop3::Command& command);
  [[nodiscard]] bool fetch_ahead();
  [[nodiscard]] Retrieval* receiver(const Exchange& exchange) const;
  [[nodiscard]] bool upstream_has_to_wait() const;
  void ahead_status(const Exchange& exchange, bool ok);
  void ahead_end(const Exchange& exchange);
  [[nodiscard]] bool begin_claimed();
  void end_ahead();
  void close_dropped();

  // session_mailbox.cc
  void open_mailbox();
  [[nodiscard]] bool step_mailbox();
  void begin_released();
  void mailbox_opened();
  [[nodiscard]] bool settle_mailbox();
  [[nodiscard]] bool give_listing(bool& moved);
  void read_ours(Exchange& exchange, const pop3::Status& status);
  [[nodiscard]] bool settle_quit(Exchange& exchange, const pop3::Status& status);
  [[nodiscard]] pop3::Command for_upstream(const pop3::Command& command) const;
  [[nodiscard]] bool mailbox_preparing() const { return mailbox_ && mailbox_->preparing(); }
  [[nodiscard]] MailboxSettlement* settlement() const {
    return mailbox_ ? mailbox_->settlement() : nullptr;
  }
  [[nodiscard]] bool answer_held() const;

  const std::string id_;
  const Services& services_;
  Journal::Page page_;
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
  net::ClientFacts facts_;

  /// What is needed until a login has succeeded. Then it goes, with all that logins left behind.
  struct Lobby {
    Lobby(const Services& services, const Settings& settings, net::ClientFacts& facts,
          Journal::Page& page, LoginDesk::Owner& owner)
        : authorization(settings, facts), desk(services, settings, facts, page, owner) {}
    Authorization authorization;
    LoginDesk desk;
    LoginRequest waiting;  // state delayed: goes upstream afterwards
    Instant delayed_until;
  };
  std::unique_ptr<Lobby> lobby_;
  std::string user_;  // of the login under way, or the one that succeeded
  // Of the login that succeeded, for the log; they live as long as settings_.
  const upstream::Route* route_ = nullptr;
  const upstream::Server* server_ = nullptr;
  std::string method_;
  std::string device_;                                      // what the route cut off the user name
  std::shared_ptr<const filters::RetentionPolicy> policy_;  // null: the client decides

  std::unique_ptr<net::Transport> upstream_;
  upstream::Lease lease_;  // the place there
  pop3::ClientCodec upstream_codec_;
  std::shared_ptr<const pop3::Capabilities> upstream_capabilities_;
  std::size_t upstream_depth_ = 1;  // replies it may owe: asked in every round, so not looked up
  Ledger ledger_;
  std::shared_ptr<const filters::Chain> chain_;      // null: messages are relayed
  std::shared_ptr<const filters::Chain> top_chain_;  // without its scanners; made when needed
  std::unique_ptr<Mailbox> mailbox_;                 // null: the client sees upstream's
  std::string held_reply_;                           // to the login, while the mailbox holds it
  std::unique_ptr<Retrieval> message_;               // the answer to the oldest exchange
  std::unique_ptr<ReadAhead> ahead_;                 // null: nothing is fetched ahead
  std::vector<std::unique_ptr<Retrieval>> let_go_;   // done; one of them may be what called
  bool quit_forfeited_ = false;
  bool draining_ = false;

  std::unique_ptr<Timer> timer_;
  std::optional<Instant> armed_for_;
  Instant started_;
  Instant entered_;          // the current state
  Instant login_since_;      // could log in since then; moved on by failed logins only
  Instant client_moved_;     // last command, or bytes taken by the client
  Instant upstream_moved_;   // last command sent or bytes received
  Instant answered_at_;      // the last exchange that is complete
  std::uint64_t taken_ = 0;  // bytes towards the client that left, when last looked

  std::uint32_t failed_logins_ = 0;
  std::uint32_t bad_commands_ = 0;  // in a row
  std::uint64_t commands_ = 0;
  std::uint64_t messages_ = 0;
  std::uint64_t octets_in_ = 0;
  std::uint64_t octets_out_ = 0;
  EndReason reason_ = EndReason::internal;
  std::string problem_;
};

}  // namespace gatepost::session
