#include "proxy/session/upstream_login.h"

#include <cassert>
#include <utility>

#include <fmt/format.h>

#include "proxy/pop3/sasl.h"
#include "proxy/session/notes.h"

namespace gatepost::session {

using pop3::ClientCodec;
using pop3::ResponseCode;

namespace {

upstream::Environment environment(const Services& services, Journal::Page& page) {
  return {services.timers, services.connector, services.pool, &page, services.tape};
}

/// RFC 6856 section 2.1: it has its place before the login.
bool wants_utf8(const LoginRequest& request, const UpstreamPlace& place) {
  if (request.utf8) return true;
  return place.server->utf8 == config::Utf8::downgrade && place.opened.capabilities->has("UTF8");
}

/// The client never asked for it, so it is served without.
void note_refused_utf8(Log& log, const upstream::Server& server, const std::string& text) {
  if (!server.state->refused_utf8()) return;
  log.warning("utf8_refused",
              {{"upstream", server.address.to_string()}, {"problem", "-ERR " + text}});
}

}  // namespace

bool UpstreamPlace::alive() const {
  return !opened.transport->end() && opened.transport->received().empty() &&
         !opened.codec.mid_reply();
}

void note_warning(Log& log, const UpstreamPlace& place) {
  if (place.opened.warning.empty()) return;
  log.warning("xclient_ignored",
              {{"upstream", place.server->address.to_string()}, {"problem", place.opened.warning}});
}

UpstreamLogin::UpstreamLogin(const Services& services, const Settings& settings,
                             Journal::Page& page, UpstreamPlace place, LoginRequest request,
                             Owner& owner)
    : services_(services),
      settings_(settings),
      page_(page),
      request_(std::move(request)),
      owner_(owner),
      timer_(services.timers.make_timer([this] {
        give_up(ResponseCode::sys_temp, kUnavailable, "no answer in time");
        notify();
      })),
      place_(std::move(place)) {}

UpstreamLogin::UpstreamLogin(const Services& services, const Settings& settings,
                             Journal::Page& page, const upstream::Pool& pool,
                             const net::ClientFacts& client, LoginRequest request, Owner& owner)
    : UpstreamLogin(services, settings, page, UpstreamPlace(), std::move(request), owner) {
  place_.pool = &pool;
  upstream::Opening::Owner& self = *this;
  // Who wants no pipelining towards the servers gets none here either.
  const bool hurry = request_.kind == LoginRequest::Kind::password && settings.limits.pipeline > 1;
  opening_.emplace(environment(services, page), settings.timeouts, pool, client, request_.user,
                   self, hurry ? upstream::Opening::Capa::later : upstream::Opening::Capa::ask);
  place_.server = opening_->server();
}

UpstreamLogin::~UpstreamLogin() = default;

void UpstreamLogin::start() {
  if (place_.opened.transport == nullptr) return;  // it is being opened
  begin();
  pump();
}

void UpstreamLogin::on_opening_finished() {
  if (opening_->server() != nullptr) place_.server = opening_->server();
  Result<upstream::Opened> opened = opening_->take();
  if (!opened) {
    give_up(ResponseCode::sys_temp, kUnavailable, std::move(opened.error().detail));
    return notify();
  }
  place_.opened = std::move(*opened);
  place_.lease = opening_->take_lease();
  services_.counters.upstream_connect.observe(place_.opened.connect_time);
  note_warning(services_.log, place_);
  begin();
  pump();
}

void UpstreamLogin::begin() {
  place_.opened.transport->set_observer(this);
  opened_at_ = services_.timers.now();
  guessed_ = place_.opened.unconfirmed;
  if (guessed_) hurry_ = Hurry::to_ask;
  if (!wants_utf8(request_, place_) || place_.utf8) return start_login();
  enter(State::utf8);
  send("UTF8\r\n", {});
}

void UpstreamLogin::pump() {
  do {
    while (state_ != State::finished && state_ != State::opening && read_event()) {
    }
    if (state_ == State::finished || state_ == State::opening) break;
    net::Transport& transport = *place_.opened.transport;
    if (transport.end() && transport.received().empty()) {
      const Error& why = *transport.end();
      lost(fmt::format("{}: {}", to_string(why.code), why.detail));
      break;
    }
  } while (place_.opened.transport->settle());
  notify();
}

bool UpstreamLogin::read_event() {
  switch (place_.opened.codec.next(place_.opened.transport->received())) {
    case ClientCodec::Event::need_data:
      return false;
    case ClientCodec::Event::status:
      on_status();
      return true;
    case ClientCodec::Event::continuation:
      on_continuation();
      return true;
    case ClientCodec::Event::protocol_error:
      give_up(ResponseCode::sys_temp, kUnavailable, "protocol: " + place_.opened.codec.error());
      return false;
    case ClientCodec::Event::body_data:
      if (hurry_ != Hurry::asked) break;
      capa_body_ += place_.opened.codec.take_body().to_string();
      if (capa_body_.size() <= upstream::Opening::kMaxCapaBody) return true;
      give_up(ResponseCode::sys_temp, kUnavailable, "protocol: endless CAPA reply");
      return false;
    case ClientCodec::Event::body_end:
      if (hurry_ != Hurry::asked) break;
      on_capabilities();
      return true;
  }
  give_up(ResponseCode::sys_temp, kUnavailable, "protocol: reply out of turn");
  return false;
}

void UpstreamLogin::notify() {
  if (state_ == State::finished || state_ == State::challenged) owner_.on_login_progress();
}

/// What the server announces on this connection.
void UpstreamLogin::on_capabilities() {
  place_.opened.capabilities = place_.server->state->learned(capa_body_);
  std::string().swap(capa_body_);
  hurry_ = Hurry::unanswered;
}

void UpstreamLogin::on_status() {
  const pop3::Status& status = place_.opened.codec.status();
  if (hurry_ == Hurry::asked) {
    if (!status.ok) on_capabilities();  // it knows no CAPA any more
    return;
  }
  if (state_ != State::user_and_pass) hurry_ = Hurry::none;
  switch (state_) {
    case State::utf8:
      if (!status.ok && request_.utf8) {
        return give_up(ResponseCode::sys_temp, "Mail server refuses UTF8",
                       "UTF8: -ERR " + status.text);
      }
      place_.utf8 = status.ok;
      if (!status.ok) note_refused_utf8(services_.log, *place_.server, status.text);
      return start_login();
    case State::user_and_pass:
      refusal_ = status;
      return enter(status.ok ? State::answer : State::user_refused);
    case State::user_refused:
      if (!status.ok) return on_answer(refusal_);
      return give_up(ResponseCode::sys_temp, kUnavailable, "protocol: +OK behind a refused USER");
    case State::user:
      if (!status.ok) return on_answer(status);
      enter(State::answer);
      return send_secret("PASS ", request_.secret.reveal(), {});
    case State::auth:
    case State::auth_login:
      // Exchange 2003 says +OK where "+" is meant. It cannot be a success: nothing was said yet.
      if (status.ok && !message_.empty()) return send_message();
      if (status.ok && state_ == State::auth_login) {
        return give_up(ResponseCode::sys_temp, kUnavailable, "protocol: +OK without a password");
      }
      [[fallthrough]];
    case State::apop:
    case State::answer:
    case State::dialog:
      return on_answer(status);
    case State::opening:
    case State::challenged:
    case State::finished:
      return give_up(ResponseCode::sys_temp, kUnavailable, "protocol: reply out of turn");
  }
}

void UpstreamLogin::on_continuation() {
  hurry_ = Hurry::none;
  if (state_ == State::dialog) return on_challenge();
  if (state_ == State::auth || state_ == State::auth_login) return send_message();
  give_up(ResponseCode::sys_temp, kUnavailable, "protocol: challenge out of turn");
}

void UpstreamLogin::on_challenge() {
  const std::string& text = place_.opened.codec.status().text;
  if (!pop3::base64_decode(text)) {
    return give_up(ResponseCode::sys_temp, kUnavailable, "protocol: challenge is not base64");
  }
  if (!nothing_ahead()) return;
  challenge_ = fmt::format("+ {}\r\n", text);
  state_ = State::challenged;
  timer_->stop();  // the client's time
}

void UpstreamLogin::respond(const Secret& message) {
  assert(state_ == State::challenged);
  std::string line = pop3::base64_encode(message.reveal());
  enter(State::dialog);
  send_secret("", line, {});
  wipe(line);
  pump();
}

void UpstreamLogin::break_off() {
  assert(state_ == State::challenged);
  place_.opened.transport->send(ByteChain(services_.pool, "*\r\n"));
  LoginOutcome outcome;
  outcome.result = LoginResult::cancelled;
  outcome.reply = pop3::err("Authentication cancelled");
  outcome.problem = "the client broke the dialog off";
  finish(std::move(outcome));
}

void UpstreamLogin::on_answer(const pop3::Status& status) {
  LoginOutcome outcome;
  outcome.reply = status.wire();
  if (status.ok) {
    if (!nothing_ahead()) return;
    services_.counters.upstream_login.observe(services_.timers.now() - opened_at_);
    outcome.result = LoginResult::ok;
    outcome.downgrade = place_.utf8 && !request_.utf8;
  } else {
    // Only these say that the credentials themselves were wrong (RFC 3206); the others are about
    // the mailbox or the server (RFC 2449 section 8.1).
    const std::string code = status.code();
    const bool credentials_wrong = code.empty() || code == "AUTH";
    if (code.starts_with("SYS/") && ask_next_server(without_secrets(status))) return;
    if (credentials_wrong && ask_otherwise()) return;
    outcome.result = credentials_wrong ? LoginResult::refused : LoginResult::unavailable;
    outcome.problem = without_secrets(status);
  }
  const bool reusable = settings_.apop && !place_.opened.timestamp.empty() && place_.alive();
  if (status.ok || reusable) {
    place_.opened.transport->set_observer(nullptr);
    outcome.place = std::move(place_);
    place_ = UpstreamPlace();
    place_.server = outcome.place->server;
  }
  finish(std::move(outcome));
}

/// Whether the refusal may be of the way in which the password was said, not of the password: the
/// server does not announce this way any more. Then it is said in one that it does.
bool UpstreamLogin::ask_otherwise() {
  if (!std::exchange(guessed_, false) || way_ == way_to(*place_.opened.capabilities)) return false;
  message_ = Secret();
  authenticate();
  return true;
}

/// The connection failed. If that was because the server does not pipeline any more, the next login
/// must not run into it.
void UpstreamLogin::doubt() {
  const bool pending = hurry_ == Hurry::asked || hurry_ == Hurry::unanswered;
  if (pending) place_.server->state->doubt(services_.timers.now());
  hurry_ = Hurry::none;
  std::string().swap(capa_body_);
}

/// A password may be tried elsewhere; what belongs to one connection (APOP, a dialog) may not.
bool UpstreamLogin::ask_next_server(std::string_view problem) {
  if (request_.kind != LoginRequest::Kind::password || !opening_) return false;
  note_no_login(page_, *place_.pool, *place_.server, problem);
  if (!opening_->try_next()) return false;
  timer_->stop();
  hurry_ = Hurry::none;
  place_.opened.transport->close(net::CloseMode::flush);
  place_.lease = upstream::Lease();
  place_.utf8 = false;
  place_.server = opening_->server();
  message_ = Secret();
  state_ = State::opening;
  return true;
}

void UpstreamLogin::enter(State state) {
  state_ = state;
  timer_->start(settings_.timeouts.upstream_login);
}

/// The answer to what is sent next cannot be here yet: what is, was sent to be taken for it.
bool UpstreamLogin::nothing_ahead() {
  if (place_.opened.transport->received().empty() && !place_.opened.codec.mid_reply()) return true;
  give_up(ResponseCode::sys_temp, kUnavailable, "protocol: reply that nobody asked for");
  return false;
}

void UpstreamLogin::lost(std::string problem) {
  doubt();
  if (state_ != State::challenged && ask_next_server(problem)) return;
  give_up(ResponseCode::sys_temp, kUnavailable, std::move(problem));
}

void UpstreamLogin::give_up(ResponseCode code, std::string_view text, std::string problem) {
  doubt();
  LoginOutcome outcome;
  outcome.reply = pop3::err(code, text);
  outcome.problem = std::move(problem);
  finish(std::move(outcome));
}

void UpstreamLogin::cancel() {
  if (state_ == State::finished) return;
  if (place_.opened.transport) place_.opened.transport->close(net::CloseMode::abort);
  finish({});
}

bool UpstreamLogin::drained() const {
  return !place_.opened.transport || place_.opened.transport->unsent() == 0;
}

void UpstreamLogin::finish(LoginOutcome outcome) {
  timer_->stop();
  if (opening_) opening_->cancel();
  if (place_.opened.transport) place_.opened.transport->close(net::CloseMode::flush);
  place_.lease = upstream::Lease();
  message_ = Secret();
  request_.secret = Secret();  // this may be kept for a while
  outcome_ = std::move(outcome);
  state_ = State::finished;
}

}  // namespace gatepost::session
