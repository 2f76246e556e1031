#include "proxy/session/ledger.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace gatepost::session {

namespace {

bool is_owed(const Exchange& exchange) {
  return exchange.stage == Exchange::Stage::sent || exchange.stage == Exchange::Stage::replying;
}

}  // namespace

void Ledger::add_local(pop3::Verb verb, std::string reply) {
  static_cast<void>(insert_local(
      Exchange{Exchange::Stage::local, verb, pop3::ReplyShape::single, std::move(reply)}));
}

/// What upstream has no part in does not wait for what the client has not asked for.
Exchange& Ledger::insert_local(Exchange exchange) {
  auto at = exchanges_.end();
  while (at != exchanges_.begin() && std::prev(at)->way == Way::ahead) --at;
  return *exchanges_.insert(at, std::move(exchange));
}

Exchange& Ledger::insert_local(const pop3::Command& command, Way way) {
  Exchange& exchange =
      insert_local(Exchange{Exchange::Stage::local, command.verb, command.reply_shape(), {}});
  exchange.way = way;
  exchange.message = command.message.value_or(0);
  return exchange;
}

void Ledger::add_forwarded(const pop3::Command& command, const pop3::Command& as) {
  Exchange& exchange = exchanges_.emplace_back(
      Exchange{Exchange::Stage::queued, command.verb, as.reply_shape(), as.wire()});
  exchange.message = command.message.value_or(0);
  if (command.verb == pop3::Verb::top) exchange.lines = command.lines;
}

void Ledger::add_message(const pop3::Command& command, Way way, const pop3::Command& as) {
  add_forwarded(command, as);
  exchanges_.back().way = way;
}

void Ledger::add_ours(const pop3::Command& command, std::unique_ptr<ReplyReader> reader) {
  add_forwarded(command);
  exchanges_.back().way = Way::ours;
  exchanges_.back().reader = std::move(reader);
}

void Ledger::add_ahead(const pop3::Command& command, const pop3::Command& as) {
  add_message(command, Way::ahead, as);
}

void Ledger::add_claimed(const pop3::Command& command) {
  static_cast<void>(insert_local(command, Way::claimed));
}

void Ledger::add_listing(const pop3::Command& command) {
  static_cast<void>(insert_local(command, Way::listing));
}

void Ledger::add_released(const pop3::Command& command, mailbox::ExtraMessage message) {
  Exchange& exchange = insert_local(command, Way::released);
  if (command.verb == pop3::Verb::top) exchange.lines = command.lines;
  exchange.extra = std::move(message);
}

void Ledger::pop() {
  assert(!exchanges_.empty());
  if (is_owed(front())) --outstanding_;
  exchanges_.erase(exchanges_.begin());
  if (exchanges_.empty()) clear();
}

Exchange* Ledger::next_to_send(std::size_t depth) {
  if (outstanding_ >= depth) return nullptr;
  const auto next = std::ranges::find(exchanges_, Exchange::Stage::queued, &Exchange::stage);
  if (next == exchanges_.end()) return nullptr;
  if (next->verb == pop3::Verb::quit && next != exchanges_.begin()) return nullptr;
  return &*next;
}

void Ledger::sent(Exchange& exchange, Instant now) {
  assert(exchange.stage == Exchange::Stage::queued);
  exchange.stage = Exchange::Stage::sent;
  exchange.sent_at = now;
  exchange.text.clear();
  ++outstanding_;
}

void Ledger::sent_noop(Instant now) {
  assert(!exchanges_.empty() && front().stage == Exchange::Stage::received && outstanding_ == 0);
  Exchange noop{Exchange::Stage::sent, pop3::Verb::noop, pop3::ReplyShape::single, {}, now};
  noop.way = Way::swallowed;
  exchanges_.insert(exchanges_.begin() + 1, std::move(noop));
  ++outstanding_;
}

Exchange* Ledger::owed() {
  const auto first = std::ranges::find_if(exchanges_, is_owed);
  return first == exchanges_.end() ? nullptr : &*first;
}

const Exchange* Ledger::owed() const {
  const auto first = std::ranges::find_if(exchanges_, is_owed);
  return first == exchanges_.end() ? nullptr : &*first;
}

void Ledger::received() {
  assert(front().stage == Exchange::Stage::sent);
  front().stage = Exchange::Stage::received;
  --outstanding_;
}

void Ledger::begin_local(Instant now) {
  assert(front().stage == Exchange::Stage::local);
  assert(front().way == Way::released || front().way == Way::claimed ||
         front().way == Way::listing);
  front().stage = Exchange::Stage::received;
  front().sent_at = now;
}

void Ledger::swallow() {
  const auto first = std::ranges::find_if(exchanges_, is_owed);
  assert(first != exchanges_.end());
  assert(first->way == Way::swallowed || first->way == Way::ahead);
  exchanges_.erase(first);
  --outstanding_;
  if (exchanges_.empty()) clear();
}

bool Ledger::queued() const {
  return std::ranges::find(exchanges_, Exchange::Stage::queued, &Exchange::stage) !=
         exchanges_.end();
}

bool Ledger::owes_client() const {
  return std::ranges::any_of(exchanges_, [](const Exchange& exchange) {
    const bool under_way = is_owed(exchange) || exchange.stage == Exchange::Stage::received ||
                           exchange.way == Way::released || exchange.way == Way::claimed ||
                           exchange.way == Way::listing;
    return under_way && exchange.way != Way::swallowed && exchange.way != Way::ours &&
           exchange.way != Way::ahead;
  });
}

void Ledger::clear() {
  // An idle session keeps no memory for pipelining.
  constexpr std::size_t kKeep = 2;
  exchanges_.clear();
  if (exchanges_.capacity() > kKeep) std::vector<Exchange>().swap(exchanges_);
  outstanding_ = 0;
}

}  // namespace gatepost::session
