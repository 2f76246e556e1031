#include "proxy/session/upstream_login.h"

#include <utility>

#include <fmt/format.h>

namespace gatepost::session {

using pop3::ClientCodec;
using pop3::Expected;
using pop3::ReplyShape;
using pop3::ResponseCode;

namespace {

/// What upstream may say to CAPA; more is not read.
constexpr std::size_t kMaxCapaBody = 16 * 1024;
/// RFC 5034 section 4: with an initial response the AUTH line must fit 255 octets.
constexpr std::size_t kMaxAuthLine = 255;

constexpr std::string_view kUnavailable = "Mail server not available, try again later";

}  // namespace

UpstreamLogin::UpstreamLogin(const Services& services, const Settings& settings,
                             const upstream::Server& server, pop3::Credentials credentials,
                             Owner& owner)
    : services_(services),
      settings_(settings),
      server_(server),
      credentials_(std::move(credentials)),
      owner_(owner),
      timer_(services.timers.make_timer([this] {
        give_up(ResponseCode::sys_temp, kUnavailable,
                state_ == State::connecting ? "connect: timeout" : "no answer in time");
        notify();
      })),
      started_(services.timers.now()) {
  connecting_ =
      services_.connector.connect(server_.address, settings_.timeouts.upstream_connect,
                                  [this](auto transport) { connected(std::move(transport)); });
}

UpstreamLogin::~UpstreamLogin() = default;

void UpstreamLogin::connected(Result<std::unique_ptr<net::Transport>> transport) {
  if (!transport) {
    give_up(ResponseCode::sys_temp, kUnavailable, "connect: " + transport.error().detail);
    return notify();
  }
  transport_ = std::move(*transport);
  transport_->set_observer(this);
  connected_at_ = services_.timers.now();
  if (server_.security == upstream::Security::implicit) {
    enter(State::tls, settings_.timeouts.upstream_connect);
    wrap_in_tls();
  } else {
    expect_greeting();
  }
  pump();
}

void UpstreamLogin::expect_greeting() {
  services_.counters.upstream_connect.observe(services_.timers.now() - started_);
  enter(State::greeting, settings_.timeouts.upstream_greeting);
  codec_.expect({});
}

void UpstreamLogin::wrap_in_tls() {
  auto wrapped = server_.tls->wrap(std::move(transport_), services_.pool);
  if (!wrapped) {
    return give_up(ResponseCode::sys_temp, kUnavailable, "TLS: " + wrapped.error().detail);
  }
  transport_ = std::move(*wrapped);
  transport_->set_observer(this);
}

void UpstreamLogin::on_activity() { pump(); }

void UpstreamLogin::pump() {
  do {
    if (state_ == State::finished) break;
    if ((state_ == State::tls || state_ == State::stls_tls) && transport_->established()) {
      on_tls_established();
    }
    while (state_ != State::finished && transport_->established() && read_event()) {
    }
    if (state_ == State::finished) break;
    if (transport_->end() && transport_->received().empty()) {
      const Error& why = *transport_->end();
      give_up(ResponseCode::sys_temp, kUnavailable,
              fmt::format("{}: {}", to_string(why.code), why.detail));
      break;
    }
  } while (transport_->settle());
  notify();
}

bool UpstreamLogin::read_event() {
  switch (codec_.next(transport_->received())) {
    case ClientCodec::Event::need_data:
      return false;
    case ClientCodec::Event::protocol_error:
      give_up(ResponseCode::sys_temp, kUnavailable, "protocol: " + codec_.error());
      return false;
    case ClientCodec::Event::body_data:
      capa_body_ += codec_.take_body().to_string();
      if (capa_body_.size() > kMaxCapaBody) {
        give_up(ResponseCode::sys_temp, kUnavailable, "protocol: endless CAPA reply");
      }
      return true;
    case ClientCodec::Event::body_end:
      on_capabilities();
      return true;
    case ClientCodec::Event::status:
      on_status();
      return true;
    case ClientCodec::Event::continuation:
      on_continuation();
      return true;
  }
  return false;
}

void UpstreamLogin::cancel() {
  if (state_ == State::finished) return;
  if (transport_) transport_->close(net::CloseMode::abort);
  finish({});
}

void UpstreamLogin::notify() {
  if (state_ == State::finished) owner_.on_login_finished();
}

void UpstreamLogin::on_status() {
  const pop3::Status& status = codec_.status();
  switch (state_) {
    case State::greeting:
      return on_greeting();
    case State::capa:
      if (!status.ok) on_capabilities();  // an old server: no CAPA at all
      return;
    case State::stls:
      if (!status.ok) {
        return give_up(ResponseCode::sys_temp, kUnavailable, "upstream refuses STLS");
      }
      enter(State::stls_tls, settings_.timeouts.upstream_connect);
      return wrap_in_tls();
    case State::user:
      if (!status.ok) return on_login_reply();
      enter(State::pass, settings_.timeouts.upstream_login);
      return send_secret("PASS ", credentials_.password.reveal(), {});
    case State::auth_plain:
    case State::auth_response:
    case State::pass:
      return on_login_reply();
    case State::connecting:
    case State::tls:
    case State::stls_tls:
    case State::finished:
      return give_up(ResponseCode::sys_temp, kUnavailable, "protocol: reply out of turn");
  }
}

/// "+": upstream wants the message in a line of its own. PLAIN has no second challenge.
void UpstreamLogin::on_continuation() {
  if (state_ != State::auth_plain) {
    return give_up(ResponseCode::sys_temp, kUnavailable, "protocol: challenge out of turn");
  }
  std::string message = pop3::sasl_plain_message(credentials_);
  enter(State::auth_response, settings_.timeouts.upstream_login);
  send_secret("", message, {.shape = ReplyShape::single});
  wipe(message);
}

void UpstreamLogin::on_greeting() {
  if (!codec_.status().ok) {
    return give_up(ResponseCode::sys_temp, kUnavailable, "greeting: -ERR " + codec_.status().text);
  }
  if (server_.security == upstream::Security::stls) return start_stls();
  ask_capabilities();
}

void UpstreamLogin::start_stls() {
  enter(State::stls, settings_.timeouts.upstream_login);
  send("STLS\r\n", {});
}

void UpstreamLogin::on_tls_established() {
  if (state_ == State::tls) {
    return expect_greeting();
  }
  // What was said in clear is forgotten (RFC 2595 section 4): ask only now.
  ask_capabilities();
}

void UpstreamLogin::ask_capabilities() {
  enter(State::capa, settings_.timeouts.upstream_login);
  send("CAPA\r\n", {.shape = ReplyShape::multi, .form = pop3::DotDecoder::Form::unstuffed});
}

void UpstreamLogin::on_capabilities() {
  capabilities_ = pop3::Capabilities::parse(capa_body_);
  std::string().swap(capa_body_);
  authenticate();
}

void UpstreamLogin::authenticate() {
  if (capabilities_.has_sasl("PLAIN")) {
    std::string message = pop3::sasl_plain_message(credentials_);
    enter(State::auth_plain, settings_.timeouts.upstream_login);
    constexpr std::string_view kCommand = "AUTH PLAIN ";
    if (kCommand.size() + message.size() + 2 <= kMaxAuthLine) {
      send_secret(kCommand, message, {});
    } else {
      send("AUTH PLAIN\r\n", {.continuation = true});
    }
    wipe(message);
    return;
  }
  if (!capabilities_.empty() && !capabilities_.has("USER")) {
    return give_up(ResponseCode::sys_perm, "Mail server accepts no password here",
                   "upstream offers neither USER nor SASL PLAIN");
  }
  enter(State::user, settings_.timeouts.upstream_login);
  send(fmt::format("USER {}\r\n", credentials_.user), {});
}

void UpstreamLogin::on_login_reply() {
  const pop3::Status& status = codec_.status();
  LoginOutcome outcome;
  outcome.reply = status.wire();
  if (status.ok) {
    if (!nothing_ahead()) return;
    services_.counters.upstream_login.observe(services_.timers.now() - connected_at_);
    outcome.result = LoginResult::ok;
    transport_->set_observer(nullptr);
    outcome.transport = std::move(transport_);
    outcome.codec = std::move(codec_);
    outcome.capabilities = std::move(capabilities_);
  } else {
    // Only these say that the credentials themselves were wrong (RFC 3206); the others are about
    // the mailbox or the server (RFC 2449 section 8.1).
    const std::string code = status.code();
    const bool credentials_wrong = code.empty() || code == "AUTH";
    outcome.result = credentials_wrong ? LoginResult::refused : LoginResult::unavailable;
    outcome.problem = "-ERR " + without_secrets(status.text);
  }
  finish(std::move(outcome));
}

void UpstreamLogin::enter(State state, Duration deadline) {
  state_ = state;
  timer_->start(deadline);
}

/// Upstream's words for the log. A server that repeats what it was told must not bring it there.
std::string UpstreamLogin::without_secrets(const std::string& text) const {
  std::string message = pop3::sasl_plain_message(credentials_);
  const std::string_view password = credentials_.password.reveal();
  std::string encoded = pop3::base64_encode(password);
  const bool repeats = text.contains(password) || text.contains(message) || text.contains(encoded);
  wipe(message);
  wipe(encoded);
  return repeats ? "(text withheld: it repeats the password)" : text;
}

/// The answer to what is sent next cannot be here yet: what is, was sent to be taken for it.
bool UpstreamLogin::nothing_ahead() {
  if (transport_->received().empty() && !codec_.mid_reply()) return true;
  give_up(ResponseCode::sys_temp, kUnavailable, "protocol: reply that nobody asked for");
  return false;
}

void UpstreamLogin::send(std::string_view line, Expected expected) {
  if (!nothing_ahead()) return;
  codec_.expect(expected);
  transport_->send(ByteChain(services_.pool, line));
}

void UpstreamLogin::send_secret(std::string_view prefix, std::string_view secret,
                                Expected expected) {
  if (!nothing_ahead()) return;
  // The reply to a continuation line is already owed since the command.
  if (codec_.owed() == 0) codec_.expect(expected);
  ByteChain line(services_.pool, prefix);
  line.append(services_.pool, secret);
  line.append(services_.pool, "\r\n");
  transport_->send(std::move(line));
}

void UpstreamLogin::give_up(ResponseCode code, std::string_view text, std::string problem) {
  LoginOutcome outcome;
  outcome.reply = pop3::err(code, text);
  outcome.problem = std::move(problem);
  finish(std::move(outcome));
}

void UpstreamLogin::finish(LoginOutcome outcome) {
  timer_->stop();
  connecting_.reset();
  if (transport_) transport_->close(net::CloseMode::flush);
  outcome_ = std::move(outcome);
  state_ = State::finished;
}

}  // namespace gatepost::session
