// The mailbox as the client sees it, where that is not upstream's: released messages, true sizes.
#include <string>
#include <utility>

#include "proxy/session/notes.h"
#include "proxy/session/session.h"

namespace gatepost::session {

using pop3::Verb;

/// With the login; the chain was chosen.
void Session::open_mailbox() {
  const std::shared_ptr<const filters::RetentionPolicy>& chosen =
      route_->retention ? *route_->retention : settings_->retention;
  const std::string& upstream_user = lobby_->desk.upstream_user();
  policy_ = filters::policy_for(chosen, services_.retention.hold, upstream_user);
  note_rules(page_, *settings_, *route_, configured_chain().get(), policy_.get());
  // What only has to be fit for a client gets neither released messages nor other sizes.
  const Mailbox::Needs needs{.chain = configured_chain() ? chain_.get() : nullptr,
                             .policy = policy_};
  if (!Mailbox::needed(services_, needs)) return;
  MailboxAccount account{.session = id_,
                         .route = route_->conditions.name,
                         .user = user_,
                         .pool = route_->pool->name(),
                         .upstream_user = upstream_user,
                         .page = &page_};
  if (policy_) {
    const std::string network =
        facts_.address.unix_socket ? std::string() : facts_.address.ip.network();
    account.device = filters::device_of(
        policy_->config,
        {.certificate = facts_.certificate, .suffix = device_, .network = network});
  }
  mailbox_ = std::make_unique<Mailbox>(services_, needs, std::move(account),
                                       static_cast<MailboxOwner&>(*this));
}

bool Session::step_mailbox() {
  if (!mailbox_) return false;
  if (mailbox_->preparing()) {
    const bool moved = mailbox_->step(ledger_);
    if (moved && !mailbox_->preparing()) mailbox_opened();
    return moved;
  }
  return settle_mailbox();
}

/// What the mailbox is made of is there, or cannot be had.
void Session::mailbox_opened() {
  if (!mailbox_->refusal().empty()) {
    held_reply_.clear();
    say(mailbox_->refusal());
    return finish(EndReason::mailbox_unavailable, mailbox_->problem());
  }
  if (!held_reply_.empty()) say(std::exchange(held_reply_, {}));
  client_moved_ = services_.timers.now();
}

/// From QUIT on. RFC 1939 section 6: the answer comes when all is done.
bool Session::settle_mailbox() {
  if (mailbox_->quitting()) {
    // As with a QUIT that is passed on: the answers before it must have left for the client.
    if (!ledger_.empty() || client_->unsent() > 0) return false;
    if (quit_forfeited_) {
      finish(client_end_reason(), "left before it had all answers, QUIT does not count");
    } else {
      mailbox_->settle();
    }
    return true;
  }
  MailboxSettlement* const settlement = mailbox_->settlement();
  if (settlement == nullptr) return false;
  if (settlement->step(ledger_)) return true;
  const auto answer = ledger_.empty() || ledger_.front().stage != Exchange::Stage::received
                          ? std::nullopt
                          : settlement->answer();
  if (!answer) return false;
  const std::string reply = answer->empty() ? ledger_.front().text : *answer;
  note_quit(page_, reply);
  say(reply);
  exchange_done(true);
  return true;
}

/// RETR and TOP, by upstream's number.
pop3::Command Session::for_upstream(const pop3::Command& command) const {
  pop3::Command changed = command;
  if (mailbox_ && command.message) changed.message = mailbox_->upstream_number(*command.message);
  return changed;
}

/// The oldest exchange is LIST or UIDL of our mailbox. Whether the client has all of it.
bool Session::give_listing(bool& moved) {
  if (ledger_.front().stage == Exchange::Stage::local) ledger_.begin_local(services_.timers.now());
  while (mailbox_->listing()) {
    if (client_->unsent() >= kMaxUnsent) return false;
    say(mailbox_->give_listing(kMaxUnsent));
    moved = true;
  }
  answered_at_ = services_.timers.now();
  ledger_.pop();
  return true;
}

/// Whether the oldest exchange is answered from here, and not whole yet: what upstream says
/// meanwhile has to wait.
bool Session::answer_held() const {
  return !message_ && !ledger_.empty() && ledger_.front().stage == Exchange::Stage::received;
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

/// The reply to a command of ours.
void Session::read_ours(Exchange& exchange, const pop3::Status& status) {
  exchange.reader->status(status);
  if (!status.ok || exchange.shape == pop3::ReplyShape::single) exchange_done(status.ok);
}

/// Whether the client's answer to QUIT has to wait until it is true for the stores, too.
bool Session::settle_quit(Exchange& exchange, const pop3::Status& status) {
  MailboxSettlement* const settlement = this->settlement();
  if (exchange.verb != Verb::quit || !status.ok || settlement == nullptr) return false;
  if (!settlement->conclude()) return false;
  static_cast<void>(upstream_codec_.take_line());
  exchange.text = status.wire();
  ledger_.received();
  return true;
}

}  // namespace gatepost::session
