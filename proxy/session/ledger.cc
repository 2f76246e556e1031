#include "proxy/session/ledger.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace gatepost::session {

void Ledger::add_local(pop3::Verb verb, std::string reply) {
  exchanges_.push_back(
      Exchange{Exchange::Stage::local, verb, pop3::ReplyShape::single, std::move(reply)});
}

void Ledger::add_forwarded(const pop3::Command& command) {
  exchanges_.push_back(
      Exchange{Exchange::Stage::queued, command.verb, command.reply_shape(), command.wire()});
}

void Ledger::pop() {
  assert(!exchanges_.empty());
  const Exchange::Stage stage = front().stage;
  if (stage == Exchange::Stage::sent || stage == Exchange::Stage::replying) --outstanding_;
  exchanges_.erase(exchanges_.begin());
  if (exchanges_.empty()) clear();
}

Exchange* Ledger::next_to_send(std::size_t depth) {
  if (outstanding_ >= depth) return nullptr;
  const auto next = std::ranges::find(exchanges_, Exchange::Stage::queued, &Exchange::stage);
  if (next == exchanges_.end()) return nullptr;
  if (next->verb == pop3::Verb::quit && outstanding_ > 0) return nullptr;
  return &*next;
}

void Ledger::sent(Exchange& exchange, Instant now) {
  assert(exchange.stage == Exchange::Stage::queued);
  exchange.stage = Exchange::Stage::sent;
  exchange.sent_at = now;
  exchange.text.clear();
  ++outstanding_;
}

void Ledger::clear() {
  // An idle session keeps no memory for pipelining.
  constexpr std::size_t kKeep = 2;
  exchanges_.clear();
  if (exchanges_.capacity() > kKeep) std::vector<Exchange>().swap(exchanges_);
  outstanding_ = 0;
}

}  // namespace gatepost::session
