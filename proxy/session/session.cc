#include "proxy/session/session.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "proxy/session/notes.h"

namespace gatepost::session {

Session::Session(std::string id, const Services& services, std::shared_ptr<const Settings> settings,
                 std::unique_ptr<net::Transport> client, net::ClientFacts facts, Home& home)
    : id_(std::move(id)),
      services_(services),
      page_(services.journal, id_),
      settings_(std::move(settings)),
      home_(home),
      client_(std::move(client)),
      facts_(std::move(facts)),
      lobby_(std::make_unique<Lobby>(services_, *settings_, facts_, page_,
                                     static_cast<LoginDesk::Owner&>(*this))),
      timer_(services.timers.make_timer([this] {
        armed_for_.reset();
        on_activity();
      })),
      started_(services.timers.now()),
      entered_(started_),
      login_since_(started_),
      client_moved_(started_),
      upstream_moved_(started_) {
  services_.counters.sessions_started.add();
  services_.counters.sessions_active.add();
  note_arrival(page_, *settings_, facts_, client_->peer());
  if (settings_->client_tls_mode == config::ListenerTls::implicit) {
    start_tls(State::implicit_handshake);
  } else {
    listen_to_client();
    greet();
  }
  client_->set_observer(this);
  pump();
}

Session::~Session() = default;

/// Something that is not a login's own callback.
void Session::on_activity() {
  std::exchange(let_go_, {}).clear();
  if (lobby_) {
    lobby_->desk.tidy();
    if (upstream_) leave_lobby();
  }
  pump();
}

void Session::pump() {
  if (turn_ == Turn::pumping || turn_ == Turn::pumping_again) {
    turn_ = Turn::pumping_again;
    return;
  }
  if (state_ == State::ended) return;
  // The time that the client took to read is not counted as upstream's silence. Asked is how it was
  // when the last pump ended: the connection may have taken everything since.
  const bool client_was_full = octets_out_ - taken_ >= kMaxUnsent;
  if (client_was_full || !waits_for_upstream()) upstream_moved_ = services_.timers.now();
  if (waits_for_verdict()) client_moved_ = services_.timers.now();
  int round = 0;
  bool moved = true;
  while (moved && state_ != State::ended && round++ < kMaxRounds) {
    turn_ = Turn::pumping;
    note_client_end();
    moved = step();
    // One write per leg and round, whatever was said in it.
    moved |= client_->settle();
    if (upstream_) moved |= upstream_->settle();
    note_client_progress();
    moved |= turn_ == Turn::pumping_again;
    if (!moved) {
      look_at_ends();
      moved = turn_ == Turn::pumping_again;
    }
  }
  if (const auto limit = deadline(); limit && services_.timers.now() >= *limit && !moved) {
    deadline_passed();
  }
  turn_ = moved ? Turn::owed : Turn::idle;
  if (state_ == State::ended) return over();
  arm_timer();
  assert(waits_for() != 0);
}

bool Session::step() {
  switch (state_) {
    case State::implicit_handshake:
    case State::stls_handshake:
      return handshake_step();
    case State::opening:
      if (lobby_->desk.opening_ahead()) return false;
      on_opened_ahead();
      return true;
    case State::authorization:
    case State::sasl:
    case State::relay:
      return read_client();
    case State::delayed:
      if (services_.timers.now() < lobby_->delayed_until) return false;
      on_login_request(std::exchange(lobby_->waiting, LoginRequest()));
      return state_ != State::delayed;
    case State::login:
      return login_step();
    case State::transaction:
    case State::update: {
      bool moved = step_mailbox();
      moved |= read_client();
      moved |= fetch_ahead();
      moved |= send_commands();
      moved |= keep_upstream_awake();
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
  assert(may_follow(state_, next));
  state_ = next;
  entered_ = services_.timers.now();
  if (turn_ == Turn::pumping) turn_ = Turn::pumping_again;
}

std::uint16_t Session::waits_for() const {
  unsigned waits = turn_ == Turn::owed || !let_go_.empty() ? kOwnTurn : 0;
  switch (state_) {
    case State::implicit_handshake:
    case State::stls_handshake:
    case State::authorization:
    case State::sasl:
    case State::relay:
      waits |= kClientInput;
      break;
    case State::opening:
    case State::login:
      waits |= kUpstreamLogin;
      break;
    case State::delayed:
      waits |= kDelay;
      break;
    case State::transaction:
    case State::update:
      if (client_->unsent() > 0) waits |= kClientDrain;
      if (ledger_.outstanding() > 0) waits |= kUpstreamReply;
      if (message_ && !message_->answered()) waits |= kVerdict;
      if (mailbox_ && mailbox_->asks_stores()) waits |= kStores;
      if (may_read_commands()) waits |= kClientInput;
      break;
    case State::closing:
      waits |= client_->unsent() > 0 ? kClientDrain : kClientEnd;
      break;
    case State::ended:
    case State::count_:
      break;
  }
  return static_cast<std::uint16_t>(waits);
}

/// Whether silence now is upstream's fault: it owes a reply and the client would take it.
bool Session::waits_for_upstream() const {
  if (message_) return !message_received() && !message_->congested();
  if (const Exchange* const next = ledger_.owed(); next != nullptr && next->way == Way::ahead) {
    return !upstream_has_to_wait();
  }
  return ledger_.outstanding() > 0 && client_->unsent() < kMaxUnsent;
}

/// Whether nobody can do anything before there is one. The chain has a time limit of its own.
bool Session::waits_for_verdict() const {
  return message_ && message_->undecided() && client_->unsent() == 0;
}

std::optional<Instant> Session::deadline() const {
  const config::Timeouts& timeouts = settings_->timeouts;
  switch (state_) {
    case State::implicit_handshake:
    case State::stls_handshake:
      return entered_ + timeouts.handshake;
    case State::authorization:
    case State::sasl:
    case State::relay:
      return login_since_ + timeouts.login;
    case State::delayed:
      return lobby_->delayed_until;
    case State::transaction:
    case State::update:
      if (waits_for_upstream()) return upstream_moved_ + timeouts.upstream_reply;
      if (waits_for_verdict()) return std::nullopt;
      return client_moved_ + timeouts.inactivity;
    case State::closing:
      return client_->unsent() > 0 ? client_moved_ + kFlushStall
                                   : std::max(entered_, client_moved_) + kLinger;
    case State::opening:  // every step upstream has its own
    case State::login:
    case State::ended:
    case State::count_:
      return std::nullopt;
  }
  return std::nullopt;
}

void Session::arm_timer() {
  const Instant now = services_.timers.now();
  const bool owed = turn_ == Turn::owed || !let_go_.empty();
  std::optional<Instant> wanted = owed ? now + kTurn : deadline();
  if (const auto due = message_due()) {
    wanted = std::max(now, std::min(wanted.value_or(*due), *due));
  }
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
    case State::relay:
      say(pop3::err("No login in time"));
      return finish(EndReason::timeout, "no login in time");
    case State::transaction:
    case State::update:
      if (waits_for_upstream()) return upstream_lost("no reply in time");
      // RFC 1939 section 3: close without an answer and without UPDATE.
      return abort(EndReason::timeout, "client inactive");
    case State::closing:
      return enter(State::ended);
    case State::opening:
    case State::delayed:
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
