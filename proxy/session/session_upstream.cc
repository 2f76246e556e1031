// The upstream leg after login: commands on, replies back.
#include <cassert>
#include <utility>

#include "proxy/session/session.h"

namespace gatepost::session {

using pop3::ClientCodec;
using pop3::DotDecoder;
using pop3::ReplyShape;
using pop3::ResponseCode;
using pop3::Verb;

namespace {

bool nobody_asked(const Exchange& exchange) {
  return exchange.way == Way::swallowed || exchange.way == Way::ours || exchange.way == Way::ahead;
}

}  // namespace

bool Session::send_commands() {
  bool moved = false;
  while (Exchange* next = ledger_.next_to_send(upstream_depth_)) {
    if (next->verb == Verb::quit) {
      // QUIT deletes: the answers before it must have left for the client.
      if (client_->unsent() > 0) break;
      if (quit_forfeited_) {
        finish(client_end_reason(), "left before it had all answers, QUIT not passed on");
        return true;
      }
    }
    upstream_->send(ByteChain(services_.pool, next->text));
    const bool message = next->way == Way::chain || next->way == Way::filters ||  //
                         next->way == Way::ahead;
    const auto form = message ? DotDecoder::Form::unstuffed : DotDecoder::Form::as_sent;
    upstream_codec_.expect({.shape = next->shape, .form = form, .keep_line = !next->reader});
    ledger_.sent(*next, services_.timers.now());
    if (ledger_.outstanding() == 1) upstream_moved_ = services_.timers.now();
    moved = true;
  }
  return moved;
}

bool Session::send_local_replies() {
  bool moved = false;
  while (!ledger_.empty() &&
         (ledger_.front().stage == Exchange::Stage::local || ledger_.front().way == Way::listing)) {
    if (ledger_.front().way == Way::released) {
      begin_released();
      return true;
    }
    if (ledger_.front().way == Way::listing) {
      if (!give_listing(moved)) return moved;
      moved = true;
      continue;
    }
    moved = true;
    if (ledger_.front().way == Way::claimed) {
      const bool begun = begin_claimed();
      if (!begun || message_) return begun;
      continue;
    }
    say(ledger_.front().text);
    ledger_.pop();
  }
  return moved;
}

/// Whether what upstream says next has a place to go.
bool Session::may_read_upstream() const {
  if (state_ != State::transaction && state_ != State::update) return false;
  const Exchange* const next = ledger_.owed();
  if (next != nullptr && next->way == Way::ahead) return !upstream_has_to_wait();
  if (!message_) return client_->unsent() < kMaxUnsent && !answer_held();
  if (!message_received()) return !message_->congested();
  return next != nullptr && next->way == Way::swallowed;
}

bool Session::read_replies() {
  bool moved = send_local_replies();
  while (true) {
    moved |= lead_message();
    if (!may_read_upstream()) break;
    const ClientCodec::Event event = upstream_codec_.next(upstream_->received());
    if (event == ClientCodec::Event::need_data) break;
    moved = true;
    upstream_moved_ = services_.timers.now();
    switch (event) {
      case ClientCodec::Event::status:
        on_status();
        break;
      case ClientCodec::Event::body_data:
        on_body(upstream_codec_.take_body());
        break;
      case ClientCodec::Event::body_end:
        on_body_end();
        break;
      case ClientCodec::Event::continuation:
      case ClientCodec::Event::protocol_error:
        upstream_lost("protocol: " + upstream_codec_.error());
        break;
      case ClientCodec::Event::need_data:
        break;
    }
  }
  return moved;
}

void Session::on_status() {
  const pop3::Status& status = upstream_codec_.status();
  // The codec knows only replies that were asked for, so there is an exchange to it.
  Exchange& exchange = *ledger_.owed();
  assert(exchange.stage == Exchange::Stage::sent);
  if (exchange.way == Way::swallowed) {
    ledger_.swallow();
    static_cast<void>(send_local_replies());
    return;
  }
  if (exchange.way == Way::ahead) return ahead_status(exchange, status.ok);
  if (exchange.way == Way::ours) return read_ours(exchange, status);
  if (exchange.way != Way::relayed && status.ok) return begin_message(exchange);
  if (settle_quit(exchange, status)) return;
  relay(upstream_codec_.take_line());
  if (status.ok && exchange.shape == ReplyShape::multi) {
    exchange.stage = Exchange::Stage::replying;
  } else {
    exchange_done(status.ok);
  }
}

void Session::on_body(ByteChain&& body) {
  Exchange& exchange = *ledger_.owed();
  if (Retrieval* const taker = receiver(exchange)) return taker->feed(std::move(body));
  if (exchange.way == Way::ahead) return;  // nobody wants it any more
  if (exchange.reader) return exchange.reader->body(std::move(body));
  relay(std::move(body));
}

void Session::on_body_end() {
  if (ledger_.owed()->way == Way::ahead) return ahead_end(*ledger_.owed());
  if (message_) {
    ledger_.received();
    return message_->end();
  }
  Exchange& exchange = *ledger_.owed();
  if (exchange.reader) exchange.reader->end();
  exchange_done(true);
}

void Session::exchange_done(bool ok) {
  const Exchange& exchange = ledger_.front();
  const Verb verb = exchange.verb;
  // Of a message that went through a chain, more is known: message_done().
  if (mailbox_ && ok && exchange.way == Way::relayed && gave_all(exchange)) {
    mailbox_->note_retrieved(exchange.message, std::nullopt, true);
  }
  if (verb == Verb::retr && ok) {
    ++messages_;
    services_.counters.messages_retrieved.add();
    services_.counters.retr.observe(services_.timers.now() - exchange.sent_at);
  }
  answered_at_ = services_.timers.now();
  ledger_.pop();
  if (verb == Verb::quit) return finish(EndReason::quit, {});
  static_cast<void>(send_local_replies());
}

/// Upstream is gone, silent or not to be trusted any more.
void Session::upstream_lost(std::string problem) {
  if (message_ && message_->answered()) message_done(problem);
  do {
    while (!ledger_.empty() && nobody_asked(ledger_.front())) ledger_.pop();
  } while (!message_ && send_local_replies());
  const bool quitting =
      ledger_.empty() ? state_ == State::update : ledger_.front().verb == Verb::quit;
  const bool asked = !ledger_.empty() || quitting || !held_reply_.empty() ||
                     (mailbox_preparing() && !client_->received().empty());
  if (asked && !mid_reply()) {
    say(pop3::err(ResponseCode::sys_temp, quitting
                                              ? "Mail server lost, deletions may not have been done"
                                              : "Mail server lost"));
  }
  finish(EndReason::upstream_lost, std::move(problem));
}

void Session::relay(ByteChain&& bytes) {
  octets_out_ += bytes.size();
  services_.counters.octets_to_clients.add(bytes.size());
  client_->send(std::move(bytes));
}

}  // namespace gatepost::session
