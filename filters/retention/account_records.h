#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/retention/names.h"
#include "filters/retention/policy.h"
#include "filters/retention/record.h"
#include "proxy/mailbox/inventory.h"
#include "proxy/store/record_store.h"

/// The parts of an AccountBook that know nothing of time and of the loop: they run in the
/// background.
namespace gatepost::filters {

/// A copy of the UIDLs of an inventory, which may be gone while work goes on in the background.
struct UidlTexts {
  explicit UidlTexts(const mailbox::Inventory& inventory);
  std::string all;
  std::vector<std::uint8_t> sizes;
  static_assert(mailbox::Inventory::kMaxUidl <= std::numeric_limits<std::uint8_t>::max());
};

/// The hashed names of the messages of an inventory. 20 octets a message.
class MessageKeys {
 public:
  MessageKeys() = default;
  MessageKeys(const NameHasher& names, const HashedName& account, const UidlTexts& uidls);

  [[nodiscard]] std::size_t count() const { return keys_.size(); }
  [[nodiscard]] const HashedName& operator[](std::size_t index) const { return keys_[index]; }
  /// Indexes by name; of those of one name, the first first.
  [[nodiscard]] const std::vector<std::uint32_t>& by_name() const { return order_; }
  /// Whether another message has the same name. Of such nobody knows which one a record is about.
  [[nodiscard]] bool ambiguous(std::size_t index) const;

 private:
  std::vector<HashedName> keys_;
  std::vector<std::uint32_t> order_;  // by name
};

/// What stays as it is while a book is open.
struct BookView {
  std::shared_ptr<const RetentionPolicy> policy;
  HashedName account;
  std::optional<std::uint64_t> device;  ///< device_word(); null: nothing tells it apart
  MessageKeys keys;
};

/// The records of an account, each with the message it is about; what changes of them.
class AccountRecords {
 public:
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  struct Row {
    HashedName name;
    std::uint64_t version = 0;
    Record record;
    std::uint32_t index = kNone;  ///< in the inventory
    bool readable = true;
    bool changed = false;
    bool erased = false;
  };

  AccountRecords(const MessageKeys& keys, std::vector<store::Entry> entries);
  [[nodiscard]] std::vector<Row>& rows() { return rows_; }
  /// Of a message; null where there is none yet. Valid until at_or_new() is called.
  [[nodiscard]] Row* at(std::size_t index);
  /// The same, or a new one of a message that was seen at `now`.
  [[nodiscard]] Row& at_or_new(std::size_t index, std::int64_t now);
  /// Of all rows that are changed.
  [[nodiscard]] std::vector<store::Write> writes() const;

 private:
  const MessageKeys& keys_;
  std::vector<Row> rows_;
  std::vector<std::uint32_t> row_of_;  // kNone: none
};

/// What has to be counted once it is written.
struct RetentionTally {
  std::array<std::uint64_t, static_cast<std::size_t>(RetentionDecision::count_)> decisions{};
  std::array<std::uint64_t, static_cast<std::size_t>(RetentionGuard::count_)> guards{};
  void add(RetentionDecision decision, std::uint64_t n = 1) {
    decisions[static_cast<std::size_t>(decision)] += n;
  }
  void add(RetentionGuard guard) { ++guards[static_cast<std::size_t>(guard)]; }
  [[nodiscard]] std::uint64_t of(RetentionDecision decision) const {
    return decisions[static_cast<std::size_t>(decision)];
  }
  void add_to(PolicyCounters& counters) const;
};

}  // namespace gatepost::filters
