#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/net/client_facts.h"
#include "proxy/net/transport.h"
#include "proxy/pop3/capa.h"
#include "proxy/pop3/command.h"
#include "proxy/pop3/mechanism.h"
#include "proxy/pop3/sasl.h"
#include "proxy/session/services.h"
#include "proxy/session/upstream_login.h"

namespace gatepost::session {

/// What a client says before login, and what it is answered (RFC 1939 section 4, RFC 5034, RFC
/// 6856, XCLIENT): commands in, verdicts out. No I/O, no clock.
class Authorization {
 public:
  enum class Next : std::uint8_t {
    answer,      ///< say the reply
    bad,         ///< say it, and count a bad command
    ask,         ///< say it: a challenge; the next line goes to respond()
    log_in,      ///< say nothing: take_request() is complete, or complete but for the user
    start_tls,   ///< say it, then TLS
    leave,       ///< say it, then close: QUIT
    introduced,  ///< say it: XCLIENT has changed the facts
  };
  struct Verdict {
    Next next;
    std::string reply;  ///< with CRLF; for `bad` the text behind "-ERR "
  };

  /// `facts` outlives this; XCLIENT and TLS change it.
  Authorization(const Settings& settings, net::ClientFacts& facts)
      : settings_(settings), facts_(facts) {}

  /// With the timestamp of upstream, if there is one.
  [[nodiscard]] std::string greeting(std::string_view timestamp) const;
  /// The client may use the timestamp that it was greeted with.
  void offer_apop(bool possible) { apop_ = possible; }

  /// Takes the command's texts over.
  [[nodiscard]] Verdict on_command(pop3::Command& command);
  /// A line inside AUTH, after `ask`.
  [[nodiscard]] Verdict respond(std::string_view line);
  /// The dialog is over, whatever it was about to say.
  void break_off();

  /// Who wants in, after `log_in`.
  [[nodiscard]] LoginRequest take_request();
  /// The words for the log of how the last request wants in: "USER", "APOP", "PLAIN", …
  [[nodiscard]] const std::string& method() const { return method_; }

  /// TLS stands on the client's own connection: what was said in clear is forgotten (RFC 2595
  /// section 4), the facts are completed.
  void on_tls(const net::TlsFacts& tls);

  [[nodiscard]] bool login_allowed() const;
  /// Whether XCLIENT is for this peer.
  [[nodiscard]] bool trusted() const;

 private:
  [[nodiscard]] Verdict on_pass(pop3::Command& command);
  [[nodiscard]] Verdict on_apop(pop3::Command& command);
  [[nodiscard]] Verdict on_auth(const pop3::Command& command);
  [[nodiscard]] Verdict start_relay(pop3::Mechanism mechanism,
                                    const std::optional<std::string>& initial_response);
  [[nodiscard]] Verdict on_first_message(std::string_view line);
  [[nodiscard]] Verdict on_sasl_step(pop3::SaslDialog::Step step);
  [[nodiscard]] Verdict on_stls() const;
  [[nodiscard]] Verdict on_utf8();
  [[nodiscard]] Verdict on_xclient(const pop3::Command& command);
  [[nodiscard]] Verdict capabilities() const;
  [[nodiscard]] Verdict mechanisms() const;
  [[nodiscard]] std::vector<std::string> offered_mechanisms(
      const pop3::Capabilities* upstream) const;
  [[nodiscard]] std::optional<pop3::Capabilities> known_upstream() const;

  const Settings& settings_;
  net::ClientFacts& facts_;
  bool tls_ = false;   // on the client's own connection
  bool apop_ = false;  // a timestamp was shown
  bool utf8_ = false;
  bool began_ = false;                      // a login was begun: too late for XCLIENT
  std::string user_;                        // of USER
  std::optional<pop3::SaslDialog> sasl_;    // our own dialog
  std::optional<pop3::Mechanism> relayed_;  // the first message of that one is due
  LoginRequest request_;
  std::string method_;
};

}  // namespace gatepost::session
