// What the fuzzer can do to a session.
#include <algorithm>
#include <charconv>

#include "proxy/pop3/ascii.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/session_oracle.h"
#include "tests/fuzz/session_world.h"

namespace gatepost::fuzz {

namespace {

constexpr std::size_t kMaxTurns = 4'000;         // with small pieces; then they become large
constexpr std::size_t kMaxSaid = 600'000;        // octets, of one leg
constexpr std::size_t kLongestWait = 1'000'000;  // ms

/// In front of `text`, which loses it; at most `most`.
std::size_t number(std::string_view& text, std::size_t most) {
  std::size_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  text.remove_prefix(static_cast<std::size_t>(result.ptr - text.data()));
  return std::min(value, most);
}

/// "$" stands for CRLF, "~" for LF, "^" for CR: an action is one line of the input.
std::string unescape(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    if (c == '$') {
      plain += "\r\n";
    } else {
      plain += c == '~' ? '\n' : c == '^' ? '\r' : c;
    }
  }
  return plain;
}

std::string repeated(std::string_view text, std::size_t size) {
  const std::string once = unescape(text.empty() ? "x" : text);
  std::string all;
  while (all.size() < size) all += once;
  return all;
}

ErrorCode code_of(std::string_view text) {
  constexpr ErrorCode kCodes[] = {ErrorCode::closed, ErrorCode::truncated, ErrorCode::network,
                                  ErrorCode::tls, ErrorCode::timeout};
  return kCodes[number(text, 1000) % std::size(kCodes)];
}

}  // namespace

void World::act(char what, std::string_view text) {
  switch (what) {
    case 'C':
    case 'c':
    case 'b':
    case 'p':
    case 'S':
    case 's':
    case 'B':
      talk(what, text);
      break;
    case 'M':
      say_message(text);
      break;
    case 'V':
    case 'v':
      give_verdict(what == 'V');
      break;
    case 'A':
      accept();
      break;
    case 'R':
      if (connector_.pending() > 0) connector_.fail(code_of(text));
      break;
    case 'T':
    case 'F':
      handshake(*client_tls_, what == 'T');
      break;
    case 't':
    case 'f':
      handshake(*upstream_tls_, what == 't');
      break;
    case 'X':
    case 'x':
    case 'Y':
    case 'y':
      end_a_leg(what, text);
      break;
    case 'd':
    case 'D':
    case 'e':
    case 'E':
    case 'g':
    case 'G':
      change_wire(what, text);
      break;
    default:
      hurry(what, text);
      break;
  }
  reap();
  check_step();
  if (automatic_) run();
}

