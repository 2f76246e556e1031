#pragma once

#include <map>
#include <mutex>

#include "proxy/store/record_table.h"

namespace gatepost::store {

/// Records that are gone with the process: for tests, and for those who want no file.
class MemoryRecords final : public RecordTable {
 public:
  explicit MemoryRecords(std::size_t max_records = RecordStore::kMaxRecords)
      : max_records_(max_records) {}

  [[nodiscard]] Result<std::vector<Entry>> load(const HashedName& account) override;
  [[nodiscard]] Result<RecordStore::Committed> commit(const HashedName& account,
                                                      const std::vector<Write>& writes,
                                                      std::int64_t now) override;
  [[nodiscard]] Result<std::vector<RecordStore::AccountInfo>> accounts(std::size_t limit) override;
  [[nodiscard]] Result<void> check() override { return {}; }

 private:
  struct Record {
    std::uint64_t version = 0;
    std::string value;
  };
  struct Account {
    std::int64_t written_at = 0;
    std::map<HashedName, Record> records;
  };

  const std::size_t max_records_;
  std::mutex mutex_;
  std::uint64_t last_version_ = 0;
  std::map<HashedName, Account> accounts_;  // only those that have records
};

}  // namespace gatepost::store
