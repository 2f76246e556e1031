#include "proxy/store/quarantine_index.h"

#include <array>
#include <utility>

namespace gatepost::store {

namespace {

// Never changed, only added to: files that were made by them are out there.
constexpr std::array kMigrations = {
    // AUTOINCREMENT: a number is not given again when its row is gone.
    R"(CREATE TABLE quarantine (
         number INTEGER PRIMARY KEY AUTOINCREMENT,
         stored_at INTEGER NOT NULL,
         route TEXT NOT NULL,
         user TEXT NOT NULL,
         sender TEXT NOT NULL,
         subject TEXT NOT NULL,
         date TEXT NOT NULL,
         size INTEGER NOT NULL,
         stored_size INTEGER NOT NULL,
         digest TEXT NOT NULL,
         cause TEXT NOT NULL,
         threat TEXT NOT NULL,
         scanner TEXT NOT NULL,
         released_at INTEGER NOT NULL DEFAULT 0,
         delivered_at INTEGER NOT NULL DEFAULT 0,
         UNIQUE (route, user, digest)
       ) STRICT;
       CREATE INDEX quarantine_age ON quarantine (stored_at);
       CREATE INDEX quarantine_released ON quarantine (route, user)
         WHERE released_at > 0 AND delivered_at = 0;)",
};

constexpr const char* kGet = "SELECT * FROM quarantine WHERE number = ?";
constexpr const char* kFind =
    "SELECT * FROM quarantine WHERE route = ? AND user = ? AND digest = ?";
constexpr const char* kOldest =
    "SELECT * FROM quarantine WHERE number <> ? ORDER BY stored_at, number LIMIT 1";
constexpr const char* kList = "SELECT * FROM quarantine ORDER BY number";
constexpr const char* kReleased =
    "SELECT * FROM quarantine WHERE route = ? AND user = ? AND released_at > 0 AND "
    "delivered_at = 0 ORDER BY number LIMIT ?";

std::int64_t signed_of(std::uint64_t number) { return static_cast<std::int64_t>(number); }
std::uint64_t unsigned_of(std::int64_t number) { return static_cast<std::uint64_t>(number); }

/// In the order of the columns in kMigrations.
QuarantineRecord record_of(const Row& row) {
  QuarantineRecord record;
  record.number = unsigned_of(row.number(0));
  record.stored_at = row.number(1);
  record.route = row.text(2);
  record.user = row.text(3);
  record.from = row.text(4);
  record.subject = row.text(5);
  record.date = row.text(6);
  record.size = unsigned_of(row.number(7));
  record.stored_size = unsigned_of(row.number(8));
  record.digest = row.text(9);
  record.cause = row.text(10);
  record.threat = row.text(11);
  record.scanner = row.text(12);
  record.released_at = row.number(13);
  record.delivered_at = row.number(14);
  return record;
}

Result<std::vector<QuarantineRecord>> records(Database::Transaction& transaction, const char* sql,
                                              std::initializer_list<Value> values) {
  std::vector<QuarantineRecord> found;
  auto done =
      transaction.run(sql, values, [&found](const Row& row) { found.push_back(record_of(row)); });
  if (!done) return std::unexpected(done.error());
  return found;
}

Result<std::vector<QuarantineRecord>> read(Database& database, const char* sql,
                                           std::initializer_list<Value> values) {
  auto transaction = database.begin(Database::Mode::read);
  if (!transaction) return std::unexpected(transaction.error());
  return records(*transaction, sql, values);
}

Result<std::optional<QuarantineRecord>> first_of(Result<std::vector<QuarantineRecord>> found) {
  if (!found) return std::unexpected(found.error());
  if (found->empty()) return std::nullopt;
  return std::move(found->front());
}

/// Whether there was a row to change.
Result<bool> change_row(Database::Transaction& transaction, const char* sql,
                        std::initializer_list<Value> values) {
  auto done = transaction.run(sql, values);
  if (!done) return std::unexpected(done.error());
  return transaction.changes() > 0;
}

}  // namespace

QuarantineIndex::QuarantineIndex(std::unique_ptr<Database> database)
    : database_(std::move(database)) {}