void World::talk(char what, std::string_view text) {
  const bool by_client = what == 'C' || what == 'c' || what == 'b' || what == 'p';
  Upstream* const upstream = newest();
  if (!by_client && upstream == nullptr) return;
  std::string& said = by_client ? client_said_ : upstream->said;
  std::string words;
  if (what == 'b' || what == 'B') {
    const std::size_t size = number(text, 200'000);
    words = repeated(text, size);
  } else if (what == 'p') {
    if (!said.empty() && !said.ends_with('\n')) return;  // PASS it must be, and nothing else
    words = "PASS " + std::string(kSecret) + "\r\n";
  } else {
    words = unescape(text);
    if (what == 'C' || what == 'S') words += "\r\n";
  }
  if (said.size() + words.size() > kMaxSaid) return;
  // What is relayed and what is scanned could not be told apart.
  const std::string all = has('c') ? pop3::to_upper(said + words) : std::string();
  if (all.contains("WHALE")) return;
  if (by_client && (all.contains("LIST") || all.contains("UIDL") || all.contains("LANG"))) return;
  said += words;
  (by_client ? *client_ : *upstream->peer).deliver(words);
}

/// A whole reply to RETR: `text` is the size of the message.
void World::say_message(std::string_view text) {
  Upstream* const upstream = newest();
  if (!has('c') || !login_ || upstream == nullptr) return;
  const std::string name = std::string(kInMessage) + std::to_string(++messages_) + ";";
  const std::size_t size = number(text, 100'000);
  const std::string words =
      "+OK\r\nSubject: x\r\n\r\n..\r\n" + name + "\r\n" + repeated(name + "$", size) + ".\r\n";
  if (upstream->said.size() + words.size() > kMaxSaid) return;
  upstream->said += words;
  upstream->peer->deliver(words);
}

void World::give_verdict(bool clean) {
  testing::FakeScanner::Hand& hand = *filters_->hand;
  if (hand.scans.empty()) return;
  const std::string text = hand.text();
  for (std::size_t n = 1; clean && n <= messages_; ++n) {
    const std::string name = std::string(kInMessage) + std::to_string(n) + ";";
    if (text.contains(name)) clean_.push_back(name);
  }
  hand.answer(clean ? filters::Verdict::clean()
                    : filters::Verdict::of(filters::Cause::infected, "Whale"));
}

void World::end_a_leg(char what, std::string_view text) {
  const bool of_client = what == 'X' || what == 'x';
  Upstream* const upstream = newest();
  if (!of_client && upstream == nullptr) return;
  testing::MemoryPeer& peer = of_client ? *client_ : *upstream->peer;
  if (what == 'X' || what == 'Y') return peer.end(code_of(text));
  std::string& said = of_client ? client_said_ : upstream->said;
  said.resize(said.size() - peer.undelivered());  // lost on the way
  peer.break_now(code_of(text));
}

void World::change_wire(char what, std::string_view text) {
  const bool of_client = what == 'd' || what == 'e' || what == 'g';
  Upstream* const upstream = newest();
  if (!of_client && upstream == nullptr) return;
  testing::MemoryPeer& peer = of_client ? *client_ : *upstream->peer;
  const std::size_t n = number(text, 65'536);
  switch (what) {
    case 'd':
    case 'D':
      peer.options.deliver_per_turn = std::max<std::size_t>(n, 1);
      break;
    case 'e':
    case 'E':
      peer.options.accept_per_turn = n;
      break;
    default:
      peer.options.fail_send_at = peer.total_sent() + n;
      break;
  }
}

/// Time and the loop.
void World::hurry(char what, std::string_view text) {
  switch (what) {
    case 'w':
      timers_.advance(Duration(number(text, kLongestWait)));
      break;
    case 'W':
      timers_.advance(timers_.next().value_or(Duration(0)));
      break;
    case 'O':
      automatic_ = !text.starts_with('0');
      break;
    case '.':
      client_->turn();
      break;
    case ',':
      if (newest() != nullptr) newest()->peer->turn();
      break;
    case ';':
      timers_.advance(Duration(1));
      break;
    case 'N':
      client_->nudge();
      break;
    case 'n':
      if (newest() != nullptr) newest()->peer->nudge();
      break;
    case 'K':
      if (!ended_) session_->drain();
      break;
    case 'k':
      if (!ended_) session_->cut(session::EndReason::drained);
      break;
    case 'L':
      for (const auto& state : states_) {
        state->learned(unescape(text));
      }
      break;
    default:
      break;
  }
}

void World::accept() {
  if (connector_.pending() == 0) return;
  auto upstream = std::make_unique<Upstream>();
  testing::WireOptions wire;
  wire.read_in_settle = has('r');
  wire.on_send = [this, to = upstream.get()](std::string_view text) {
    said_to_upstream(*to, text);
  };
  upstreams_.push_back(std::move(upstream));
  // The session may speak before accept() returns, and is asked for the peer then.
  Upstream& here = *upstreams_.back();
  here.peer = std::make_shared<testing::MemoryPeer>();
  here.peer = connector_.accept(std::move(wire));
}

void World::handshake(testing::FakeTlsLayer& layer, bool good) {
  if (layer.pending() == 0) return;
  if (good && &layer == client_tls_.get()) client_tls_established_ = true;
  if (good && &layer == upstream_tls_.get()) ++upstream_tls_established_;
  good ? layer.establish() : layer.fail();
}

void World::reap() {
  if (!ended_) return;
  session_.reset();
}

bool World::turn() {
  bool any = client_->turn();
  for (const auto& upstream : upstreams_) any |= upstream->peer->turn();
  any |= filters_->background.turn();
  const bool owed =
      session_ != nullptr && !ended_ && (session_->waits_for() & session::kOwnTurn) != 0;
  if (owed || timers_.next() == Duration(0)) {
    timers_.advance(owed ? session::Session::kTurn : Duration(0));
    any = true;
  }
  reap();
  return any;
}

void World::run() {
  for (std::size_t i = 0; turn(); ++i) {
    check_step();
    if (++turns_ % kMaxTurns != 0) continue;
    client_->options.deliver_per_turn = 65'536;
    if (client_->options.accept_per_turn != 0) client_->options.accept_per_turn = 65'536;
    for (const auto& upstream : upstreams_) upstream->peer->options.deliver_per_turn = 65'536;
    require(i < 3 * kMaxTurns);  // it comes to rest
  }
  check_step();
  if (!ended_) require(timers_.armed() > 0 || connector_.pending() > 0);
}

void World::wind_up() {
  client_->options.deliver_per_turn = 65'536;
  client_->options.accept_per_turn = testing::WireOptions::kUnlimited;
  for (const auto& upstream : upstreams_) {
    upstream->peer->options.deliver_per_turn = 65'536;
    upstream->peer->options.accept_per_turn = testing::WireOptions::kUnlimited;
  }
  run();
  if (login_) check_after_login(true);
  if (has('k')) return;
  end_a_leg('X', "");
  run();
  for (const auto& upstream : upstreams_) upstream->peer->end(ErrorCode::closed);
  run();
  // An end behind bytes that the session does not read now is seen when upstream's time is up; one
  // that comes of the last words themselves at the end of kLinger.
  const auto unread = [this] {
    return client_->undelivered() > 0 || !client_->transport()->received().empty();
  };
  require(ended_ || unread() || session_->state() == session::SessionState::closing ||
          (session_->waits_for() & session::kVerdict) != 0);
  for (int i = 0; i < 20 && !ended_; ++i) {
    if (connector_.pending() > 0) {
      connector_.fail(ErrorCode::timeout);
    } else {
      timers_.advance(timers_.next().value_or(Duration(0)));
    }
    reap();
    run();
  }
  require(ended_);
  if (login_) check_after_login(false);
  require(counters_.sessions_active.get() == 0 && counters_.sessions_started.get() == 1);
  std::uint64_t ends = 0;
  for (std::size_t i = 0; i < counters_.sessions_ended.kSize; ++i) {
    ends += counters_.sessions_ended[static_cast<session::EndReason>(i)].get();
  }
  require(ends == 1);
}

}  // namespace gatepost::fuzz
