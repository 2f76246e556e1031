#include "proxy/session/mailbox_opening.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "filters/quarantine/releases.h"
#include "proxy/pop3/reply.h"
#include "proxy/session/reply_reader.h"

namespace gatepost::session {

using pop3::Command;
using pop3::ResponseCode;
using pop3::Verb;

namespace {

constexpr std::string_view kNotNow = "Mailbox cannot be looked through now, try again later";

}  // namespace

void log_mailbox(const Services& services, const MailboxAccount& account, std::string_view event,
                 std::string_view problem) {
  services.log.warning(event, {{"id", account.session},
                               {"user", account.user},
                               {"route", account.route},
                               {"problem", problem}});
  if (account.page == nullptr) return;
  account.page->note(Decision::About::mailbox, fmt::format("{}: {}", event, problem));
}

MailboxOpening::MailboxOpening(const Services& services, const MailboxAccount& account,
                               MailboxParts& parts, MailboxOwner& owner)
    : services_(services),
      account_(account),
      parts_(parts),
      owner_(owner),
      limit_(services.timers.make_timer([this] { on_limit(); })) {
  if (parts_.book || parts_.sizes) lists_ = Lists::wanted;
  if (!parts_.quarantine) return;
  looking_ = true;
  limit_->start(kLooking);
  found_ =
      filters::find_released(services.filters.background, parts_.quarantine, account_.route,
                             account_.user, [this](auto found) { on_found(std::move(found)); });
}

MailboxOpening::~MailboxOpening() = default;

bool MailboxOpening::finished() const {
  return !looking_ && replies_owed_ == 0 && (lists_ == Lists::unneeded || lists_ == Lists::done);
}

bool MailboxOpening::step(Ledger& ledger) {
  if (lists_ == Lists::wanted) {
    ask_lists(ledger);
    return true;
  }
  return lists_ == Lists::headers && ask_headers(ledger);
}

// Released messages.

void MailboxOpening::on_found(Result<std::vector<filters::QuarantineRecord>> found) {
  if (!looking_) return;
  looking_ = false;
  if (lists_ != Lists::booked) limit_->stop();
  if (!found) {
    released_failed(found.error().detail);
  } else {
    for (const filters::QuarantineRecord& record : *found) {
      parts_.released.push_back(
          {record.number, record.size, mailbox::quarantine_uidl(record.number)});
    }
    if (!found->empty() && lists_ == Lists::unneeded) lists_ = Lists::wanted;
  }
  owner_.on_mailbox_activity();  // the last: this may be gone
}

void MailboxOpening::released_failed(std::string_view problem) {
  parts_.released.clear();
  services_.filters.counters.quarantine_failures.add();
  log_mailbox(services_, account_, "released_not_shown", problem);
}

void MailboxOpening::on_limit() {
  if (std::exchange(looking_, false)) {
    found_ = {};
    released_failed("not found out in time");
  }
  if (lists_ == Lists::booked) looked_up(fail(ErrorCode::timeout, "no answer in time"));
  owner_.on_mailbox_activity();  // the last: this may be gone
}

// Upstream's lists.

void MailboxOpening::ask_lists(Ledger& ledger) {
  lists_ = Lists::asked;
  replies_owed_ = 2;
  ledger.add_ours(
      Command::of(Verb::list),
      read_listing(
          [this](std::uint64_t number, std::string_view value) -> Result<void> {
            return add_size(parts_.inventory, number, value);
          },
          [this](Result<void> listed, bool /*offered*/) { on_listed(std::move(listed)); }));
  ledger.add_ours(
      Command::of(Verb::uidl),
      read_listing(
          [this](std::uint64_t number, std::string_view value) {
            return parts_.inventory.add_uidl(number, value);
          },
          [this](Result<void> named, bool offered) { on_named(std::move(named), offered); }));
}

void MailboxOpening::on_listed(Result<void> listed) {
  --replies_owed_;
  if (!listed) lists_failed(std::move(listed.error().detail), kNotNow);
}

void MailboxOpening::on_named(Result<void> named, bool offered) {
  --replies_owed_;
  if (lists_ != Lists::asked) return;  // LIST failed
  const bool complete = named && parts_.inventory.has_uidls();
  parts_.inventory.complete();
  if (complete || (!offered && !parts_.book)) return look_up();
  if (offered) {
    return lists_failed(named ? "UIDL has fewer messages than LIST" : named.error().detail,
                        kNotNow);
  }
  if (!parts_.header_hash) {
    return lists_failed("the mail server has no UIDL",
                        "The mail server has no UIDL, which the policy of this mailbox needs");
  }
  if (parts_.inventory.count() > kMaxHeaders) {
    return lists_failed(fmt::format("no UIDL, and more than {} messages", kMaxHeaders),
                        "Too many messages for a mail server without UIDL");
  }
  lists_ = Lists::headers;
}

/// What messages are told apart by instead: a hash of their header.
bool MailboxOpening::ask_headers(Ledger& ledger) {
  bool asked = false;
  for (; next_header_ <= parts_.inventory.count() && !ledger.full(); ++next_header_) {
    const auto top = Command::of(Verb::top, static_cast<std::uint32_t>(next_header_));
    ++replies_owed_;
    ledger.add_ours(
        top, hash_reply([this, number = next_header_](auto hash) { on_header(number, hash); }));
    asked = true;
  }
  return asked;
}

void MailboxOpening::on_header(std::uint64_t number, const std::optional<Digest>& hash) {
  --replies_owed_;
  if (lists_ != Lists::headers) return;
  if (!hash) return lists_failed("the mail server does not show a header", kNotNow);
  // 32 digits: as much as the store keeps of a name.
  const auto added = parts_.inventory.add_uidl(number, to_hex(*hash).substr(0, 32));
  if (!added) return lists_failed(added.error().detail, kNotNow);
  if (parts_.inventory.has_uidls()) look_up();
}

/// Without the lists there is no policy; without a policy the client sees upstream's mailbox.
void MailboxOpening::lists_failed(std::string problem, std::string_view reply) {
  if (lists_ == Lists::done) return;
  lists_ = Lists::done;
  if (!parts_.book || parts_.dry_run) {
    parts_.book.reset();
    if (!parts_.released.empty()) return released_failed(problem);
    return log_mailbox(services_, account_, "mailbox_not_listed", problem);
  }
  problem_ = std::move(problem);
  refusal_ = pop3::err(ResponseCode::sys_temp, reply);
}

// The book.

void MailboxOpening::look_up() {
  if (!parts_.book) {
    lists_ = Lists::done;
    parts_.listed = true;
    return;
  }
  lists_ = Lists::booked;
  limit_->start(kOpening);
  booked_ = parts_.book->open(parts_.inventory, [this](const auto& done) { on_looked_up(done); });
}

void MailboxOpening::on_looked_up(const Result<void>& done) {
  if (lists_ != Lists::booked) return;
  looked_up(done);
  owner_.on_mailbox_activity();  // the last: this may be gone
}

void MailboxOpening::looked_up(const Result<void>& done) {
  booked_ = {};
  if (!looking_) limit_->stop();
  if (done) {
    lists_ = Lists::done;
    parts_.listed = true;
  } else {
    lists_failed(done.error().detail, kNotNow);
  }
}

}  // namespace gatepost::session
