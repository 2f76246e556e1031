#include "proxy/session/mailbox_settlement.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "filters/quarantine/releases.h"
#include "proxy/pop3/reply.h"
#include "proxy/session/reply_reader.h"

namespace gatepost::session {

using filters::AccountBook;
using pop3::Command;
using pop3::ResponseCode;
using pop3::Verb;

MailboxSettlement::MailboxSettlement(const Services& services, const MailboxAccount& account,
                                     MailboxParts& parts, Facts facts, MailboxOwner& owner)
    : services_(services),
      account_(account),
      parts_(parts),
      owner_(owner),
      released_(std::move(facts.released)),
      deleted_(facts.book.deleted),
      limit_(services.timers.make_timer([this] { on_limit(); })) {
  if (!parts_.book) {
    removals_ = deleted_;
    return;
  }
  stage_ = Stage::noting;
  limit_->start(kBook);
  book_ticket_ = parts_.book->settle(std::move(facts.book),
                                     [this](auto settlement) { on_noted(std::move(settlement)); });
}

MailboxSettlement::~MailboxSettlement() = default;

void MailboxSettlement::on_noted(Result<AccountBook::Settlement> settlement) {
  if (stage_ != Stage::noting) return;
  limit_->stop();
  book_ticket_ = {};
  stage_ = Stage::removing;
  if (settlement) {
    removals_ = std::move(settlement->remove);
    kept_ = settlement->refused;
  } else if (parts_.dry_run) {
    removals_ = deleted_;
  } else {
    noted_ = false;
    log_mailbox(services_, account_, "session_not_noted", settlement.error().detail);
  }
  owner_.on_mailbox_activity();
}

bool MailboxSettlement::step(Ledger& ledger) {
  if (stage_ != Stage::removing) return false;
  bool moved = false;
  for (; next_removal_ < removals_.size() && !ledger.full(); ++next_removal_) {
    const std::size_t index = removals_[next_removal_];
    const auto dele = Command::of(Verb::dele, static_cast<std::uint32_t>(index + 1));
    ledger.add_ours(dele, read_status([this, index](bool ok) { on_dele(index, ok); }));
    moved = true;
  }
  if (answered_ < removals_.size()) return moved;
  stage_ = Stage::leaving;
  ledger.add_forwarded(Command::of(Verb::quit));
  return true;
}

void MailboxSettlement::on_dele(std::size_t index, bool ok) {
  ++answered_;
  if (ok) return gone_.push_back(index);
  if (std::ranges::binary_search(deleted_, index)) ++kept_;
  log_mailbox(services_, account_, "message_not_removed",
              fmt::format("the mail server refused DELE {}", index + 1));
}

bool MailboxSettlement::conclude() {
  waits_for_released_ = !released_.empty();
  waits_for_book_ = parts_.book && !gone_.empty();
  stage_ = Stage::concluding;
  if (waits_for_released_) {
    released_ticket_ =
        filters::settle_released(services_.filters.background, parts_.quarantine, released_,
                                 [this](const Result<void>& done) { on_released(done); });
  }
  if (waits_for_book_) {
    // What is gone is gone: that this could not be noted is no news for the client.
    book_ticket_ = parts_.book->removed(gone_, [this](const Result<void>& done) {
      waits_for_book_ = false;
      if (!done) log_mailbox(services_, account_, "removal_not_noted", done.error().detail);
      look_whether_done();
    });
  }
  if (!waits_for_released_ && !waits_for_book_) {
    stage_ = Stage::done;
    return !answer()->empty();
  }
  limit_->start(kConcluding);
  return true;
}

void MailboxSettlement::on_released(const Result<void>& done) {
  waits_for_released_ = false;
  if (!done) {
    released_noted_ = false;
    services_.filters.counters.quarantine_failures.add();
    log_mailbox(services_, account_, "released_not_settled", done.error().detail);
  }
  look_whether_done();
}

void MailboxSettlement::look_whether_done() {
  if (stage_ != Stage::concluding || waits_for_released_ || waits_for_book_) return;
  limit_->stop();
  stage_ = Stage::done;
  owner_.on_mailbox_activity();
}

void MailboxSettlement::on_limit() {
  if (stage_ == Stage::noting) return on_noted(fail(ErrorCode::timeout, "not done in time"));
  if (std::exchange(waits_for_book_, false)) {
    book_ticket_ = {};
    log_mailbox(services_, account_, "removal_not_noted", "not done in time");
  }
  if (waits_for_released_) {
    released_ticket_ = {};
    return on_released(fail(ErrorCode::timeout, "not done in time"));
  }
  look_whether_done();
}

std::optional<std::string> MailboxSettlement::answer() const {
  if (stage_ != Stage::done) return std::nullopt;
  if (!noted_) {
    return pop3::err(ResponseCode::sys_temp, "Nothing was deleted: it could not be noted");
  }
  if (kept_ > 0) {
    return pop3::err(ResponseCode::sys_temp,
                     fmt::format("{} of {} deleted messages not removed", kept_, deleted_.size()));
  }
  if (!released_noted_) {
    return pop3::err(ResponseCode::sys_temp, "Some deleted messages were not removed");
  }
  return "";
}

}  // namespace gatepost::session
