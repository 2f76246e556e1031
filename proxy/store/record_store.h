#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/base/ticket.h"

namespace gatepost::store {

/// A keyed hash (HMAC-SHA-256, cut to 128 bits) of a name: who reads the store learns no names.
struct HashedName {
  std::array<std::uint8_t, 16> octets{};
  auto operator<=>(const HashedName&) const = default;
};

/// One record of an account.
struct Entry {
  HashedName name;            ///< the message
  std::uint64_t version = 0;  ///< of this record: every write makes it another
  std::string value;          ///< never empty; what it means is the writer's
};

/// What is to be written.
struct Write {
  HashedName name;
  /// The version that the writer read; 0: there was no record. If it is another by now, nothing of
  /// the commit is written.
  std::uint64_t expected = 0;
  std::string value;  ///< empty: the record goes
};

/// Small records by account and name, for what must outlive a session. One object a worker, on its
/// loop; several processes may use the same store at once.
///
/// Callbacks come from the loop, never from inside the call, and not at all once the ticket is
/// gone. A commit whose ticket is gone may be written or not, but never in part.
/// Errors: `system`, `closed`, `timeout`: the store cannot be had; `limit`: too much; `protocol`:
/// what it holds or says is not understood.
class RecordStore {
 public:
  /// Octets of a value.
  static constexpr std::size_t kMaxValue = 2'048;
  /// Records of an account. Beyond it load() fails with `limit`.
  static constexpr std::size_t kMaxRecords = 500'000;

  RecordStore() = default;
  virtual ~RecordStore() = default;
  RecordStore(const RecordStore&) = delete;
  RecordStore& operator=(const RecordStore&) = delete;

  using Loaded = std::move_only_function<void(Result<std::vector<Entry>>)>;
  /// All records of the account, by name.
  [[nodiscard]] virtual Ticket load(const HashedName& account, Loaded done) = 0;

  struct Committed {
    bool written = true;
    std::vector<HashedName> conflicts;  ///< unless written: records that have another version
  };
  using Done = std::move_only_function<void(Result<Committed>)>;
  /// All of it, or nothing; one transaction. Durable when `done` hears of it. `now`: seconds since
  /// 1970, kept with the account (see accounts()). No name twice.
  [[nodiscard]] virtual Ticket commit(const HashedName& account, std::vector<Write> writes,
                                      std::int64_t now, Done done) = 0;

  /// An account that has records.
  struct AccountInfo {
    HashedName name;
    std::int64_t written_at = 0;  ///< of the last commit
    std::uint64_t records = 0;
  };
  using Accounts = std::move_only_function<void(Result<std::vector<AccountInfo>>)>;
  /// At most `limit` of them, those that were not written for the longest time first.
  [[nodiscard]] virtual Ticket accounts(std::size_t limit, Accounts done) = 0;

  /// Whether it can be used now: a round trip, or a look at the file.
  using Checked = std::move_only_function<void(Result<void>)>;
  [[nodiscard]] virtual Ticket check(Checked done) = 0;
};

}  // namespace gatepost::store
