#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/base/background.h"
#include "proxy/store/record_store.h"

namespace gatepost::store {

/// What a RecordStore does, for those who have no loop: one object for all workers. Thread-safe,
/// blocks; the promises and the errors are those of RecordStore.
class RecordTable {
 public:
  RecordTable() = default;
  virtual ~RecordTable() = default;
  RecordTable(const RecordTable&) = delete;
  RecordTable& operator=(const RecordTable&) = delete;

  [[nodiscard]] virtual Result<std::vector<Entry>> load(const HashedName& account) = 0;
  [[nodiscard]] virtual Result<RecordStore::Committed> commit(const HashedName& account,
                                                              const std::vector<Write>& writes,
                                                              std::int64_t now) = 0;
  [[nodiscard]] virtual Result<std::vector<RecordStore::AccountInfo>> accounts(
      std::size_t limit) = 0;
  [[nodiscard]] virtual Result<void> check() = 0;
};

/// A table as the store of one worker: it is asked in another thread.
class TableRecords final : public RecordStore {
 public:
  /// `background` outlives it.
  TableRecords(std::shared_ptr<RecordTable> table, Background& background)
      : table_(std::move(table)), background_(background) {}

  [[nodiscard]] Ticket load(const HashedName& account, Loaded done) override;
  [[nodiscard]] Ticket commit(const HashedName& account, std::vector<Write> writes,
                              std::int64_t now, Done done) override;
  [[nodiscard]] Ticket accounts(std::size_t limit, Accounts done) override;
  [[nodiscard]] Ticket check(Checked done) override;

 private:
  std::shared_ptr<RecordTable> table_;
  Background& background_;
};

/// Fails with `limit` for a value that is too long.
[[nodiscard]] Result<void> check_writes(const std::vector<Write>& writes);
[[nodiscard]] std::unexpected<Error> too_many_records(std::size_t most);

}  // namespace gatepost::store
