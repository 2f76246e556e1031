#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/net/client_facts.h"
#include "proxy/session/services.h"
#include "proxy/session/upstream_login.h"
#include "proxy/upstream/pool_opening.h"
#include "proxy/upstream/router.h"

namespace gatepost::session {

/// Brings the login requests of one session upstream, one after the other: finds the route, gives
/// the user the name that upstream knows, and keeps the connection that was opened before the
/// greeting (APOP). What it is told of the client (`facts`) is read at each request.
class LoginDesk final : UpstreamLogin::Owner, upstream::Opening::Owner {
 public:
  class Owner {
   public:
    /// Something that the session waits for has come. Called from inside a connection's callback:
    /// the owner may destroy the desk at once only when it took a logged-in connection over.
    virtual void on_desk_activity() = 0;

   protected:
    ~Owner() = default;
  };

  LoginDesk(const Services& services, const Settings& settings, const net::ClientFacts& facts,
            Journal::Page& page, Owner& owner);
  ~LoginDesk();
  LoginDesk(const LoginDesk&) = delete;
  LoginDesk& operator=(const LoginDesk&) = delete;

  /// Opens a connection before anybody logs in. False when it is not certain who will serve this
  /// client: then there is nothing to wait for.
  [[nodiscard]] bool open_ahead();
  [[nodiscard]] bool opening_ahead() const { return ahead_ && !ahead_->finished(); }
  /// Once, after that: upstream's timestamp, "" if it has none. The error is for the log.
  [[nodiscard]] Result<std::string> take_timestamp();

  /// How long the request of `user` has to wait, then to ask again; 0: it goes upstream now.
  [[nodiscard]] Duration take_turn(std::string_view user) const;

  /// Begins with a request; the user in it is named as the client did. Nothing else may be under
  /// way. What is refused at once is finished() at once.
  void start(LoginRequest request);
  [[nodiscard]] bool under_way() const { return login_ != nullptr; }
  [[nodiscard]] bool finished() const {
    return refusal_ != nullptr || (login_ && login_->finished());
  }
  /// Upstream asks the client; say challenge(), then call respond() or break_off().
  [[nodiscard]] bool challenged() const { return login_ && login_->challenged(); }
  [[nodiscard]] const std::string& challenge() const { return login_->challenge(); }
  /// Whether the user's name stands in the answer to the challenge; then user_in() reads it. The
  /// error's detail is the text for -ERR.
  [[nodiscard]] bool needs_user() const { return !named_; }
  [[nodiscard]] Result<std::string> user_in(std::string_view message) const;
  /// The client's answer, decoded. Upstream may have gone meanwhile: then it is finished().
  void respond(Secret message);
  /// The client broke off or answered nonsense; it is finished().
  void break_off(std::string_view text);
  /// Forgets the request that is under way, if one is.
  void drop();
  /// Once, when finished(); then the next request may come.
  [[nodiscard]] LoginOutcome take_outcome();
  /// The name that upstream knows the user by; "" before it is known.
  [[nodiscard]] const std::string& upstream_user() const { return upstream_user_; }

  /// Ends whatever is under way.
  void cancel();
  /// Frees what earlier requests left behind. Not from inside on_desk_activity().
  void tidy();
  /// Whether nothing was left behind: who took a logged-in connection over may destroy the desk,
  /// inside on_desk_activity() too.
  [[nodiscard]] bool at_rest() const { return retired_.empty() && dropped_.empty(); }

  /// Of the last request; null before, or when there was none.
  [[nodiscard]] const upstream::Route* route() const { return route_; }
  [[nodiscard]] const upstream::Server* server() const { return server_; }

 private:
  void on_login_progress() override { owner_.on_desk_activity(); }
  void on_opening_finished() override { owner_.on_desk_activity(); }
  void refuse(LoginResult result, std::string reply, std::string problem);
  [[nodiscard]] bool name_user(LoginRequest& request);
  [[nodiscard]] bool refuse_name(std::string problem);  // false
  void let_go(UpstreamPlace place);
  [[nodiscard]] std::optional<UpstreamPlace> place_that_fits(const LoginRequest& request);

  const Services& services_;
  const Settings& settings_;
  const net::ClientFacts& facts_;
  Journal::Page& page_;
  Owner& owner_;
  const upstream::Route* route_ = nullptr;
  const upstream::Server* server_ = nullptr;
  // Not in place: a session that has logged in keeps the desk, and has none of these.
  std::unique_ptr<upstream::PoolOpening> ahead_;
  std::unique_ptr<UpstreamPlace> place_;  // a connection that nobody uses
  std::string place_for_;                 // the client that upstream was told of there
  std::unique_ptr<LoginOutcome> refusal_;
  std::string upstream_user_;
  LoginRequest::Kind kind_ = LoginRequest::Kind::password;
  pop3::Mechanism mechanism_;  // of the dialog under way
  bool named_ = false;         // its user is known
  std::unique_ptr<UpstreamLogin> login_;
  /// Those before: one may still be on the stack when the next one begins.
  std::vector<std::unique_ptr<UpstreamLogin>> retired_;
  std::vector<std::unique_ptr<net::Transport>> dropped_;  // the same of connections
};

}  // namespace gatepost::session
