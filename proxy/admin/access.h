#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/admin/token.h"
#include "proxy/base/bounded_table.h"
#include "proxy/base/digest.h"
#include "proxy/base/timer.h"
#include "proxy/http/message.h"

namespace gatepost::admin {

/// Somebody who has shown the token in a browser, and what the next page is to tell him.
struct Login {
  Digest cookie{};      ///< of the cookie's value
  std::string secret;   ///< must come back in every form: against forms of other sites (CSRF)
  std::string message;  ///< what came of the last action
  bool bad_news = false;
  Instant since{};
  Instant used{};
};

/// Who may do what on the status page.
///
/// Who shows the token gets a cookie that other sites cannot make a browser send (SameSite=Strict),
/// and a secret of his own that every form has to bring back. Programs send the token itself with
/// each request (Authorization: Bearer). All that is kept of the token is its digest.
class Access {
 public:
  /// Browsers logged in at once; one more ends the login that was used longest ago.
  static constexpr std::size_t kMaxLogins = 32;
  /// A login that nobody uses ends after so long, and any login at the latest after kMaxLogin.
  static constexpr Duration kMaxIdle{30 * 60'000};
  static constexpr Duration kMaxLogin{12 * 3'600'000};
  /// Wrong tokens of one network that cost nothing. Each further one doubles the time in which
  /// nothing of that network is looked at: 1 s, 2 s, … up to kMaxWait.
  static constexpr std::uint32_t kFreeGuesses = 5;
  static constexpr Duration kMaxWait{60'000};
  /// Networks that wrong tokens are remembered of; the one that was heard of longest ago goes.
  static constexpr std::size_t kMaxGuessers = 256;

  explicit Access(const TimerService& clock) : clock_(clock) {}

  /// Null: there is none, and nobody may act. Another one than before ends all logins.
  void set_token(std::optional<Digest> token);
  [[nodiscard]] bool has_token() const { return token_.has_value(); }

  enum class Answer : std::uint8_t { right, wrong, wait };
  /// Whether that is the token. `wait`: it was not looked at, see wait_for().
  [[nodiscard]] Answer ask(std::string_view token, const std::string& network);
  /// How long nothing of that network is looked at.
  [[nodiscard]] Duration wait_for(const std::string& network) const;

  /// After the right token: the value of a new cookie.
  [[nodiscard]] std::string log_in();
  /// Whose cookie it is; null: nobody's. Valid until the next log_in(), log_out() or set_token().
  [[nodiscard]] Login* find(const http::Request& request);
  [[nodiscard]] Login* find(const Digest& cookie);
  void log_out(const Digest& cookie);

 private:
  struct Guesses {
    std::uint32_t wrong = 0;
    Instant until{};
  };
  void drop_old();

  const TimerService& clock_;
  std::optional<Digest> token_;
  std::list<Login> logins_;  // used last first
  BoundedTable<std::string, Guesses> guesses_{kMaxGuessers};
};

/// The header field of a response that gives a browser this cookie; "" takes it away.
[[nodiscard]] std::string cookie_field(std::string_view value);

/// What a program sent as "Authorization: Bearer TOKEN"; null: nothing of the kind.
[[nodiscard]] std::optional<std::string_view> bearer_token(const http::Request& request);

/// Whether a form comes from a page of ours, as the browser says (Sec-Fetch-Site, or Origin). What
/// says neither is no browser of these days.
[[nodiscard]] bool from_own_page(const http::Request& request);

/// Whether Host names us: an IP address, localhost or `configured`. A name that somebody else may
/// point at a loopback address does not: his pages would be of our origin (DNS rebinding).
[[nodiscard]] bool names_us(const http::Request& request, std::string_view configured);

}  // namespace gatepost::admin
