// Messages that are fetched before the client asks for them.
#include <string>
#include <utility>

#include "proxy/session/session.h"

namespace gatepost::session {

using pop3::Verb;

/// What the client says may end it.
void Session::tell_ahead(const pop3::Command& command) {
  if (!ahead_) return;
  if (command.verb == Verb::quit) ahead_->stop();
  if (command.verb == Verb::dele) ahead_->forget(command.message.value_or(0));
}

/// Asks upstream for a message ahead if nobody needs it for anything else. Whether it did.
bool Session::fetch_ahead() {
  if (!ahead_) return false;
  // What nobody takes must not keep back what the client waits for.
  const Exchange* const next_reply = ledger_.owed();
  if (!message_ && next_reply != nullptr && next_reply->way == Way::ahead &&
      ledger_.owes_client() && upstream_has_to_wait()) {
    ahead_->give_way();
  }
  close_dropped();
  const bool free = state_ == State::transaction && !client_->end() && !ledger_.queued() &&
                    !ledger_.full() && ledger_.outstanding() < upstream_depth_;
  if (!free) return false;
  const std::optional<std::uint32_t> number = ahead_->next();
  if (!number) return false;
  const auto retr = pop3::Command::of(Verb::retr, *number);
  const auto as = for_upstream(retr);
  if (!as.message) return false;  // it is not upstream's, or there is none
  ahead_->asked(*number);
  ledger_.add_ahead(retr, as);
  return true;
}

/// Who gets the body that is upstream's reply to a command; null: nobody does.
Retrieval* Session::receiver(const Exchange& exchange) const {
  if (exchange.way != Way::ahead) return message_.get();
  const Exchange& oldest = ledger_.front();
  if (message_ && oldest.way == Way::claimed && oldest.message == exchange.message) {
    return message_.get();
  }
  const ReadAhead::Message* const message = ahead_->find(exchange.message);
  return message == nullptr ? nullptr : message->retrieval.get();
}

/// Whether the reply that comes next has no room at the moment.
bool Session::upstream_has_to_wait() const {
  const Retrieval* const taker = receiver(*ledger_.owed());
  return taker != nullptr && taker->congested();
}

void Session::ahead_status(const Exchange& exchange, bool ok) {
  const std::uint32_t number = exchange.message;
  ByteChain line = upstream_codec_.take_line();
  if (!ok) {
    ledger_.swallow();
    ahead_->refused(number, line.to_string());
  } else if (ReadAhead::Message& message = *ahead_->find(number);
             message.stage == ReadAhead::Message::Stage::asked) {
    message.stage = ReadAhead::Message::Stage::coming;
    message.retrieval = std::make_unique<Retrieval>(services_, message_request(exchange),
                                                    static_cast<Retrieval::Owner&>(*this));
  }
  static_cast<void>(send_local_replies());  // the client may wait for it
}

void Session::ahead_end(const Exchange& exchange) {
  const std::uint32_t number = exchange.message;
  if (Retrieval* const taker = receiver(exchange)) taker->end();
  ledger_.swallow();
  ahead_->complete(number);
  static_cast<void>(send_local_replies());
}

/// It is the turn of a message that was fetched ahead. False: upstream has not said anything yet.
bool Session::begin_claimed() {
  const std::uint32_t number = ledger_.front().message;
  ReadAhead::Message& message = *ahead_->find(number);
  switch (message.stage) {
    case ReadAhead::Message::Stage::asked:
    case ReadAhead::Message::Stage::unwanted:
      return false;
    case ReadAhead::Message::Stage::refused:
      say(message.refusal);
      ledger_.pop();
      break;
    case ReadAhead::Message::Stage::coming:
    case ReadAhead::Message::Stage::whole:
      ledger_.begin_local(services_.timers.now());
      message_ = std::move(message.retrieval);
      message_->claimed(services_.timers.now());
      break;
  }
  ahead_->taken(number);
  return true;
}

void Session::end_ahead() {
  if (!ahead_) return;
  ahead_->stop();
  close_dropped();
}

void Session::close_dropped() {
  for (std::unique_ptr<Retrieval>& dropped : ahead_->take_dropped()) {
    services_.filters.counters.read_ahead_wasted.add();
    if (!dropped) continue;
    dropped->close("fetched ahead, not asked for");
    let_go_.push_back(std::move(dropped));
  }
}

}  // namespace gatepost::session
