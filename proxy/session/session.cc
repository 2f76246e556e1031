#include "proxy/session/session.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "proxy/tls/handshake_failure.h"

namespace gatepost::session {

namespace {

using State = Session::State;

constexpr std::uint16_t bit(State state) {
  return static_cast<std::uint16_t>(1U << static_cast<unsigned>(state));
}

constexpr std::uint16_t kEnd = bit(State::closing) | bit(State::ended);

/// Where a session may go from each state.
constexpr std::array<std::uint16_t, static_cast<std::size_t>(State::count_)> kTransitions = [] {
  std::array<std::uint16_t, static_cast<std::size_t>(State::count_)> table{};
  const auto allow = [&table](State from, std::uint16_t to) {
    table[static_cast<std::size_t>(from)] = to;
  };
  allow(State::implicit_handshake, bit(State::authorization) | kEnd);
  allow(State::authorization,
        bit(State::stls_handshake) | bit(State::sasl) | bit(State::login) | kEnd);
  allow(State::stls_handshake, bit(State::authorization) | kEnd);
  allow(State::sasl, bit(State::authorization) | bit(State::login) | kEnd);
  allow(State::login, bit(State::authorization) | bit(State::transaction) | kEnd);
  allow(State::transaction, bit(State::update) | kEnd);
  allow(State::update, kEnd);
  allow(State::closing, bit(State::ended));
  return table;
}();

HandshakeFailure label(tls::HandshakeFailure failure) {
  switch (failure) {
    case tls::HandshakeFailure::not_tls:
      return HandshakeFailure::not_tls;
    case tls::HandshakeFailure::no_shared_version:
      return HandshakeFailure::no_shared_version;
    case tls::HandshakeFailure::no_shared_cipher:
      return HandshakeFailure::no_shared_cipher;
    case tls::HandshakeFailure::no_alpn:
      return HandshakeFailure::no_alpn;
    case tls::HandshakeFailure::peer_alert:
      return HandshakeFailure::peer_alert;
    case tls::HandshakeFailure::closed:
      return HandshakeFailure::closed;
    case tls::HandshakeFailure::other:
      return HandshakeFailure::other;
  }
  return HandshakeFailure::other;
}

}  // namespace

std::string_view to_string(State state) {
  switch (state) {
    case State::implicit_handshake:
    case State::stls_handshake:
      return "handshake";
    case State::authorization:
      return "authorization";
    case State::sasl:
      return "sasl";
    case State::login:
      return "login";
    case State::transaction:
      return "transaction";
    case State::update:
      return "update";
    case State::closing:
      return "closing";
    case State::ended:
    case State::count_:
      return "ended";
  }
  return "ended";
}

Session::Session(std::string id, const Services& services, std::shared_ptr<const Settings> settings,
                 std::unique_ptr<net::Transport> client, Home& home)
    : id_(std::move(id)),
      services_(services),
      settings_(std::move(settings)),
      home_(home),
      client_(std::move(client)),
      timer_(services.timers.make_timer([this] {
        armed_for_.reset();
        pump();
      })),
      started_(services.timers.now()),
      entered_(started_),
      login_since_(started_),
      client_moved_(started_),
      upstream_moved_(started_) {
  services_.counters.sessions_started.add();
  services_.counters.sessions_active.add();
  if (settings_->client_tls_mode == config::ListenerTls::implicit) {
    state_ = State::implicit_handshake;
    start_tls();
  } else {
    say(pop3::ok("Gatepost ready"));
  }
  client_->set_observer(this);
  pump();
}

Session::~Session() = default;

void Session::pump() {
  if (pumping_) {
    look_again_ = true;
    return;
  }
  if (state_ == State::ended) return;
  pumping_ = true;
  own_turn_ = false;
  // The time that the client took to read is not counted as upstream's silence. Asked is how it was
  // when the last pump ended: the connection may have taken everything since.
  const bool client_was_full = octets_out_ - taken_ >= kMaxUnsent;
  if (client_was_full || !waits_for_upstream()) upstream_moved_ = services_.timers.now();
  int round = 0;
  bool moved = true;
  while (moved && state_ != State::ended && round++ < kMaxRounds) {
    look_again_ = false;
    note_client_end();
    moved = step();
    // One write per leg and round, whatever was said in it.
    moved |= client_->settle();
    if (upstream_) moved |= upstream_->settle();
    note_client_progress();
    moved |= look_again_;
    if (!moved) {
      look_at_ends();
      moved = look_again_;
    }
  }
  if (moved && state_ != State::ended) own_turn_ = true;
  if (const auto limit = deadline(); limit && services_.timers.now() >= *limit && !own_turn_) {
    deadline_passed();
  }
  pumping_ = false;
  if (state_ == State::ended) return over();
  arm_timer();
  assert(waits_for() != 0);
}

bool Session::step() {
  switch (state_) {
    case State::implicit_handshake:
    case State::stls_handshake:
      return handshake_step();
    case State::authorization:
    case State::sasl:
      return read_client();
    case State::login:
      if (!login_->finished()) return false;
      on_login_outcome();
      return true;
    case State::transaction:
    case State::update: {
      bool moved = read_client();
      moved |= send_commands();
      moved |= read_replies();
      return moved;
    }
    case State::closing:
    case State::ended:
    case State::count_:
      return false;
  }
  return false;
}

/// A client that ended only its own direction still gets its answers. But whether it got the ones on
/// their way cannot be known any more, so a QUIT behind them, which would delete, is forfeited.
void Session::note_client_end() {
  if (state_ != State::transaction && state_ != State::update) return;
  if (!client_->end() || quit_sent()) return;
  if (client_end_reason() == EndReason::client_error) {
    return abort(EndReason::client_error, client_->end()->detail);
  }
  if (ledger_.outstanding() > 0 || client_->unsent() > 0) quit_forfeited_ = true;
}

bool Session::quit_sent() const {
  return state_ == State::update && !ledger_.empty() && ledger_.front().verb == pop3::Verb::quit &&
         ledger_.front().stage != Exchange::Stage::queued;
}

EndReason Session::client_end_reason() const {
  const ErrorCode code = client_->end()->code;
  const bool orderly = code == ErrorCode::closed || code == ErrorCode::truncated;
  return orderly ? EndReason::client_closed : EndReason::client_error;
}

/// Nothing moves any more: has one of the connections ended?
void Session::look_at_ends() {
  if (state_ == State::transaction || state_ == State::update) {
    // While the client does not take what it has, the end of a reply may not have been looked at.
    const bool all_read = upstream_->received().empty() && client_->unsent() < kMaxUnsent;
    if (upstream_->end() && all_read) {
      const Error& why = *upstream_->end();
      return upstream_lost(why.detail);
    }
  }
  if (!client_->end()) return;
  const Error& why = *client_->end();
  const EndReason reason = client_end_reason();
  switch (state_) {
    case State::implicit_handshake:
    case State::stls_handshake: {
      const auto failure = tls::handshake_failure(*client_);
      services_.counters.handshake_failures[label(failure.value_or(tls::HandshakeFailure::other))]
          .add();
      return finish(EndReason::handshake_failed, why.detail);
    }
    case State::login:
      services_.counters.logins[LoginResult::client_gone].add();
      return finish(reason, why.detail);
    case State::transaction:
      if (!ledger_.empty()) return;
      [[fallthrough]];
    case State::authorization:
    case State::sasl:
      // All answers have left; without a reset a client that ended only its own direction gets
      // them.
      return finish(reason, why.detail);
    case State::update:
      return;  // QUIT is upstream already: its outcome belongs into the log
    case State::closing:
      if (client_->unsent() == 0) enter(State::ended);
      return;
    case State::ended:
    case State::count_:
      return;
  }
}

void Session::enter(State next) {
  assert((kTransitions[static_cast<std::size_t>(state_)] & bit(next)) != 0);
  state_ = next;
  entered_ = services_.timers.now();
  look_again_ = true;
}

std::uint8_t Session::waits_for() const {
  unsigned waits = own_turn_ ? kOwnTurn : 0;
  switch (state_) {
    case State::implicit_handshake:
    case State::stls_handshake:
    case State::authorization:
    case State::sasl:
      waits |= kClientInput;
      break;
    case State::login:
      waits |= kUpstreamLogin;
      break;
    case State::transaction:
    case State::update:
      if (client_->unsent() > 0) waits |= kClientDrain;
      if (ledger_.outstanding() > 0) waits |= kUpstreamReply;
      if (state_ == State::transaction && !ledger_.full()) waits |= kClientInput;
      break;
    case State::closing:
      waits |= client_->unsent() > 0 ? kClientDrain : kClientEnd;
      break;
    case State::ended:
    case State::count_:
      break;
  }
  return static_cast<std::uint8_t>(waits);
}

/// Whether silence now is upstream's fault: it owes a reply and the client would take it.
bool Session::waits_for_upstream() const {
  return ledger_.outstanding() > 0 && client_->unsent() < kMaxUnsent;
}

std::optional<Instant> Session::deadline() const {
  const config::Timeouts& timeouts = settings_->timeouts;
  switch (state_) {
    case State::implicit_handshake:
    case State::stls_handshake:
      return entered_ + timeouts.handshake;
    case State::authorization:
    case State::sasl:
      return login_since_ + timeouts.login;
    case State::transaction:
    case State::update:
      if (waits_for_upstream()) return upstream_moved_ + timeouts.upstream_reply;
      return client_moved_ + timeouts.inactivity;
    case State::closing:
      return client_->unsent() > 0 ? client_moved_ + kFlushStall
                                   : std::max(entered_, client_moved_) + kLinger;
    case State::login:  // every step upstream has its own
    case State::ended:
    case State::count_:
      return std::nullopt;
  }
  return std::nullopt;
}

void Session::arm_timer() {
  const Instant now = services_.timers.now();
  std::optional<Instant> wanted = own_turn_ ? now + kTurn : deadline();
  // Left alone when it goes off too early: it looks again then. Restarting it at every command
  // would cost more.
  if (wanted && (!armed_for_ || *wanted < *armed_for_)) {
    timer_->start(*wanted - now);
    armed_for_ = wanted;
  }
}

void Session::deadline_passed() {
  switch (state_) {
    case State::implicit_handshake:
    case State::stls_handshake:
      services_.counters.handshake_failures[HandshakeFailure::timeout].add();
      return finish(EndReason::timeout, "TLS handshake not done in time");
    case State::authorization:
    case State::sasl:
      say(pop3::err("No login in time"));
      return finish(EndReason::timeout, "no login in time");
    case State::transaction:
    case State::update:
      if (waits_for_upstream()) return upstream_lost("no reply in time");
      // RFC 1939 section 3: close without an answer and without UPDATE.
      return abort(EndReason::timeout, "client inactive");
    case State::closing:
      return enter(State::ended);
    case State::login:
    case State::ended:
    case State::count_:
      return;
  }
}

void Session::note_client_progress() {
  const std::uint64_t unsent = client_->unsent();
  const std::uint64_t taken = octets_out_ > unsent ? octets_out_ - unsent : 0;
  if (taken != taken_) {
    taken_ = taken;
    client_moved_ = services_.timers.now();
  }
}

void Session::drain() {
  switch (state_) {
    case State::implicit_handshake:
    case State::stls_handshake:
      abort(EndReason::drained, {});
      break;
    case State::login:
      services_.counters.logins[LoginResult::unavailable].add();
      [[fallthrough]];
    case State::authorization:
    case State::sasl:
      say(pop3::err(pop3::ResponseCode::sys_temp, "Server is going down, try again later"));
      finish(EndReason::drained, {});
      break;
    default:
      return;
  }
  if (state_ == State::ended) return over();
  pump();
}

void Session::cut(EndReason reason) {
  if (state_ == State::ended) return;
  abort(reason, {});
  over();
}

/// The last words were said: let them reach the client, then end.
void Session::finish(EndReason reason, std::string problem) {
  if (state_ == State::closing || state_ == State::ended) return;
  if (!ledger_.empty() && ledger_.front().stage == Exchange::Stage::replying) {
    // Part of a message is out: only a broken connection says that it is not whole.
    return abort(reason, std::move(problem));
  }
  reason_ = reason;
  problem_ = std::move(problem);
  if (login_) login_->cancel();
  if (upstream_) {
    upstream_->close(reason == EndReason::quit ? net::CloseMode::flush : net::CloseMode::abort);
  }
  ledger_.clear();
  client_->close(net::CloseMode::flush);
  client_moved_ = services_.timers.now();
  enter(State::closing);
}

/// Breaks both connections, so that nobody takes what was sent for complete.
void Session::abort(EndReason reason, std::string problem) {
  if (state_ == State::ended) return;
  if (state_ != State::closing) {
    reason_ = reason;
    problem_ = std::move(problem);
  }
  if (login_) login_->cancel();
  ledger_.clear();
  if (upstream_) upstream_->close(net::CloseMode::abort);
  client_->close(net::CloseMode::abort);
  enter(State::ended);
}

void Session::over() {
  timer_->stop();
  services_.counters.sessions_active.subtract();
  services_.counters.sessions_ended[reason_].add();
  write_log();
  home_.on_session_ended(*this);
}

void Session::write_log() const {
  const net::TlsFacts* facts = client_->tls();
  services_.log.info(
      "session", {{"id", id_},
                  {"listener", settings_->listener},
                  {"client", client_->peer().to_string()},
                  {"user", user_},
                  {"upstream", server_ != nullptr ? server_->address.to_string() : std::string()},
                  {"tls", facts != nullptr ? facts->version : "none"},
                  {"cipher", facts != nullptr ? facts->cipher : ""},
                  {"reason", to_string(reason_)},
                  {"problem", problem_},
                  {"commands", commands_},
                  {"messages", messages_},
                  {"octets_in", octets_in_},
                  {"octets_out", octets_out_},
                  {"failed_logins", failed_logins_},
                  {"duration_ms", (services_.timers.now() - started_).count()}});
}

}  // namespace gatepost::session
