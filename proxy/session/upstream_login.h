#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/secret.h"
#include "proxy/net/client_facts.h"
#include "proxy/net/transport.h"
#include "proxy/pop3/mechanism.h"
#include "proxy/pop3/reply.h"
#include "proxy/session/services.h"
#include "proxy/upstream/pool_opening.h"

namespace gatepost::session {

/// What a client wants to log in with.
struct LoginRequest {
  enum class Kind : std::uint8_t {
    password,  ///< `secret` is the password
    apop,      ///< `secret` is the digest, made with the timestamp of the connection used
    relay,  ///< the dialog is the client's and upstream's; `secret` is the first message, decoded
  };
  Kind kind = Kind::password;
  std::string user;           ///< "" while a relayed dialog has not named it (CRAM-MD5)
  pop3::Mechanism mechanism;  ///< relay: what the client chose
  Secret secret;
  bool utf8 = false;  ///< the client switched to UTF-8 (RFC 6856)
};

/// A connection to a server on which nobody is logged in, and the place held there.
struct UpstreamPlace {
  const upstream::Pool* pool = nullptr;
  const upstream::Server* server = nullptr;
  upstream::Lease lease;
  upstream::Opened opened;
  bool utf8 = false;  ///< UTF8 was said on it

  /// Whether upstream kept the connection, and said nothing that nobody asked for.
  [[nodiscard]] bool alive() const;
};

/// Tells the log when a server that was just opened did not want to hear of the client.
void note_warning(Log& log, const UpstreamPlace& place);

/// What a finished login left behind.
struct LoginOutcome {
  LoginResult result = LoginResult::unavailable;
  std::string reply;       ///< the line for the client, with CRLF
  std::string problem;     ///< for the log; empty when all is well. May hold upstream's text.
  bool downgrade = false;  ///< upstream sends UTF-8, and the client did not ask for it
  /// The connection: logged in when the result is ok; when it is refused, one on which upstream may
  /// be asked again. Its transport has no observer.
  std::optional<UpstreamPlace> place;
};

/// Logs one user in at one of the servers of a pool: opens a connection (unless there is one
/// already), then AUTH, USER and PASS, APOP or a relayed dialog. A password that a server could not
/// even look at ([SYS/TEMP], connection lost) goes to the next server. Every step has its deadline.
class UpstreamLogin final : net::TransportObserver, upstream::Opening::Owner {
 public:
  class Owner {
   public:
    /// finished() or challenged() has become true. Called from inside the connection's own
    /// callback: the owner may destroy the login at once only when it took the connection over.
    virtual void on_login_progress() = 0;

   protected:
    ~Owner() = default;
  };

  /// `request.user` is the name as upstream is to see it. `client` is copied.
  UpstreamLogin(const Services& services, const Settings& settings, Journal::Page& page,
                const upstream::Pool& pool, const net::ClientFacts& client, LoginRequest request,
                Owner& owner);
  /// The same on a connection that is open already.
  UpstreamLogin(const Services& services, const Settings& settings, Journal::Page& page,
                UpstreamPlace place, LoginRequest request, Owner& owner);
  ~UpstreamLogin();
  UpstreamLogin(const UpstreamLogin&) = delete;
  UpstreamLogin& operator=(const UpstreamLogin&) = delete;

  /// Once, when the owner is ready to be told.
  void start();
  [[nodiscard]] bool finished() const { return state_ == State::finished; }
  /// Relay: upstream waits for the client's next message.
  [[nodiscard]] bool challenged() const { return state_ == State::challenged; }
  /// "+ …\r\n", when challenged().
  [[nodiscard]] const std::string& challenge() const { return challenge_; }
  /// The client's answer, decoded. Only when challenged().
  void respond(const Secret& message);
  /// The client breaks the dialog off: upstream hears "*" (RFC 5034 section 4), finished() is true.
  /// Only when challenged().
  void break_off();
  /// Gives up and closes the connection; the owner is not told.
  void cancel();
  /// Its last words have left: destroying it cuts nothing off.
  [[nodiscard]] bool drained() const;
  [[nodiscard]] LoginOutcome take_outcome() { return std::move(outcome_); }
  /// Asked last; null if none was.
  [[nodiscard]] const upstream::Server* server() const { return place_.server; }

 private:
  static constexpr std::string_view kUnavailable = "Mail server not available, try again later";

  enum class State : std::uint8_t {
    opening,
    utf8,
    user,
    user_and_pass,  // both are out
    user_refused,   // the answer to PASS is due all the same
    apop,
    auth,        // the AUTH command is out; "+" asks for the message, if it has not gone with it
    auth_login,  // AUTH LOGIN: "+" asks for the password
    answer,      // all is said, +OK or -ERR is due
    dialog,      // relay: upstream's turn
    challenged,  // relay: the client's turn
    finished,
  };

  /// How a password is said.
  enum class Way : std::uint8_t { none, user, plain, login };
  /// A login may go by what the server announced to somebody before.
  enum class Hurry : std::uint8_t {
    none,
    to_ask,      // CAPA goes with the next command
    asked,       // its answer comes before the command's
    unanswered,  // of the command
  };

  void on_activity() override { pump(); }
  void on_opening_finished() override;
  void pump();
  [[nodiscard]] bool read_event();
  void notify();
  void begin();
  void start_login();
  void authenticate();
  void say_user_and_password();
  void on_status();
  void on_capabilities();
  void on_continuation();
  void on_challenge();
  void on_answer(const pop3::Status& status);
  void start_auth(std::string_view mechanism, std::string message);
  void send_message();
  [[nodiscard]] static Way way_to(const pop3::Capabilities& capabilities);
  [[nodiscard]] bool ask_otherwise();
  [[nodiscard]] bool ask_next_server(std::string_view problem);
  void doubt();
  void enter(State state);
  [[nodiscard]] bool nothing_ahead();
  [[nodiscard]] std::string without_secrets(const pop3::Status& status) const;
  void send(std::string_view line, pop3::Expected expected);
  void send_secret(std::string_view prefix, std::string_view secret, pop3::Expected expected);
  void lost(std::string problem);
  void give_up(pop3::ResponseCode code, std::string_view text, std::string problem);
  void finish(LoginOutcome outcome);

  const Services& services_;
  const Settings& settings_;
  Journal::Page& page_;
  LoginRequest request_;
  Owner& owner_;
  State state_ = State::opening;
  std::unique_ptr<Timer> timer_;
  std::optional<upstream::PoolOpening> opening_;
  UpstreamPlace place_;
  Secret message_;  // base64, waiting for upstream's "+"
  std::string challenge_;
  Way way_ = Way::none;
  Hurry hurry_ = Hurry::none;
  bool guessed_ = false;  // way_ comes from what was announced before
  std::string capa_body_;
  pop3::Status refusal_;  // of USER, if PASS went with it
  Instant opened_at_;
  LoginOutcome outcome_;
};

}  // namespace gatepost::session