Result<std::unique_ptr<QuarantineIndex>> QuarantineIndex::open(const std::string& path) {
  auto database = Database::open(path, kMigrations);
  if (!database) return std::unexpected(database.error());
  return std::make_unique<QuarantineIndex>(*std::move(database));
}

Result<QuarantineIndex::Change> QuarantineIndex::change() {
  auto transaction = database_->begin(Database::Mode::write);
  if (!transaction) return std::unexpected(transaction.error());
  return Change(*std::move(transaction));
}

Result<std::optional<QuarantineRecord>> QuarantineIndex::find(const QuarantineRecord& like) {
  return first_of(read(*database_, kFind, {like.route, like.user, like.digest}));
}

Result<std::optional<QuarantineRecord>> QuarantineIndex::get(std::uint64_t number) {
  return first_of(read(*database_, kGet, {signed_of(number)}));
}

Result<std::vector<QuarantineRecord>> QuarantineIndex::list() {
  return read(*database_, kList, {});
}

Result<std::vector<QuarantineRecord>> QuarantineIndex::released(std::string_view route,
                                                                std::string_view user,
                                                                std::size_t limit) {
  return read(*database_, kReleased, {route, user, signed_of(limit)});
}

Result<std::uint64_t> QuarantineIndex::Change::add(const QuarantineRecord& record) {
  auto done = transaction_.run(
      "INSERT INTO quarantine (stored_at, route, user, sender, subject, date, size, stored_size, "
      "digest, cause, threat, scanner) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {record.stored_at, record.route, record.user, record.from, record.subject, record.date,
       signed_of(record.size), signed_of(record.stored_size), record.digest, record.cause,
       record.threat, record.scanner});
  if (!done) return std::unexpected(done.error());
  return unsigned_of(transaction_.last_id());
}

Result<bool> QuarantineIndex::Change::remove(std::uint64_t number) {
  return change_row(transaction_, "DELETE FROM quarantine WHERE number = ?", {signed_of(number)});
}

Result<void> QuarantineIndex::Change::skip_numbers(std::uint64_t up_to) {
  auto done = transaction_.run(
      "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'quarantine'", {signed_of(up_to)});
  if (!done || transaction_.changes() > 0) return done;
  return transaction_.run("INSERT INTO sqlite_sequence (name, seq) VALUES ('quarantine', ?)",
                          {signed_of(up_to)});
}

Result<std::optional<QuarantineRecord>> QuarantineIndex::Change::find(
    const QuarantineRecord& like) {
  return first_of(records(transaction_, kFind, {like.route, like.user, like.digest}));
}

Result<std::optional<QuarantineRecord>> QuarantineIndex::Change::oldest(std::uint64_t except) {
  return first_of(records(transaction_, kOldest, {signed_of(except)}));
}

Result<std::uint64_t> QuarantineIndex::Change::stored_size() {
  std::uint64_t sum = 0;
  auto done = transaction_.run("SELECT sum(stored_size) FROM quarantine", {},
                               [&sum](const Row& row) { sum = unsigned_of(row.number(0)); });
  if (!done) return std::unexpected(done.error());
  return sum;
}

Result<bool> QuarantineIndex::Change::set_released(std::uint64_t number, std::int64_t when) {
  return change_row(transaction_,
                    "UPDATE quarantine SET released_at = ?, delivered_at = 0 WHERE number = ?",
                    {when, signed_of(number)});
}

Result<bool> QuarantineIndex::Change::set_delivered(std::uint64_t number, std::int64_t when) {
  return change_row(transaction_, "UPDATE quarantine SET delivered_at = ? WHERE number = ?",
                    {when, signed_of(number)});
}

Result<void> QuarantineIndex::Change::set_stored_size(std::uint64_t number, std::uint64_t octets) {
  return transaction_.run("UPDATE quarantine SET stored_size = ? WHERE number = ?",
                          {signed_of(octets), signed_of(number)});
}

Result<std::vector<std::uint64_t>> QuarantineIndex::Change::numbers() {
  std::vector<std::uint64_t> numbers;
  auto done = transaction_.run(
      "SELECT number FROM quarantine ORDER BY number", {},
      [&numbers](const Row& row) { numbers.push_back(unsigned_of(row.number(0))); });
  if (!done) return std::unexpected(done.error());
  return numbers;
}

}  // namespace gatepost::store
