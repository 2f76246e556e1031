#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "proxy/base/error.h"

namespace gatepost::store {

/// Octets that are no text.
struct Blob {
  std::string_view octets;
};

/// A value for a "?" of a statement.
using Value = std::variant<std::int64_t, std::string_view, Blob>;

/// A row of a result, only during the call that it is given to. Columns count from 0.
class Row {
 public:
  virtual ~Row() = default;
  [[nodiscard]] virtual std::int64_t number(int column) const = 0;  ///< 0 for NULL
  [[nodiscard]] virtual std::string text(int column) const = 0;     ///< "" for NULL
};

/// One SQLite file (WAL, every commit is on the disk), for what must outlive a session. Used by
/// several threads, one after the other, and by several processes at once. Blocks.
class Database {
 public:
  /// How long a statement waits for another process.
  static constexpr int kBusyMilliseconds = 5'000;

  /// Opens the file or makes it (0600), looks whether it is whole, and brings it up to date:
  /// `migrations` are scripts, of which the n-th leads to version n; what is there must never be
  /// changed, only added to. The folder must exist. Fails with `config` if the file is of a newer
  /// version or is no database, else with `system`.
  [[nodiscard]] static Result<std::unique_ptr<Database>> open(
      const std::string& path, std::span<const char* const> migrations);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// A transaction; other threads wait until it is gone. Undone when it is destroyed without
  /// commit(). Must not outlive the database.
  class Transaction {
   public:
    ~Transaction();
    Transaction(Transaction&& other) noexcept;
    Transaction& operator=(Transaction&&) = delete;

    /// Runs one statement; `sql` is a literal (statements are kept prepared by their text). Calls
    /// `each` for each row, which must not use the transaction.
    [[nodiscard]] Result<void> run(const char* sql, std::initializer_list<Value> values = {},
                                   const std::function<void(const Row&)>& each = {});
    /// Of the last INSERT.
    [[nodiscard]] std::int64_t last_id() const;
    /// Rows that the last statement changed.
    [[nodiscard]] std::int64_t changes() const;
    /// On the disk when it comes back without an error; undone with one.
    [[nodiscard]] Result<void> commit();

   private:
    friend class Database;
    struct Lock;
    explicit Transaction(std::unique_ptr<Lock> lock);
    std::unique_ptr<Lock> lock_;
  };

  enum class Mode : std::uint8_t {
    read,   ///< sees one state, keeps nobody waiting
    write,  ///< alone: no other process writes meanwhile
  };
  [[nodiscard]] Result<Transaction> begin(Mode mode);

 private:
  struct State;
  explicit Database(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gatepost::store
