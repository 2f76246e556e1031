// The mailbox as the client sees it, where that is not upstream's: released messages, true sizes.
#include <string>
#include <utility>

#include "proxy/session/session.h"

namespace gatepost::session {

using pop3::ResponseCode;
using pop3::Verb;

/// With the login; the chain was chosen.
void Session::open_mailbox() {
  if (!configured_chain() || !ExtraMailbox::needed(services_.filters, *chain_)) return;
  mailbox_ = std::make_unique<ExtraMailbox>(
      services_, *chain_,
      ExtraMailbox::Account{.session = id_, .route = route_->conditions.name, .user = user_},
      static_cast<ExtraMailbox::Owner&>(*this));
}

bool Session::step_mailbox() {
  if (!mailbox_) return false;
  bool moved = mailbox_->step(ledger_);
  if (const auto command = mailbox_->take_postponed()) {
    on_transaction_command(*command);
    moved = true;
  }
  if (mailbox_settling() && mailbox_->settled()) {
    say(*mailbox_->settled()
            ? ledger_.front().text
            : pop3::err(ResponseCode::sys_temp, "Some deleted messages were not removed"));
    exchange_done(true);
    return true;
  }
  return moved;
}

/// The oldest exchange is RETR or TOP of a released message, and it is its turn.
void Session::begin_released() {
  ledger_.begin_local(services_.timers.now());
  const Exchange& exchange = ledger_.front();
  Retrieval::Request request = message_request(exchange);
  request.quarantine = mailbox_->quarantine();
  request.released = exchange.extra;
  message_ = std::make_unique<Retrieval>(services_, std::move(request),
                                         static_cast<Retrieval::Owner&>(*this));
  message_->end();
}

void Session::edit_status(Exchange& exchange, const pop3::Status& status) {
  ByteChain out;
  exchange.editor->status(status, out);
  const bool body = status.ok && exchange.shape == pop3::ReplyShape::multi;
  if (body && !out.empty()) exchange.stage = Exchange::Stage::replying;
  relay(std::move(out));
  if (!body) exchange_done(status.ok);
}

void Session::edit_body(Exchange& exchange, ByteChain&& body) {
  ByteChain out;
  exchange.editor->body(std::move(body), out);
  relay(std::move(out));
}

void Session::edit_end(Exchange& exchange) {
  ByteChain out;
  exchange.editor->end(out);
  relay(std::move(out));
}

/// Whether the client's answer to QUIT has to wait until it is true for released messages, too.
bool Session::settle_quit(Exchange& exchange, const pop3::Status& status) {
  if (exchange.verb != Verb::quit || !status.ok || !mailbox_ || !mailbox_->settle()) return false;
  static_cast<void>(upstream_codec_.take_line());
  exchange.text = status.wire();
  ledger_.received();
  return true;
}

/// The client has the message under way whole.
void Session::note_delivered() {
  const Exchange& exchange = ledger_.front();
  if (!mailbox_ || exchange.way == Way::released) return;
  if (const auto octets = message_->usual_size()) {
    mailbox_->note_delivered(exchange.message, *octets);
  }
}

}  // namespace gatepost::session
