#include "proxy/store/sqlite_records.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace gatepost::store {

namespace {

// Never changed, only added to: files that were made by them are out there.
constexpr std::array kMigrations = {
    // WITHOUT ROWID: the records of an account lie beside each other. `counter` has one row, the
    // last version that was given to a record: none is given twice, whatever is erased between.
    R"(CREATE TABLE records (
         account BLOB NOT NULL,
         name BLOB NOT NULL,
         version INTEGER NOT NULL,
         value BLOB NOT NULL,
         PRIMARY KEY (account, name)
       ) STRICT, WITHOUT ROWID;
       CREATE TABLE accounts (
         account BLOB NOT NULL PRIMARY KEY,
         written_at INTEGER NOT NULL,
         records INTEGER NOT NULL
       ) STRICT, WITHOUT ROWID;
       CREATE INDEX accounts_age ON accounts (written_at, account, records);
       CREATE TABLE counter (version INTEGER NOT NULL) STRICT;
       INSERT INTO counter (version) VALUES (0);)",
};

constexpr const char* kLoad =
    "SELECT name, version, value FROM records WHERE account = ? ORDER BY name LIMIT ?";
constexpr const char* kFind = "SELECT version FROM records WHERE account = ? AND name = ?";
constexpr const char* kMake =
    "INSERT INTO records (account, name, version, value) VALUES (?, ?, ?, ?) "
    "ON CONFLICT DO NOTHING";
constexpr const char* kChange =
    "UPDATE records SET version = ?, value = ? WHERE account = ? AND name = ? AND version = ?";
constexpr const char* kErase = "DELETE FROM records WHERE account = ? AND name = ? AND version = ?";
constexpr const char* kCount = "UPDATE counter SET version = version + 1 RETURNING version";
constexpr const char* kLook = "SELECT version FROM counter";
constexpr const char* kRecordsOf = "SELECT records FROM accounts WHERE account = ?";
constexpr const char* kSetAccount =
    "INSERT INTO accounts (account, written_at, records) VALUES (?, ?, ?) "
    "ON CONFLICT DO UPDATE SET written_at = excluded.written_at, records = excluded.records";
constexpr const char* kEraseAccount = "DELETE FROM accounts WHERE account = ?";
constexpr const char* kAccounts =
    "SELECT account, written_at, records FROM accounts ORDER BY written_at, account LIMIT ?";

Blob blob(const HashedName& name) {
  return {{reinterpret_cast<const char*>(name.octets.data()), name.octets.size()}};
}

std::int64_t signed_of(std::uint64_t number) { return static_cast<std::int64_t>(number); }
std::uint64_t unsigned_of(std::int64_t number) { return static_cast<std::uint64_t>(number); }

/// For LIMIT: where "one more" must not wrap.
std::int64_t row_limit(std::size_t limit) {
  constexpr auto kMost = static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max());
  return static_cast<std::int64_t>(std::min(limit, kMost));
}

/// False: these are not the octets of a name.
bool read_name(const std::string& octets, HashedName& name) {
  if (octets.size() != name.octets.size()) return false;
  std::ranges::copy(octets, name.octets.begin());
  return true;
}

std::unexpected<Error> not_understood(const char* table) {
  return fail(ErrorCode::protocol, fmt::format("a row of {} is not understood", table));
}

/// The one number that a statement answers with, 0 for no row.
Result<std::int64_t> number(Database::Transaction& transaction, const char* sql,
                            std::initializer_list<Value> values = {}) {
  std::int64_t found = 0;
  auto done = transaction.run(sql, values, [&found](const Row& row) { found = row.number(0); });
  if (!done) return std::unexpected(done.error());
  return found;
}

/// One commit under way: all its statements belong to one transaction.
class Change {
 public:
  Change(Database::Transaction& transaction, const HashedName& account)
      : transaction_(transaction), account_(blob(account)) {}

  Result<void> begin() {
    const auto given = number(transaction_, kCount);
    if (!given) return std::unexpected(given.error());
    version_ = *given;
    return {};
  }

