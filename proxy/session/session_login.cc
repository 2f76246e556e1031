// Before login: the greeting, what the client says to get in, what upstream says to that.
#include <utility>

#include "proxy/base/secret.h"
#include "proxy/pop3/sasl.h"
#include "proxy/session/notes.h"
#include "proxy/session/session.h"

namespace gatepost::session {

using pop3::ResponseCode;
using pop3::ServerCodec;
using Next = Authorization::Next;

/// The connection stands: what the client hears first, now or after upstream was opened.
void Session::greet() {
  if (settings_->apop && lobby_->desk.open_ahead()) return enter(State::opening);
  if (state_ != State::authorization) enter(State::authorization);
  login_since_ = services_.timers.now();
  say(lobby_->authorization.greeting(""));
}

void Session::on_opened_ahead() {
  const Result<std::string> timestamp = lobby_->desk.take_timestamp();
  if (!timestamp) {
    say(pop3::err(ResponseCode::sys_temp, "Mail server not available, try again later"));
    return finish(EndReason::upstream_lost, timestamp.error().detail);
  }
  enter(State::authorization);
  login_since_ = entered_;
  lobby_->authorization.offer_apop(!timestamp->empty());
  say(lobby_->authorization.greeting(*timestamp));
}

void Session::on_verdict(const Authorization::Verdict& verdict) {
  client_codec_.wipe();  // there may have been a password in it
  wipe_stack();
  const bool asks = verdict.next == Next::ask;
  client_codec_.set_mode(asks ? ServerCodec::Mode::sasl : ServerCodec::Mode::login);
  if (asks && state_ == State::authorization) enter(State::sasl);
  if (!asks && state_ == State::sasl && verdict.next != Next::log_in) enter(State::authorization);
  switch (verdict.next) {
    case Next::introduced:
      note_xclient(page_, *settings_, facts_);
      return say(verdict.reply);
    case Next::answer:
    case Next::ask:
      return say(verdict.reply);
    case Next::bad:
      return bad_command(verdict.reply);
    case Next::log_in:
      return on_login_request(lobby_->authorization.take_request());
    case Next::start_tls:
      return on_stls(verdict.reply);
    case Next::leave:
      say(verdict.reply);
      return finish(EndReason::quit, {});
  }
}

void Session::on_stls(std::string_view reply) {
  if (!client_->received().empty() || client_codec_.mid_line()) {
    // Sent in clear but meant to be taken for TLS (RFC 2595 section 4): an attack or a broken
    // client; nothing of it may be run.
    say(pop3::err("Nothing may follow STLS before TLS"));
    return finish(EndReason::protocol_error, "bytes sent behind STLS before TLS");
  }
  say(reply);
  start_tls(State::stls_handshake);
}

/// A login may go upstream, or has to wait because of failed ones before.
void Session::on_login_request(LoginRequest request) {
  user_ = request.user;
  if (!user_.empty() && state_ != State::delayed) note_user(page_, user_);
  if (services_.tape != nullptr) services_.tape->named(user_);
  // CRAM-MD5 names the user later.
  const Duration delay = user_.empty() ? Duration(0) : lobby_->desk.take_turn(user_);
  if (delay == Duration(0)) return pass_on(std::move(request));
  const Instant until = services_.timers.now() + delay;
  const bool again = state_ == State::delayed;
  if (until > login_since_ + settings_->timeouts.login) {
    if (again) enter(State::login);
    LoginOutcome outcome;
    outcome.result = LoginResult::throttled;
    outcome.reply = pop3::err(ResponseCode::sys_temp, "Too many failed logins, try again later");
    outcome.problem = "too many failed logins before";
    note_delay(page_, delay, true);
    lobby_->desk.drop();
    return login_failed(outcome);
  }
  lobby_->delayed_until = until;
  lobby_->waiting = std::move(request);
  if (again) return;  // another attempt went first
  services_.counters.logins_delayed.add();
  note_delay(page_, delay, false);
  enter(State::delayed);
}

/// Now it goes upstream: as a new login, or as the answer to upstream's challenge.
void Session::pass_on(LoginRequest request) {
  enter(State::login);
  if (lobby_->desk.under_way()) {
    lobby_->desk.respond(std::move(request.secret));
  } else {
    lobby_->desk.start(std::move(request));
  }
}

bool Session::login_step() {
  if (lobby_->desk.finished()) {
    on_login_outcome();
    return true;
  }
  if (!lobby_->desk.challenged()) return false;
  if (draining_) {
    services_.counters.logins[LoginResult::unavailable].add();
    say_going_down();
    return true;
  }
  client_codec_.set_mode(ServerCodec::Mode::sasl);
  enter(State::relay);
  say(lobby_->desk.challenge());
  return true;
}

/// The client's answer to upstream's challenge.
void Session::on_relay_line(std::string_view line) {
  client_codec_.set_mode(ServerCodec::Mode::login);
  if (line == "*") return break_off("Authentication cancelled");
  std::optional<std::string> message = pop3::base64_decode(line);
  client_codec_.wipe();
  if (!message) return break_off("Response is not base64");
  LoginRequest answer;
  answer.secret = Secret(*message);
  wipe(*message);
  if (!lobby_->desk.needs_user()) return pass_on(std::move(answer));
  Result<std::string> user = lobby_->desk.user_in(answer.secret.reveal());
  if (!user) return break_off(user.error().detail);
  answer.user = std::move(*user);
  on_login_request(std::move(answer));
}

void Session::break_off(std::string_view text) {
  client_codec_.set_mode(ServerCodec::Mode::login);
  client_codec_.wipe();
  lobby_->desk.break_off(text);
  on_login_outcome();
}

void Session::on_login_outcome() {
  wipe_stack();  // of what went upstream
  LoginOutcome outcome = lobby_->desk.take_outcome();
  note_outcome(page_, outcome, lobby_->authorization.method(), lobby_->desk.server());
  if (outcome.result != LoginResult::ok) return login_failed(outcome);
  services_.counters.logins[outcome.result].add();
  services_.guard.login_succeeded(facts_.address, user_, services_.timers.now());
  UpstreamPlace& place = *outcome.place;
  upstream_ = std::move(place.opened.transport);
  lease_ = std::move(place.lease);
  upstream_codec_ = std::move(place.opened.codec);
  upstream_capabilities_ = std::move(place.opened.capabilities);
  upstream_depth_ = upstream_capabilities_->has("PIPELINING") ? settings_->limits.pipeline : 1;
  upstream_->set_observer(this);
  upstream_moved_ = services_.timers.now();
  client_moved_ = services_.timers.now();
  client_codec_.set_mode(ServerCodec::Mode::transaction);
  route_ = lobby_->desk.route();
  server_ = lobby_->desk.server();
  method_ = lobby_->authorization.method();
  device_ = route_->form.device(user_);
  user_ = route_->form.account(user_);
  if (services_.tape != nullptr) services_.tape->logged_in(user_);
  choose_chain(outcome.downgrade);
  open_mailbox();
  if (mailbox_ && mailbox_->holds_login()) {
    // Upstream's words may count what the client does not see.
    held_reply_ = pop3::ok("Logged in");
  } else {
    say(outcome.reply);
  }
  leave_lobby();
  enter(State::transaction);
}

/// Now, unless something there is in use: then with the next activity.
void Session::leave_lobby() {
  if (lobby_->desk.at_rest()) lobby_.reset();
}

void Session::login_failed(const LoginOutcome& outcome) {
  ++failed_logins_;
  services_.counters.logins[outcome.result].add();
  const bool wrong =
      outcome.result == LoginResult::refused || outcome.result == LoginResult::cancelled;
  if (wrong && !user_.empty()) {
    services_.guard.login_failed(facts_.address, user_, services_.timers.now());
  }
  const upstream::Server* server = lobby_->desk.server();
  services_.log.warning(
      "login_failed",
      {{"id", id_},
       {"listener", settings_->listener},
       {"client", facts_.address.to_string()},
       {"user", user_},
       {"upstream", server != nullptr ? server->address.to_string() : std::string()},
       {"result", to_string(outcome.result)},
       {"problem", outcome.problem}});
  say(outcome.reply);
  user_.clear();
  if (draining_) return finish(EndReason::drained, {});
  if (failed_logins_ >= settings_->limits.login_attempts) {
    return finish(EndReason::too_many_errors, "too many failed logins");
  }
  if (state_ != State::authorization) enter(State::authorization);
  login_since_ = services_.timers.now();
}

}  // namespace gatepost::session
