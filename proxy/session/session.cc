#include "proxy/session/session.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

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

}  // namespace gatepost::session
