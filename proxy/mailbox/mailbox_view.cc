#include "proxy/mailbox/mailbox_view.h"

#include <cassert>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace gatepost::mailbox {

namespace {

/// As far as it goes: what upstream says may be anything.
std::uint64_t sum(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  return a > kMost - b ? kMost : a + b;
}

}  // namespace

std::string quarantine_uidl(std::uint64_t number) {
  return fmt::format("gatepost-quarantine-{}", number);
}

MailboxView::MailboxView(const Inventory& upstream, const std::function<bool(std::size_t)>& hidden,
                         std::vector<ExtraMessage> extra)
    : upstream_(upstream), extra_(std::move(extra)) {
  shown_.reserve(upstream.count());
  for (std::size_t index = 0; index < upstream.count(); ++index) {
    if (!hidden || !hidden(index)) shown_.push_back(static_cast<std::uint32_t>(index));
  }
  shown_.shrink_to_fit();
  deleted_.resize(count());
}

std::optional<MailboxView::Place> MailboxView::find(std::uint64_t number) const {
  if (number == 0 || number > count() || deleted_[number - 1]) return std::nullopt;
  if (number <= shown_.size()) return Place{shown_[number - 1]};
  return Place{std::nullopt, &extra_[number - 1 - shown_.size()]};
}

std::optional<std::size_t> MailboxView::index_of(std::uint64_t number) const {
  if (number == 0 || number > shown_.size()) return std::nullopt;
  return shown_[number - 1];
}

std::uint64_t MailboxView::octets(std::uint64_t number) const {
  if (number > shown_.size()) return extra_[number - 1 - shown_.size()].size;
  return upstream_.octets(shown_[number - 1]);
}

std::string_view MailboxView::uidl_of(std::uint64_t number) const {
  return number > shown_.size() ? extra_[number - 1 - shown_.size()].uidl
                                : upstream_.uidl(shown_[number - 1]);
}

std::string MailboxView::stat() const {
  std::uint64_t total = 0;
  for (std::uint64_t number = 1; number <= count(); ++number) {
    if (!deleted_[number - 1]) total = sum(total, octets(number));
  }
  return fmt::format("+OK {} {}\r\n", count() - marked_, total);
}

std::string MailboxView::list(std::uint64_t number) const {
  if (!find(number)) return no_such_message(number);
  return fmt::format("+OK {} {}\r\n", number, octets(number));
}

std::string MailboxView::uidl(std::uint64_t number) const {
  if (!find(number)) return no_such_message(number);
  return fmt::format("+OK {} {}\r\n", number, uidl_of(number));
}

std::string MailboxView::no_such_message(std::uint64_t number) const {
  const bool deleted = number > 0 && number <= count();
  return deleted ? "-ERR Message is deleted.\r\n" : "-ERR There's no such message.\r\n";
}

void MailboxView::Listing::give(std::string& out, std::size_t enough) {
  if (next_ == 0) {
    out += fmt::format("+OK {} messages\r\n", view_.count() - view_.marked_);
    next_ = 1;
  }
  for (; next_ <= view_.count(); ++next_) {
    if (out.size() >= enough) return;
    if (view_.deleted_[next_ - 1]) continue;
    if (what_ == Of::sizes) {
      fmt::format_to(std::back_inserter(out), "{} {}\r\n", next_, view_.octets(next_));
    } else {
      fmt::format_to(std::back_inserter(out), "{} {}\r\n", next_, view_.uidl_of(next_));
    }
  }
  out += ".\r\n";
  done_ = true;
}

void MailboxView::mark(std::uint64_t number) {
  assert(find(number));
  deleted_[number - 1] = true;
  ++marked_;
}

void MailboxView::unmark_all() {
  deleted_.assign(deleted_.size(), false);
  marked_ = 0;
}

std::vector<std::size_t> MailboxView::marked_indexes() const {
  std::vector<std::size_t> indexes;
  for (std::size_t at = 0; at < shown_.size(); ++at) {
    if (deleted_[at]) indexes.push_back(shown_[at]);
  }
  return indexes;
}

std::vector<std::uint64_t> MailboxView::marked_extra() const {
  std::vector<std::uint64_t> keys;
  for (std::size_t at = 0; at < extra_.size(); ++at) {
    if (deleted_[shown_.size() + at]) keys.push_back(extra_[at].key);
  }
  return keys;
}

}  // namespace gatepost::mailbox
