#include "filters/retention/account_records.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace gatepost::filters {

UidlTexts::UidlTexts(const mailbox::Inventory& inventory) {
  sizes.reserve(inventory.count());
  for (std::size_t i = 0; i < inventory.count(); ++i) {
    const std::string_view uidl = inventory.uidl(i);
    all += uidl;
    sizes.push_back(static_cast<std::uint8_t>(uidl.size()));
  }
}

MessageKeys::MessageKeys(const NameHasher& names, const HashedName& account,
                         const UidlTexts& uidls) {
  keys_.reserve(uidls.sizes.size());
  std::string_view rest = uidls.all;
  for (const std::uint8_t size : uidls.sizes) {
    keys_.push_back(names.uidl(account, rest.substr(0, size)));
    rest.remove_prefix(size);
  }
  order_.resize(keys_.size());
  std::iota(order_.begin(), order_.end(), 0U);
  std::ranges::sort(order_, [this](std::uint32_t a, std::uint32_t b) {
    return std::pair(keys_[a], a) < std::pair(keys_[b], b);
  });
}

bool MessageKeys::ambiguous(std::size_t index) const {
  const HashedName& name = keys_[index];
  const auto first = std::ranges::lower_bound(order_, name, std::less<>(),
                                              [this](std::uint32_t i) { return keys_[i]; });
  return std::next(first) != order_.end() && keys_[*std::next(first)] == name;
}

AccountRecords::AccountRecords(const MessageKeys& keys, std::vector<store::Entry> entries)
    : keys_(keys), row_of_(keys.count(), kNone) {
  rows_.reserve(entries.size());
  // Both are in the order of names.
  auto message = keys.by_name().begin();
  const auto end = keys.by_name().end();
  for (const store::Entry& entry : entries) {
    Row row;
    row.name = entry.name;
    row.version = entry.version;
    if (auto record = parse_record(entry.value)) {
      row.record = *std::move(record);
    } else {
      row.readable = false;
    }
    while (message != end && keys[*message] < entry.name) ++message;
    if (message != end && keys[*message] == entry.name) {
      row.index = *message;
      row_of_[*message] = static_cast<std::uint32_t>(rows_.size());
    }
    rows_.push_back(std::move(row));
  }
}

AccountRecords::Row* AccountRecords::at(std::size_t index) {
  const std::uint32_t row = row_of_[index];
  return row == kNone ? nullptr : &rows_[row];
}

AccountRecords::Row& AccountRecords::at_or_new(std::size_t index, std::int64_t now) {
  if (Row* const row = at(index)) return *row;
  row_of_[index] = static_cast<std::uint32_t>(rows_.size());
  Row& row = rows_.emplace_back();
  row.name = keys_[index];
  row.index = static_cast<std::uint32_t>(index);
  row.record.seen = now;
  row.changed = true;
  return row;
}

std::vector<store::Write> AccountRecords::writes() const {
  std::vector<store::Write> writes;
  for (const Row& row : rows_) {
    if (!row.changed) continue;
    writes.push_back({row.name, row.version, row.erased ? "" : format_record(row.record)});
  }
  return writes;
}

void RetentionTally::add_to(PolicyCounters& counters) const {
  for (std::size_t i = 0; i < decisions.size(); ++i) counters.decisions[i] += decisions[i];
  for (std::size_t i = 0; i < guards.size(); ++i) counters.guards[i] += guards[i];
}

}  // namespace gatepost::filters
