#include "proxy/store/memory_records.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace gatepost::store {

Result<std::vector<Entry>> MemoryRecords::load(const HashedName& account) {
  const std::scoped_lock lock(mutex_);
  std::vector<Entry> entries;
  const auto found = accounts_.find(account);
  if (found == accounts_.end()) return entries;
  entries.reserve(found->second.records.size());
  for (const auto& [name, record] : found->second.records) {
    entries.push_back({name, record.version, record.value});
  }
  return entries;
}

Result<RecordStore::Committed> MemoryRecords::commit(const HashedName& account,
                                                     const std::vector<Write>& writes,
                                                     std::int64_t now) {
  if (auto checked = check_writes(writes); !checked) return std::unexpected(checked.error());
  const std::scoped_lock lock(mutex_);
  const auto found = accounts_.find(account);
  static const std::map<HashedName, Record> kNone;
  const auto& before = found == accounts_.end() ? kNone : found->second.records;

  std::vector<HashedName> conflicts;
  std::size_t made = 0;
  std::size_t gone = 0;
  for (const Write& write : writes) {
    const auto kept = before.find(write.name);
    const std::uint64_t version = kept == before.end() ? 0 : kept->second.version;
    if (version != write.expected) conflicts.push_back(write.name);
    if (version == 0 && !write.value.empty()) ++made;
    if (version != 0 && write.value.empty()) ++gone;
  }
  if (!conflicts.empty()) return RecordStore::Committed{false, std::move(conflicts)};
  if (made > gone && before.size() + made - gone > max_records_) {
    return too_many_records(max_records_);
  }

  Account& changed = accounts_[account];
  const std::uint64_t version = ++last_version_;
  for (const Write& write : writes) {
    if (write.value.empty()) {
      changed.records.erase(write.name);
    } else {
      changed.records[write.name] = {version, write.value};
    }
  }
  changed.written_at = now;
  if (changed.records.empty()) accounts_.erase(account);
  return RecordStore::Committed{};
}

Result<std::vector<RecordStore::AccountInfo>> MemoryRecords::accounts(std::size_t limit) {
  const std::scoped_lock lock(mutex_);
  std::vector<RecordStore::AccountInfo> all;
  all.reserve(accounts_.size());
  for (const auto& [name, account] : accounts_) {
    all.push_back({name, account.written_at, account.records.size()});
  }
  std::ranges::sort(all, {},
                    [](const auto& info) { return std::tuple(info.written_at, info.name); });
  all.resize(std::min(all.size(), limit));
  return all;
}

}  // namespace gatepost::store
