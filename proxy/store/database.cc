#include "proxy/store/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace gatepost::store {

namespace {

struct CloseConnection {
  void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
};
struct FinishStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Connection = std::unique_ptr<sqlite3, CloseConnection>;
using Statement = std::unique_ptr<sqlite3_stmt, FinishStatement>;

class StatementRow final : public Row {
 public:
  explicit StatementRow(sqlite3_stmt* statement) : statement_(statement) {}
  [[nodiscard]] std::int64_t number(int column) const override {
    return sqlite3_column_int64(statement_, column);
  }
  [[nodiscard]] std::string text(int column) const override {
    const unsigned char* text = sqlite3_column_text(statement_, column);
    if (text == nullptr) return {};
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return {reinterpret_cast<const char*>(text), size};
  }

 private:
  sqlite3_stmt* statement_;
};

/// As root SQLite gives new files to the owner of the database, even where that changes nothing:
/// the filter of system calls does not like it.
int change_owner_if_other(int file, uid_t owner, gid_t group) {
  struct stat facts{};
  if (::fstat(file, &facts) == 0 && facts.st_uid == owner && facts.st_gid == group) return 0;
  return ::fchown(file, owner, group);
}

void prepare_library() {
  static std::once_flag once;
  std::call_once(once, [] {
    sqlite3_initialize();
    sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr);
    if (vfs != nullptr && vfs->iVersion >= 3 && vfs->xSetSystemCall != nullptr) {
      vfs->xSetSystemCall(vfs, "fchown",
                          reinterpret_cast<sqlite3_syscall_ptr>(&change_owner_if_other));
    }
  });
}

/// Before SQLite makes it with the rights of the umask; its helpers get the rights of the file. An
/// existing one is not opened: closing it would drop the locks that this process has on it.
Result<void> make_private(const std::string& path) {
  const int file =
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
  if (file >= 0) {
    ::close(file);
    return {};
  }
  if (errno != EEXIST) return system_failure(path, errno);
  struct stat facts{};
  if (::lstat(path.c_str(), &facts) != 0) return system_failure(path, errno);
  if (!S_ISREG(facts.st_mode)) {
    return fail(ErrorCode::system, fmt::format("{}: not a regular file", path));
  }
  const bool open_to_others = (facts.st_mode & (S_IRWXG | S_IRWXO)) != 0;
  if (open_to_others && ::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0)
    return system_failure(path, errno);
  return {};
}

}  // namespace

struct Database::State {
  std::string path;
  Connection connection;
  std::mutex mutex;
  std::map<const char*, Statement> statements;  // by the literal's address

  [[nodiscard]] std::unexpected<Error> problem() const {
    const int code = sqlite3_errcode(connection.get());
    const bool wrong_file = (code & 0xff) == SQLITE_NOTADB;
    return fail(wrong_file ? ErrorCode::config : ErrorCode::system,
                fmt::format("{}: {}", path, sqlite3_errmsg(connection.get())));
  }