  /// Carries it out; false: the record has another version.
  Result<bool> apply(const Write& write) {
    const Blob name = blob(write.name);
    const std::int64_t expected = signed_of(write.expected);
    if (write.value.empty() && expected == 0) {
      const auto version = number(transaction_, kFind, {account_, name});
      if (!version) return std::unexpected(version.error());
      return *version == 0;
    }
    Result<void> done;
    if (write.value.empty()) {
      done = transaction_.run(kErase, {account_, name, expected});
    } else if (expected == 0) {
      done = transaction_.run(kMake, {account_, name, version_, Blob{write.value}});
    } else {
      done = transaction_.run(kChange, {version_, Blob{write.value}, account_, name, expected});
    }
    if (!done) return std::unexpected(done.error());
    const bool changed = transaction_.changes() > 0;
    if (changed && write.value.empty()) --growth_;
    if (changed && !write.value.empty() && expected == 0) ++growth_;
    return changed;
  }

  /// Brings the row of the account up to date.
  Result<void> note_account(std::int64_t now, std::size_t max_records) {
    const auto before = number(transaction_, kRecordsOf, {account_});
    if (!before) return std::unexpected(before.error());
    const std::int64_t records = *before + growth_;
    if (growth_ > 0 && unsigned_of(records) > max_records) return too_many_records(max_records);
    if (records <= 0) return transaction_.run(kEraseAccount, {account_});
    return transaction_.run(kSetAccount, {account_, now, records});
  }

 private:
  Database::Transaction& transaction_;
  const Blob account_;
  std::int64_t version_ = 0;  // of what this commit writes
  std::int64_t growth_ = 0;   // records
};

}  // namespace

Result<std::shared_ptr<SqliteRecords>> SqliteRecords::open(const std::string& path,
                                                           std::size_t max_records) {
  auto database = Database::open(path, kMigrations);
  if (!database) return std::unexpected(database.error());
  return std::make_shared<SqliteRecords>(*std::move(database), max_records);
}

Result<std::vector<Entry>> SqliteRecords::load(const HashedName& account) {
  auto transaction = database_->begin(Database::Mode::read);
  if (!transaction) return std::unexpected(transaction.error());
  std::vector<Entry> entries;
  bool understood = true;
  auto done =
      transaction->run(kLoad, {blob(account), row_limit(max_records_) + 1}, [&](const Row& row) {
        Entry entry;
        understood = read_name(row.text(0), entry.name) && understood;
        entry.version = unsigned_of(row.number(1));
        entry.value = row.text(2);
        entries.push_back(std::move(entry));
      });
  if (!done) return std::unexpected(done.error());
  if (!understood) return not_understood("records");
  if (entries.size() > max_records_) return too_many_records(max_records_);
  return entries;
}

Result<RecordStore::Committed> SqliteRecords::commit(const HashedName& account,
                                                     const std::vector<Write>& writes,
                                                     std::int64_t now) {
  if (auto checked = check_writes(writes); !checked) return std::unexpected(checked.error());
  auto transaction = database_->begin(Database::Mode::write);
  if (!transaction) return std::unexpected(transaction.error());
  Change change(*transaction, account);
  if (auto begun = change.begin(); !begun) return std::unexpected(begun.error());
  RecordStore::Committed outcome;
  for (const Write& write : writes) {
    const auto applied = change.apply(write);
    if (!applied) return std::unexpected(applied.error());
    if (!*applied) outcome.conflicts.push_back(write.name);
  }
  outcome.written = outcome.conflicts.empty();
  if (!outcome.written) return outcome;  // the transaction is undone
  if (auto noted = change.note_account(now, max_records_); !noted) {
    return std::unexpected(noted.error());
  }
  if (auto kept = transaction->commit(); !kept) return std::unexpected(kept.error());
  return outcome;
}

Result<std::vector<RecordStore::AccountInfo>> SqliteRecords::accounts(std::size_t limit) {
  auto transaction = database_->begin(Database::Mode::read);
  if (!transaction) return std::unexpected(transaction.error());
  std::vector<RecordStore::AccountInfo> found;
  bool understood = true;
  auto done = transaction->run(kAccounts, {row_limit(limit)}, [&](const Row& row) {
    RecordStore::AccountInfo info;
    understood = read_name(row.text(0), info.name) && understood;
    info.written_at = row.number(1);
    info.records = unsigned_of(row.number(2));
    found.push_back(info);
  });
  if (!done) return std::unexpected(done.error());
  if (!understood) return not_understood("accounts");
  return found;
}

Result<void> SqliteRecords::check() {
  auto transaction = database_->begin(Database::Mode::read);
  if (!transaction) return std::unexpected(transaction.error());
  return transaction->run(kLook);
}

}  // namespace gatepost::store
