#include "proxy/session/upstream_login.h"

#include <cassert>
#include <utility>

#include <fmt/format.h>

#include "proxy/pop3/sasl.h"

namespace gatepost::session {

using pop3::ClientCodec;
using pop3::Expected;
using pop3::ResponseCode;

namespace {

/// RFC 5034 section 4: with an initial response the AUTH line must fit 255 octets.
constexpr std::size_t kMaxAuthLine = 255;

constexpr std::string_view kUnavailable = "Mail server not available, try again later";

upstream::Environment environment(const Services& services) {
  return {services.timers, services.connector, services.pool};
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
                             UpstreamPlace place, LoginRequest request, Owner& owner)
    : services_(services),
      settings_(settings),
      request_(std::move(request)),
      owner_(owner),
      timer_(services.timers.make_timer([this] {
        give_up(ResponseCode::sys_temp, kUnavailable, "no answer in time");
        notify();
      })),
      place_(std::move(place)) {}

UpstreamLogin::UpstreamLogin(const Services& services, const Settings& settings,
                             const upstream::Pool& pool, const net::ClientFacts& client,
                             LoginRequest request, Owner& owner)
    : UpstreamLogin(services, settings, UpstreamPlace(), std::move(request), owner) {
  place_.pool = &pool;
  upstream::Opening::Owner& self = *this;
  opening_.emplace(environment(services), settings.timeouts, pool, client, request_.user, self);
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
  if (!request_.utf8 || place_.utf8) return start_login();
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
    case ClientCodec::Event::body_end:
      break;
  }
  give_up(ResponseCode::sys_temp, kUnavailable, "protocol: reply out of turn");
  return false;
}

void UpstreamLogin::notify() {
  if (state_ == State::finished || state_ == State::challenged) owner_.on_login_progress();
}

void UpstreamLogin::start_login() {
  const std::string& user = request_.user;
  switch (request_.kind) {
    case LoginRequest::Kind::password:
      return authenticate();
    case LoginRequest::Kind::apop:
      enter(State::apop);
      return send_secret(fmt::format("APOP {} ", user), request_.secret.reveal(), {});
    case LoginRequest::Kind::relay:
      break;
  }
  if (!request_.mechanism.relayed_by(*place_.opened.capabilities)) {
    return give_up(ResponseCode::none, "Mechanism is not offered here",
                   "upstream does not offer " + request_.mechanism.name());
  }
  if (!request_.mechanism.client_first()) {
    enter(State::dialog);
    return send(fmt::format("AUTH {}\r\n", request_.mechanism.name()), {.continuation = true});
  }
  start_auth(request_.mechanism.name(), pop3::base64_encode(request_.secret.reveal()));
}

void UpstreamLogin::authenticate() {
  const pop3::Capabilities& capabilities = *place_.opened.capabilities;
  const bool plain = capabilities.has_sasl("PLAIN");
  if (!plain && (capabilities.empty() || capabilities.has("USER"))) {
    enter(State::user);
    return send(fmt::format("USER {}\r\n", request_.user), {});
  }
  if (plain) {
    return start_auth("PLAIN", pop3::sasl_plain_message(request_.user, request_.secret.reveal()));
  }
  if (!capabilities.has_sasl("LOGIN")) {
    return give_up(ResponseCode::sys_perm, "Mail server accepts no password here",
                   "upstream offers neither USER nor SASL PLAIN or LOGIN");
  }
  message_ = Secret(pop3::base64_encode(request_.user));
  enter(State::auth_login);
  send("AUTH LOGIN\r\n", {.continuation = true});
}

/// AUTH with the message behind it, or alone where that would be too long. Wipes `message`.
void UpstreamLogin::start_auth(std::string_view mechanism, std::string message) {
  const std::string command = fmt::format("AUTH {} ", mechanism);
  const bool fits = command.size() + message.size() + 2 <= kMaxAuthLine && !message.empty();
  enter(State::auth);
  if (fits && place_.server->initial_response) {
    message_ = Secret();
    if (request_.kind == LoginRequest::Kind::relay) enter(State::dialog);
    send_secret(command, message, {.continuation = request_.kind == LoginRequest::Kind::relay});
  } else {
    message_ = Secret(message);
    send(fmt::format("AUTH {}\r\n", mechanism), {.continuation = true});
  }
  wipe(message);
}

void UpstreamLogin::on_status() {
  const pop3::Status& status = place_.opened.codec.status();
  switch (state_) {
    case State::utf8:
      if (!status.ok) {
        return give_up(ResponseCode::sys_temp, "Mail server refuses UTF8",
                       "UTF8: -ERR " + status.text);
      }
      place_.utf8 = true;
      return start_login();
    case State::user:
      if (!status.ok) return on_answer();
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
      return on_answer();
    case State::opening:
    case State::challenged:
    case State::finished:
      return give_up(ResponseCode::sys_temp, kUnavailable, "protocol: reply out of turn");
  }
}

void UpstreamLogin::on_continuation() {
  if (state_ == State::dialog) return on_challenge();
  if (state_ == State::auth || state_ == State::auth_login) return send_message();
  give_up(ResponseCode::sys_temp, kUnavailable, "protocol: challenge out of turn");
}

/// What waited for upstream's "+".
void UpstreamLogin::send_message() {
  const Secret message = std::exchange(message_, Secret());
  const bool relay = request_.kind == LoginRequest::Kind::relay;
  const bool more = state_ == State::auth_login && !message.empty();
  if (state_ == State::auth_login && message.empty()) {
    std::string password = pop3::base64_encode(request_.secret.reveal());
    enter(State::answer);
    send_secret("", password, {});
    return wipe(password);
  }
  enter(more ? State::auth_login : relay ? State::dialog : State::answer);
  send_secret("", message.reveal(), {.continuation = relay || more});
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

void UpstreamLogin::on_answer() {
  const pop3::Status& status = place_.opened.codec.status();
  LoginOutcome outcome;
  outcome.reply = status.wire();
  if (status.ok) {
    if (!nothing_ahead()) return;
    services_.counters.upstream_login.observe(services_.timers.now() - opened_at_);
    outcome.result = LoginResult::ok;
  } else {
    // Only these say that the credentials themselves were wrong (RFC 3206); the others are about
    // the mailbox or the server (RFC 2449 section 8.1).
    const std::string code = status.code();
    const bool credentials_wrong = code.empty() || code == "AUTH";
    if (code.starts_with("SYS/") && ask_next_server()) return;
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

/// A password may be tried elsewhere; what belongs to one connection (APOP, a dialog) may not.
bool UpstreamLogin::ask_next_server() {
  if (request_.kind != LoginRequest::Kind::password || !opening_ || !opening_->try_next()) {
    return false;
  }
  timer_->stop();
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

/// Upstream's words for the log. A server that repeats what it was told must not bring it there:
/// of a relayed dialog, in which anything may be secret, only the response code is kept.
std::string UpstreamLogin::without_secrets(const pop3::Status& status) const {
  const std::string& text = status.text;
  const std::string code = status.code();
  if (request_.kind == LoginRequest::Kind::relay) {
    return code.empty() ? "-ERR" : fmt::format("-ERR [{}]", code);
  }
  const std::string_view secret = request_.secret.reveal();
  std::string message = pop3::sasl_plain_message(request_.user, secret);
  std::string encoded = pop3::base64_encode(secret);
  const bool repeats = text.contains(secret) || text.contains(message) || text.contains(encoded);
  wipe(message);
  wipe(encoded);
  return repeats ? "-ERR (text withheld: it repeats the password)" : "-ERR " + text;
}

/// The answer to what is sent next cannot be here yet: what is, was sent to be taken for it.
bool UpstreamLogin::nothing_ahead() {
  if (place_.opened.transport->received().empty() && !place_.opened.codec.mid_reply()) return true;
  give_up(ResponseCode::sys_temp, kUnavailable, "protocol: reply that nobody asked for");
  return false;
}

void UpstreamLogin::send(std::string_view line, Expected expected) {
  send_secret(line.substr(0, line.size() - 2), "", expected);
}

void UpstreamLogin::send_secret(std::string_view prefix, std::string_view secret,
                                Expected expected) {
  if (!nothing_ahead()) return;
  // The reply to a continuation line is already owed since the command.
  if (place_.opened.codec.owed() == 0) place_.opened.codec.expect(expected);
  std::string line;
  line.reserve(prefix.size() + secret.size() + 2);
  line.append(prefix).append(secret).append("\r\n");
  ByteChain out;
  if (secret.empty()) {
    out.append(services_.pool, line);
  } else {
    out.append_secret(services_.pool, line);  // one piece, so that TLS need not gather it
  }
  wipe(line);
  place_.opened.transport->send(std::move(out));
}

void UpstreamLogin::lost(std::string problem) {
  if (state_ != State::challenged && ask_next_server()) return;
  give_up(ResponseCode::sys_temp, kUnavailable, std::move(problem));
}

void UpstreamLogin::give_up(ResponseCode code, std::string_view text, std::string problem) {
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
