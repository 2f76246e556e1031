// A message that goes through a chain, between upstream's leg and the client's.
#include <algorithm>
#include <string>
#include <utility>

#include "filters/utf8_downgrade/chain.h"
#include "proxy/session/session.h"

namespace gatepost::session {

using pop3::Command;
using pop3::Verb;

const std::shared_ptr<const filters::Chain>& Session::configured_chain() const {
  return route_->chain ? *route_->chain : settings_->chain;
}

/// Which way RETR and TOP go was decided with the login. With `downgrade`, messages are made fit
/// for the client before anything else, so that the scanners see what it will get.
void Session::choose_chain(bool downgrade) {
  chain_ = configured_chain();
  if (downgrade) chain_ = filters::with_downgrade(chain_.get());
  answered_at_ = services_.timers.now();
  if (chain_ && chain_->waits() && chain_->config.read_ahead > 0) {
    ahead_ = std::make_unique<ReadAhead>(chain_->config.read_ahead);
  }
}

void Session::forward_message(const Command& command) {
  const Command for_us = for_upstream(command);
  if (!chain_) return ledger_.add_forwarded(command, for_us);
  if (command.verb == Verb::retr) {
    if (ahead_ && ahead_->claim(*command.message)) {
      services_.filters.counters.read_ahead_used.add();
      return ledger_.add_claimed(command);
    }
    return ledger_.add_message(command, Way::chain, for_us);
  }
  if (!chain_->waits() || command.lines <= chain_->config.top_lines) {
    return ledger_.add_message(command, Way::filters, for_us);
  }
  // More of the text than may be shown unscanned: all of it is fetched and looked at.
  Command whole = for_us;
  whole.verb = Verb::retr;
  ledger_.add_message(command, Way::chain, whole);
}

/// Upstream said +OK to a command whose message goes through the chain.
void Session::begin_message(const Exchange& exchange) {
  static_cast<void>(upstream_codec_.take_line());  // its count of octets is not ours
  message_ = std::make_unique<Retrieval>(services_, message_request(exchange),
                                         static_cast<Retrieval::Owner&>(*this));
}

std::shared_ptr<const filters::Chain> Session::unscanned_chain() {
  if (!chain_->waits() && !chain_->shadow) return chain_;
  if (!top_chain_) {
    auto without = std::make_shared<filters::Chain>(*chain_);
    without->scanners.clear();
    without->header_only = true;
    without->shadow = nullptr;
    top_chain_ = std::move(without);
  }
  return top_chain_;
}

Retrieval::Request Session::message_request(const Exchange& exchange) {
  Retrieval::Request request;
  const bool unscanned = exchange.way == Way::filters || exchange.way == Way::released;
  request.chain = unscanned ? unscanned_chain() : chain_;
  request.facts = {.session = id_,
                   .listener = settings_->listener,
                   .route = route_->conditions.name,
                   .user = user_,
                   .client = facts_.address.unix_socket ? "" : facts_.address.ip.to_string(),
                   .number = std::to_string(exchange.message)};
  request.verb = exchange.verb;
  request.lines = exchange.lines;
  // Behind another answer the client has been waiting since that was complete.
  request.since = std::max(exchange.sent_at, answered_at_);
  request.page = &page_;
  request.number = exchange.message;
  return request;
}

/// Gives the client what there is of the message under way.
bool Session::lead_message() {
  bool moved = false;
  while (message_ && client_->unsent() < kMaxUnsent) {
    ByteChain out;
    const Retrieval::Progress progress = message_->give(out);
    if (!out.empty()) {
      moved = true;
      relay(std::move(out));
    }
    switch (progress) {
      case Retrieval::Progress::more:
        break;
      case Retrieval::Progress::wait:
        return moved;
      case Retrieval::Progress::whole:
        message_done({});
        return true;
      case Retrieval::Progress::broken:
        abort(EndReason::message_broken, std::string(message_->problem()));
        return true;
    }
  }
  return moved;
}

/// Whether an answer to this, +OK, has all of a message. What TOP shows unscanned does not count.
bool Session::gave_all(const Exchange& exchange) const {
  if (exchange.verb == Verb::retr) return true;
  const bool unscanned = exchange.way == Way::filters && chain_->waits();
  return mailbox_ && exchange.lines && !unscanned &&
         mailbox_->is_all(exchange.message, *exchange.lines);
}

/// The client has its answer.
void Session::message_done(std::string_view problem) {
  const bool ok = !message_->refused();
  const Exchange& exchange = ledger_.front();
  if (mailbox_ && ok && exchange.way != Way::released && gave_all(exchange)) {
    mailbox_->note_retrieved(exchange.message, message_->usual_size(), message_->original());
  }
  let_message_go(problem);
  exchange_done(ok);
}

/// It may be what called, so it is destroyed later.
void Session::let_message_go(std::string_view problem) {
  if (!message_) return;
  message_->close(problem);
  let_go_.push_back(std::move(message_));
}

/// Upstream does not hear from the client while that waits, or takes its time.
bool Session::keep_upstream_awake() {
  if (!upstream_may_doze() || services_.timers.now() < *message_->noop_due()) return false;
  upstream_->send(ByteChain(services_.pool, "NOOP\r\n"));
  upstream_codec_.expect({});
  ledger_.sent_noop(services_.timers.now());
  message_->noop_sent();
  return true;
}

bool Session::upstream_may_doze() const {
  return message_received() && ledger_.outstanding() == 0 && !upstream_->end();
}

/// When the message under way has to be looked at, whatever happens until then.
std::optional<Instant> Session::message_due() const {
  if (!message_) return std::nullopt;
  std::optional<Instant> due;
  if (client_->unsent() < kMaxUnsent) due = message_->line_due();
  if (upstream_may_doze()) {
    const Instant noop = *message_->noop_due();
    due = std::min(due.value_or(noop), noop);
  }
  return due;
}

/// Whether upstream has to be read no further than the message under way, which is all there.
bool Session::message_received() const { return message_ && message_->received(); }

/// Whether the client has part of an answer, so that no words can follow.
bool Session::mid_reply() const {
  if (message_) return message_->mid_message();
  if (ledger_.empty()) return false;
  const Exchange& oldest = ledger_.front();
  return oldest.stage == Exchange::Stage::replying ||
         (oldest.way == Way::listing && oldest.stage == Exchange::Stage::received);
}

}  // namespace gatepost::session
