#pragma once

#include <memory>
#include <string>

#include "proxy/store/database.h"
#include "proxy/store/record_table.h"

namespace gatepost::store {

/// Records in an SQLite file, which several processes may have open.
class SqliteRecords final : public RecordTable {
 public:
  SqliteRecords(std::unique_ptr<Database> database, std::size_t max_records)
      : database_(std::move(database)), max_records_(max_records) {}
  /// As Database::open().
  [[nodiscard]] static Result<std::shared_ptr<SqliteRecords>> open(
      const std::string& path, std::size_t max_records = RecordStore::kMaxRecords);

  /// One search, and then one record behind the other: they lie in the file by account and name.
  [[nodiscard]] Result<std::vector<Entry>> load(const HashedName& account) override;
  [[nodiscard]] Result<RecordStore::Committed> commit(const HashedName& account,
                                                      const std::vector<Write>& writes,
                                                      std::int64_t now) override;
  [[nodiscard]] Result<std::vector<RecordStore::AccountInfo>> accounts(std::size_t limit) override;
  [[nodiscard]] Result<void> check() override;

 private:
  std::unique_ptr<Database> database_;
  const std::size_t max_records_;
};

}  // namespace gatepost::store
