#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/store/database.h"

namespace gatepost::store {

/// What is known of a message in quarantine.
struct QuarantineRecord {
  std::uint64_t number = 0;    ///< given by the quarantine, from 1, never used twice
  std::int64_t stored_at = 0;  ///< seconds since 1970, UTC
  std::string user;            ///< whose mailbox, as the client named itself
  std::string route;
  std::string from, subject, date;  ///< of the message's header, decoded, printable UTF-8, cut
  std::uint64_t size = 0;           ///< octets of the original
  std::uint64_t stored_size = 0;    ///< octets of its file
  std::string digest;               ///< SHA-256 of the original, hexadecimal
  std::string cause, threat, scanner;
  std::int64_t released_at = 0;   ///< 0: not released
  std::int64_t delivered_at = 0;  ///< 0: not fetched and deleted by its user since it was released
};

/// The table of the quarantine: which messages there are, not the messages. Every change is one
/// transaction. Thread-safe, blocks.
class QuarantineIndex {
 public:
  explicit QuarantineIndex(std::unique_ptr<Database> database);
  [[nodiscard]] static Result<std::unique_ptr<QuarantineIndex>> open(const std::string& path);

  /// What is changed together; undone without commit().
  class Change {
   public:
    explicit Change(Database::Transaction transaction) : transaction_(std::move(transaction)) {}

    /// Adds a row and gives it a number that was never used.
    [[nodiscard]] Result<std::uint64_t> add(const QuarantineRecord& record);
    /// False: there is no such row.
    [[nodiscard]] Result<bool> remove(std::uint64_t number);
    /// No number up to this one will be given any more.
    [[nodiscard]] Result<void> skip_numbers(std::uint64_t up_to);
    [[nodiscard]] Result<std::optional<QuarantineRecord>> find(const QuarantineRecord& like);
    /// The oldest row, but for the row `except`.
    [[nodiscard]] Result<std::optional<QuarantineRecord>> oldest(std::uint64_t except);
    /// Octets of all files.
    [[nodiscard]] Result<std::uint64_t> stored_size();
    [[nodiscard]] Result<bool> set_released(std::uint64_t number, std::int64_t when);
    [[nodiscard]] Result<bool> set_delivered(std::uint64_t number, std::int64_t when);
    [[nodiscard]] Result<void> set_stored_size(std::uint64_t number, std::uint64_t octets);
    [[nodiscard]] Result<std::vector<std::uint64_t>> numbers();
    [[nodiscard]] Result<void> commit() { return transaction_.commit(); }

   private:
    Database::Transaction transaction_;
  };
  [[nodiscard]] Result<Change> change();

  /// Of this route, user and digest.
  [[nodiscard]] Result<std::optional<QuarantineRecord>> find(const QuarantineRecord& like);
  [[nodiscard]] Result<std::optional<QuarantineRecord>> get(std::uint64_t number);
  /// All, by number.
  [[nodiscard]] Result<std::vector<QuarantineRecord>> list();
  /// Released to this user of this route, and not delivered yet, by number; the first `limit`.
  [[nodiscard]] Result<std::vector<QuarantineRecord>> released(std::string_view route,
                                                               std::string_view user,
                                                               std::size_t limit);

 private:
  std::unique_ptr<Database> database_;
};

}  // namespace gatepost::store
