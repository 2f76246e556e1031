#include "proxy/session/extra_mailbox.h"

#include <algorithm>
#include <utility>

#include "filters/quarantine/releases.h"
#include "proxy/session/reply_editor.h"

namespace gatepost::session {

using mailbox::ExtraMessages;
using pop3::Command;
using pop3::Verb;

namespace {

bool exact(const filters::Host& host, const filters::Chain& chain) {
  return chain.config.sizes == config::Sizes::exact && host.sizes != nullptr;
}

Command bare(Verb verb) {
  Command command;
  command.verb = verb;
  return command;
}

}  // namespace

bool ExtraMailbox::needed(const filters::Host& host, const filters::Chain& chain) {
  return host.quarantine != nullptr || exact(host, chain);
}

ExtraMailbox::ExtraMailbox(const Services& services, const filters::Chain& chain, Account account,
                           Owner& owner)
    : services_(services),
      account_(std::move(account)),
      owner_(owner),
      quarantine_(services.filters.quarantine),
      sizes_(exact(services.filters, chain) ? services.filters.sizes : nullptr),
      limit_(services.timers.make_timer([this] { on_limit(); })) {
  if (sizes_) {
    names_ = Names::unknown;
    mailbox_ = filters::DeliveredSizes::mailbox(account_.route, account_.user, chain);
  }
  if (!quarantine_) return;
  stage_ = Stage::looking;
  limit_->start(kLooking);
  ticket_ =
      filters::find_released(services.filters.background, quarantine_, account_.route,
                             account_.user, [this](auto found) { on_found(std::move(found)); });
}

ExtraMailbox::~ExtraMailbox() = default;

bool ExtraMailbox::preparing() const {
  return stage_ == Stage::looking || stage_ == Stage::found || stage_ == Stage::counting ||
         names_ == Names::asked;
}

bool ExtraMailbox::asks_quarantine() const {
  return stage_ == Stage::looking || stage_ == Stage::settling;
}

// Released messages.

void ExtraMailbox::on_found(Result<std::vector<filters::QuarantineRecord>> found) {
  if (stage_ != Stage::looking) return;
  if (!found) {
    give_up(found.error().detail);
  } else if (found->empty()) {
    limit_->stop();
    stage_ = Stage::ready;
  } else {
    for (const filters::QuarantineRecord& record : *found) {
      found_.push_back({record.number, record.size, mailbox::quarantine_uidl(record.number)});
    }
    stage_ = Stage::found;
  }
  owner_.on_mailbox_activity();
}

bool ExtraMailbox::step(Ledger& ledger) {
  if (stage_ != Stage::found) return false;
  stage_ = Stage::counting;
  ledger.add_ours(bare(Verb::stat), read_stat([this](auto count) { on_count(count); }));
  return true;
}

void ExtraMailbox::on_count(std::optional<std::uint64_t> count) {
  if (stage_ != Stage::counting) return;
  if (!count) return give_up("upstream does not say how many messages it has");
  if (*count > pop3::kMaxNumber - found_.size()) return give_up("upstream has too many messages");
  limit_->stop();
  extra_ = ExtraMessages(std::exchange(found_, {}), *count);
  stage_ = Stage::ready;
}

void ExtraMailbox::give_up(std::string_view problem) {
  limit_->stop();
  found_.clear();
  stage_ = Stage::ready;
  services_.filters.counters.quarantine_failures.add();
  services_.log.warning("released_not_shown", {{"id", account_.session},
                                               {"user", account_.user},
                                               {"route", account_.route},
                                               {"problem", problem}});
}

void ExtraMailbox::on_limit() {
  if (stage_ == Stage::settling) {
    on_settled(fail(ErrorCode::timeout, "not done in time"));
  } else {
    give_up("not found out in time");
    owner_.on_mailbox_activity();
  }
}

bool ExtraMailbox::settle() {
  std::vector<std::uint64_t> numbers = extra_.deleted();
  if (numbers.empty()) return false;
  stage_ = Stage::settling;
  limit_->start(kSettling);
  ticket_ = filters::settle_released(services_.filters.background, quarantine_, std::move(numbers),
                                     [this](const Result<void>& done) { on_settled(done); });
  return true;
}

void ExtraMailbox::on_settled(const Result<void>& done) {
  if (settled_) return;
  limit_->stop();
  settled_ = done.has_value();
  if (!done) {
    services_.filters.counters.quarantine_failures.add();
    services_.log.warning("released_not_settled", {{"id", account_.session},
                                                   {"user", account_.user},
                                                   {"route", account_.route},
                                                   {"problem", done.error().detail}});
  }
  owner_.on_mailbox_activity();
}

// Commands.

bool ExtraMailbox::take(const Command& command, Ledger& ledger) {
  if (needs_names(command)) {
    ask_names(command, ledger);
    return true;
  }
  if (command.message && extra_.has(*command.message)) {
    answer(command, ledger);
    return true;
  }
  return change(command, ledger);
}

/// For one of the released messages.
void ExtraMailbox::answer(const Command& command, Ledger& ledger) {
  const std::uint64_t number = *command.message;
  switch (command.verb) {
    case Verb::list:
      return ledger.add_local(command.verb, extra_.list(number) + "\r\n");
    case Verb::uidl:
      return ledger.add_local(command.verb, extra_.uidl(number) + "\r\n");
    case Verb::dele:
      return ledger.add_local(command.verb, extra_.dele(number) + "\r\n");
    default:
      break;
  }
  if (const mailbox::ExtraMessage* const message = extra_.find(number)) {
    return ledger.add_released(command, *message);
  }
  ledger.add_local(command.verb, ExtraMessages::no_such_message() + "\r\n");
}

/// For upstream; false: as it is.
bool ExtraMailbox::change(const Command& command, Ledger& ledger) {
  BlockPool& pool = services_.pool;
  const SizeOf sizes =
      any_size_ ? [this](std::uint64_t number) { return size_of(number); } : SizeOf();
  if (command.verb == Verb::rset) extra_.rset();
  if (command.verb == Verb::stat && sizes) {
    ledger.add_edited(command, bare(Verb::list), stat_from_list(pool, sizes, extra_.totals()));
    return true;
  }
  if (command.verb == Verb::list && command.message && sizes) {
    const auto octets = size_of(*command.message);
    if (!octets) return false;
    ledger.add_edited(command, command, edit_list_line(pool, *octets));
    return true;
  }
  if (command.verb == Verb::list && !command.message && (sizes || !extra_.empty())) {
    ledger.add_edited(command, command, edit_listing(pool, sizes, extra_.list_lines()));
    return true;
  }
  if (extra_.empty() || command.message) return false;
  if (command.verb == Verb::stat) {
    ledger.add_edited(command, command, edit_stat(pool, extra_.totals()));
    return true;
  }
  if (command.verb == Verb::uidl) {
    ledger.add_edited(command, command, edit_listing(pool, {}, extra_.uidl_lines()));
    return true;
  }
  return false;
}

// Sizes.

bool ExtraMailbox::needs_names(const Command& command) const {
  // RETR as well: else nobody would know whose size it was that the client got.
  return names_ == Names::unknown &&
         (command.verb == Verb::stat || command.verb == Verb::list || command.verb == Verb::retr);
}

void ExtraMailbox::ask_names(const Command& command, Ledger& ledger) {
  names_ = Names::asked;
  postponed_ = command;
  ledger.add_ours(bare(Verb::uidl),
                  read_uidl(
                      [this](std::uint64_t number, std::string_view uidl) {
                        if (named_.size() == kMaxNamed) return;
                        named_.push_back({number, filters::DeliveredSizes::key(mailbox_, uidl)});
                      },
                      [this](bool known) { on_names(known); }));
}

void ExtraMailbox::on_names(bool known) {
  names_ = known ? Names::known : Names::unused;
  std::ranges::stable_sort(named_, {}, &Named::number);
  named_.shrink_to_fit();
  any_size_ = std::ranges::any_of(
      named_, [this](const Named& message) { return sizes_->find(message.key).has_value(); });
}

std::optional<Command> ExtraMailbox::take_postponed() {
  if (preparing()) return std::nullopt;
  return std::exchange(postponed_, std::nullopt);
}

const Digest* ExtraMailbox::key_of(std::uint64_t number) const {
  const auto found = std::ranges::lower_bound(named_, number, {}, &Named::number);
  return found == named_.end() || found->number != number ? nullptr : &found->key;
}

std::optional<std::uint64_t> ExtraMailbox::size_of(std::uint64_t number) const {
  const Digest* const key = key_of(number);
  if (key == nullptr) return std::nullopt;
  return sizes_->find(*key);
}

void ExtraMailbox::note_delivered(std::uint32_t number, std::uint64_t octets) {
  const Digest* const key = key_of(number);
  if (key == nullptr) return;
  sizes_->remember(*key, octets);
  any_size_ = true;
}

}  // namespace gatepost::session
