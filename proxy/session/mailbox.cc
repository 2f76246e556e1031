#include "proxy/session/mailbox.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "proxy/pop3/reply.h"
#include "proxy/session/notes.h"
#include "proxy/session/retrieval.h"

namespace gatepost::session {

using mailbox::MailboxView;
using pop3::Command;
using pop3::Verb;

namespace {

constexpr std::string_view kMarked = "Marked to be deleted.";

bool exact(const Services& services, const filters::Chain* chain) {
  return chain != nullptr && chain->config.sizes == config::Sizes::exact && services.filters.sizes;
}

bool has_book(const std::shared_ptr<const filters::RetentionPolicy>& policy) {
  return policy && policy->needs_book();
}

}  // namespace

bool Mailbox::needed(const Services& services, const Needs& needs) {
  // Without a chain nothing gets into quarantine.
  const bool released = needs.chain != nullptr && services.filters.quarantine;
  return released || exact(services, needs.chain) || has_book(needs.policy);
}

Mailbox::Mailbox(const Services& services, const Needs& needs, MailboxAccount account,
                 MailboxOwner& owner)
    : services_(services), account_(std::move(account)), owner_(owner) {
  if (needs.chain != nullptr) parts_.quarantine = services.filters.quarantine;
  if (exact(services, needs.chain)) {
    parts_.sizes = services.filters.sizes;
    parts_.sizes_of = filters::DeliveredSizes::mailbox(account_.route, account_.user, *needs.chain);
  }
  if (has_book(needs.policy)) {
    parts_.dry_run = needs.policy->config.dry_run;
    parts_.header_hash = needs.policy->config.header_hash;
    rule_ = path_of(*needs.policy);
    parts_.book = std::make_unique<filters::AccountBook>(
        services.retention, needs.policy,
        filters::AccountBook::Account{.session = account_.session,
                                      .pool = account_.pool,
                                      .user = account_.upstream_user,
                                      .device = account_.device,
                                      .page = account_.page});
    parts_.book->read_ahead();
  }
  opening_ = std::make_unique<MailboxOpening>(services_, account_, parts_, owner_);
}

Mailbox::~Mailbox() = default;

bool Mailbox::step(Ledger& ledger) {
  if (opening_) {
    if (opening_->step(ledger)) return true;
    if (!opening_->finished()) return false;
    opened();
    return true;
  }
  return settlement_ && settlement_->step(ledger);
}

bool Mailbox::asks_stores() const {
  return (opening_ && opening_->asks_stores()) || (settlement_ && settlement_->asks_stores());
}

void Mailbox::opened() {
  refusal_ = opening_->refusal();
  problem_ = opening_->problem();
  opening_.reset();
  upstream_heard_ = services_.timers.now();
  note_opened();
  if (!parts_.listed) return;
  if (parts_.sizes) learn_sizes();
  view_.emplace(
      parts_.inventory,
      [this](std::size_t index) { return parts_.book && parts_.book->hidden(index); },
      std::move(parts_.released));
  if (parts_.book) retrieved_.resize(parts_.inventory.count());
}

/// For `gatepost explain`: what the client does not see, by upstream's numbers.
void Mailbox::note_opened() {
  if (account_.page == nullptr) return;
  const auto note = [this](std::string_view text) {
    account_.page->note(Decision::About::mailbox, text, rule_);
  };
  if (!refusal_.empty()) return note(fmt::format("the mailbox cannot be shown: {}", problem_));
  if (!parts_.listed) return;
  std::string numbers;
  std::size_t hidden = 0;
  for (std::size_t index = 0; index < parts_.inventory.count(); ++index) {
    if (!parts_.book || !parts_.book->hidden(index)) continue;
    if (++hidden <= kMaxHiddenTold) numbers += fmt::format(" {}", index + 1);
  }
  std::string text = fmt::format("the mail server has {} messages, {} of them are not shown",
                                 parts_.inventory.count(), hidden);
  if (hidden > 0) {
    text += fmt::format("\nnot shown, for the client has deleted them ({}/view):{}{}", rule_,
                        numbers, hidden > kMaxHiddenTold ? " and more" : "");
  }
  if (!parts_.released.empty()) {
    text += fmt::format("\n{} released from the quarantine are shown behind them",
                        parts_.released.size());
  }
  note(text);
}

void Mailbox::learn_sizes() {
  if (!parts_.inventory.has_uidls()) return;
  for (std::size_t index = 0; index < parts_.inventory.count(); ++index) {
    const auto key = filters::DeliveredSizes::key(parts_.sizes_of, parts_.inventory.uidl(index));
    if (const auto octets = parts_.sizes->find(key)) parts_.inventory.set_octets(index, *octets);
  }
}

// Commands.

bool Mailbox::take(const Command& command, Ledger& ledger) {
  if (!view_) return false;
  const bool done =
      command.message ? answer_for(*command.message, command, ledger) : answer(command, ledger);
  const Instant now = services_.timers.now();
  if (!done || now - upstream_heard_ >= Retrieval::kAwake) {
    // Who is answered from here only would be logged out upstream for its silence.
    if (done && !quitting_) ledger.add_ours(Command::of(Verb::noop), read_status([](bool) {}));
    upstream_heard_ = now;
  }
  return done;
}

bool Mailbox::answer(const Command& command, Ledger& ledger) {
  switch (command.verb) {
    case Verb::stat:
      ledger.add_local(command.verb, view_->stat());
      return true;
    case Verb::list:
      listing_.emplace(*view_, MailboxView::Listing::Of::sizes);
      ledger.add_listing(command);
      return true;
    case Verb::uidl:
      if (!parts_.inventory.has_uidls()) return false;
      listing_.emplace(*view_, MailboxView::Listing::Of::uidls);
      ledger.add_listing(command);
      return true;
    case Verb::rset:
      view_->unmark_all();
      ledger.add_local(command.verb, pop3::ok(""));
      return true;
    case Verb::quit:
      quitting_ = true;
      return true;
    default:
      return false;
  }
}

bool Mailbox::answer_for(std::uint32_t number, const Command& command, Ledger& ledger) {
  const auto place = view_->find(number);
  if (!place) {
    ledger.add_local(command.verb, view_->no_such_message(number));
    return true;
  }
  switch (command.verb) {
    case Verb::list:
      ledger.add_local(command.verb, view_->list(number));
      return true;
    case Verb::uidl:
      if (!parts_.inventory.has_uidls() && !place->extra) return false;
      ledger.add_local(command.verb, view_->uidl(number));
      return true;
    case Verb::dele:
      ledger.add_local(command.verb, dele(number));
      return true;
    default:
      break;
  }
  if (place->extra != nullptr) {
    ledger.add_released(command, *place->extra);
    return true;
  }
  const bool all =
      command.verb == Verb::retr || (command.verb == Verb::top && is_all(number, command.lines));
  if (all) raise(*place->index, Retrieved::asked);
  return false;
}

std::string Mailbox::dele(std::uint32_t number) {
  const auto place = view_->find(number);
  if (place->index && parts_.book) {
    const bool asked = retrieved_[*place->index] != Retrieved::no;
    const auto reason = parts_.book->refuse_dele(*place->index, asked, view_->marked());
    note_dele(number, reason);
    if (reason) return pop3::err(*reason);
  }
  view_->mark(number);
  return pop3::ok(kMarked);
}

void Mailbox::note_dele(std::uint32_t number, const std::optional<std::string>& refused) {
  if (account_.page == nullptr) return;
  account_.page->note(Decision::About::retention,
                      refused ? fmt::format("DELE is refused: {}", *refused)
                              : std::string("DELE is noted, and counts with QUIT"),
                      rule_, number);
}

std::optional<std::uint32_t> Mailbox::upstream_number(std::uint32_t number) const {
  if (!view_) return number;
  const auto place = view_->find(number);
  if (!place || !place->index) return std::nullopt;
  return static_cast<std::uint32_t>(*place->index + 1);
}

std::string Mailbox::give_listing(std::size_t enough) {
  std::string text;
  listing_->give(text, enough);
  if (listing_->done()) listing_.reset();
  return text;
}

bool Mailbox::is_all(std::uint32_t number, std::uint32_t lines) const {
  if (!view_ || lines < kAllLines) return false;
  const auto index = view_->index_of(number);
  return index && parts_.inventory.octets(*index) <= lines;
}

void Mailbox::note_retrieved(std::uint32_t number, std::optional<std::uint64_t> octets,
                             bool allowed) {
  if (!view_) return;
  const auto index = view_->index_of(number);
  if (!index) return;
  if (octets && parts_.sizes) {
    const auto uidl = parts_.inventory.uidl(*index);
    if (!uidl.empty()) {
      parts_.sizes->remember(filters::DeliveredSizes::key(parts_.sizes_of, uidl), *octets);
    }
    parts_.inventory.set_octets(*index, *octets);
  }
  raise(*index, allowed ? Retrieved::allowed : Retrieved::whole);
}

/// Once the client had a message, that is so.
void Mailbox::raise(std::size_t index, Retrieved to) {
  if (parts_.book) retrieved_[index] = std::max(retrieved_[index], to);
}

// QUIT.

void Mailbox::settle() {
  MailboxSettlement::Facts facts;
  for (std::size_t index = 0; index < retrieved_.size(); ++index) {
    if (retrieved_[index] < Retrieved::whole) continue;
    facts.book.retrieved.push_back({index, retrieved_[index] == Retrieved::allowed});
  }
  facts.book.deleted = view_->marked_indexes();
  facts.released = view_->marked_extra();
  settlement_ =
      std::make_unique<MailboxSettlement>(services_, account_, parts_, std::move(facts), owner_);
}

}  // namespace gatepost::session