  [[nodiscard]] Result<void> script(const char* sql) const {
    if (sqlite3_exec(connection.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
      return problem();
    }
    return {};
  }

  Result<sqlite3_stmt*> prepared(const char* sql) {
    Statement& kept = statements[sql];
    if (!kept) {
      sqlite3_stmt* made = nullptr;
      const int status =
          sqlite3_prepare_v3(connection.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr);
      kept.reset(made);
      if (status != SQLITE_OK) return problem();
    }
    return kept.get();
  }

  Result<void> run(const char* sql, std::initializer_list<Value> values,
                   const std::function<void(const Row&)>& each);
  Result<std::int64_t> pragma_number(const char* sql);
  Result<void> configure();
  Result<void> check();
  Result<void> migrate(std::span<const char* const> migrations);
};

namespace {

int bind(sqlite3_stmt* statement, int index, const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    return sqlite3_bind_int64(statement, index, *number);
  }
  const auto* blob = std::get_if<Blob>(&value);
  const std::string_view text = blob != nullptr ? blob->octets : std::get<std::string_view>(value);
  const char* const begin = text.data() == nullptr ? "" : text.data();  // null would be NULL
  if (blob != nullptr) {
    return sqlite3_bind_blob64(statement, index, begin, text.size(), SQLITE_TRANSIENT);
  }
  return sqlite3_bind_text64(statement, index, begin, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

}  // namespace

Result<void> Database::State::run(const char* sql, std::initializer_list<Value> values,
                                  const std::function<void(const Row&)>& each) {
  auto statement = prepared(sql);
  if (!statement) return std::unexpected(statement.error());
  int index = 1;
  int status = SQLITE_OK;
  for (const Value& value : values) {
    status = bind(*statement, index, value);
    if (status != SQLITE_OK) break;
    ++index;
  }
  Result<void> result;
  if (status == SQLITE_OK) {
    while ((status = sqlite3_step(*statement)) == SQLITE_ROW) {
      if (each) each(StatementRow(*statement));
    }
  }
  if (status != SQLITE_DONE) result = problem();
  sqlite3_reset(*statement);
  sqlite3_clear_bindings(*statement);
  return result;
}

Result<std::int64_t> Database::State::pragma_number(const char* sql) {
  std::int64_t value = 0;
  auto done = run(sql, {}, [&value](const Row& row) { value = row.number(0); });
  if (!done) return std::unexpected(done.error());
  return value;
}

Result<void> Database::State::configure() {
  sqlite3* const raw = connection.get();
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, kBusyMilliseconds);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  std::string mode;
  Result<void> done;
  // Several that open a new file at once: SQLite does not wait here by itself.
  constexpr int kPause = 20;
  for (int waited = 0; waited <= kBusyMilliseconds; waited += kPause) {
    done = run("PRAGMA journal_mode = WAL", {}, [&mode](const Row& row) { mode = row.text(0); });
    if (done || (sqlite3_errcode(raw) & 0xff) != SQLITE_BUSY) break;
    sqlite3_sleep(kPause);
  }
  if (!done) return done;
  if (mode != "wal") {
    return fail(ErrorCode::system,
                fmt::format("{}: this file system has no shared memory for WAL", path));
  }
  // What is deleted is overwritten: it tells who gets mail from whom.
  return script(
      "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON;"
      "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -1024;");
}

Result<void> Database::State::check() {
  std::string verdict;
  auto done =
      run("PRAGMA quick_check(1)", {}, [&verdict](const Row& row) { verdict = row.text(0); });
  if (done && verdict == "ok") return {};
  return fail(ErrorCode::system,
              fmt::format("{} is damaged: {}", path, done ? verdict : done.error().detail));
}

Result<void> Database::State::migrate(std::span<const char* const> migrations) {
  if (auto begun = script("BEGIN IMMEDIATE"); !begun) return begun;
  const auto undo = [this](std::unexpected<Error> error) -> Result<void> {
    sqlite3_exec(connection.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    return error;
  };
  const auto version = pragma_number("PRAGMA user_version");
  if (!version) return undo(std::unexpected(version.error()));
  if (*version < 0 || *version > std::ssize(migrations)) {
    return undo(fail(ErrorCode::config,
                     fmt::format("{}: version {}, of a newer Gatepost", path, *version)));
  }
  for (const char* migration : migrations.subspan(static_cast<std::size_t>(*version))) {
    if (auto done = script(migration); !done) return undo(std::unexpected(done.error()));
  }
  const std::string set = fmt::format("PRAGMA user_version = {}", migrations.size());
  if (*version != std::ssize(migrations)) {
    if (auto done = script(set.c_str()); !done) return undo(std::unexpected(done.error()));
  }
  if (auto done = script("COMMIT"); !done) return undo(std::unexpected(done.error()));
  return {};
}

Database::Database(std::unique_ptr<State> state) : state_(std::move(state)) {}
Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::open(const std::string& path,
                                                 std::span<const char* const> migrations) {
  prepare_library();
  if (auto made = make_private(path); !made) return std::unexpected(made.error());
  auto state = std::make_unique<State>();
  state->path = path;
  sqlite3* raw = nullptr;
  const int status =
      sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  state->connection.reset(raw);
  if (raw == nullptr) return fail(ErrorCode::system, fmt::format("{}: no memory", path));
  if (status != SQLITE_OK) return state->problem();
  for (const auto step : {&State::configure, &State::check}) {
    if (auto done = (*state.*step)(); !done) return std::unexpected(done.error());
  }
  if (auto done = state->migrate(migrations); !done) return std::unexpected(done.error());
  return std::unique_ptr<Database>(new Database(std::move(state)));
}

struct Database::Transaction::Lock {
  State& state;
  std::unique_lock<std::mutex> mutex;
  bool open = true;

  explicit Lock(State& owner) : state(owner), mutex(owner.mutex) {}
  ~Lock() { static_cast<void>(close("ROLLBACK")); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  /// Whatever happens, no transaction is left behind.
  Result<void> close(const char* sql) {
    if (!std::exchange(open, false)) return {};
    auto done = state.script(sql);
    if (!done && sqlite3_get_autocommit(state.connection.get()) == 0) {
      sqlite3_exec(state.connection.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    }
    return done;
  }
};

Database::Transaction::Transaction(std::unique_ptr<Lock> lock) : lock_(std::move(lock)) {}
Database::Transaction::~Transaction() = default;
Database::Transaction::Transaction(Transaction&&) noexcept = default;

Result<Database::Transaction> Database::begin(Mode mode) {
  auto lock = std::make_unique<Transaction::Lock>(*state_);
  auto begun = state_->script(mode == Mode::write ? "BEGIN IMMEDIATE" : "BEGIN");
  if (!begun) {
    lock->open = false;
    return std::unexpected(begun.error());
  }
  return Transaction(std::move(lock));
}

Result<void> Database::Transaction::run(const char* sql, std::initializer_list<Value> values,
                                        const std::function<void(const Row&)>& each) {
  return lock_->state.run(sql, values, each);
}

std::int64_t Database::Transaction::last_id() const {
  return sqlite3_last_insert_rowid(lock_->state.connection.get());
}

std::int64_t Database::Transaction::changes() const {
  return sqlite3_changes64(lock_->state.connection.get());
}

Result<void> Database::Transaction::commit() { return lock_->close("COMMIT"); }

}  // namespace gatepost::store
