#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/store/quarantine_index.h"

/// Where messages, and what is known of them, are kept: looked into for the status page. Main
/// thread; what blocks happens elsewhere, and `then` is called once, later or at once.
namespace gatepost::admin {

template <class T>
using Then = std::move_only_function<void(Result<T>)>;

/// Messages that were kept back.
class QuarantineRoom {
 public:
  /// Octets of a message's header that are looked at.
  static constexpr std::size_t kMaxHeader = 64 * 1024;

  struct Page {
    std::vector<store::QuarantineRecord> records;  ///< the newest first
    std::uint64_t matching = 0;                    ///< on all pages
    std::uint64_t octets = 0;                      ///< of all files
  };
  struct Query {
    std::string user;  ///< * and ? are patterns; "": everybody
    std::size_t skip = 0;
    std::size_t limit = 0;
  };
  struct Message {
    store::QuarantineRecord record;
    /// Fields of its header that people want to see, decoded: name and value, in its order. They
    /// may hold anything.
    std::vector<std::pair<std::string, std::string>> fields;
    std::size_t received = 0;  ///< how many stations it came through
    std::string problem;       ///< why there are no fields; "" if there are
  };

  /// False: the configuration has no quarantine, and everything fails with `refused`.
  [[nodiscard]] virtual bool exists() const = 0;
  virtual void list(Query query, Then<Page> then) = 0;
  virtual void show(std::uint64_t number, Then<Message> then) = 0;
  /// Each is logged, with `by`.
  virtual void release(std::uint64_t number, std::string by, Then<void> then) = 0;
  virtual void remove(std::uint64_t number, std::string by, Then<void> then) = 0;

 protected:
  ~QuarantineRoom() = default;
};

/// What is known of deleted and kept messages. Names are hashed there, so a user has to be asked
/// for.
class RetentionRoom {
 public:
  /// In the order to be shown.
  using Counts = std::vector<std::pair<std::string, std::uint64_t>>;

  struct Policy {
    std::string name;
    std::string words;  ///< what it does
    bool dry_run = false;
    Counts decisions;  ///< and what kept messages that were to go; since the start
  };
  struct Account {
    std::string name;  ///< hashed
    std::uint64_t records = 0;
    std::int64_t written_at = 0;  ///< seconds since 1970
  };
  struct Row {
    std::string uidl;  ///< hashed
    std::string state, outlook;
    std::int64_t seen = 0, retrieved = 0, deleted = 0;  ///< 0: never
  };
  struct Question {
    std::string user;  ///< as upstream knows it
    std::string pool;  ///< "": the only one
    std::size_t skip = 0;
    std::size_t limit = 0;
  };
  struct Report {
    std::string pool;
    std::string policy;  ///< that it was judged by; "": unknown, or none
    bool held = false;   ///< nothing goes
    Counts states, outlooks, dry_run;
    std::vector<Row> rows;  ///< those that go first come first
    std::uint64_t records = 0;
  };

  /// False: no policy needs a store, and what asks for one fails with `refused`.
  [[nodiscard]] virtual bool exists() const = 0;
  [[nodiscard]] virtual std::vector<Policy> policies() const = 0;
  [[nodiscard]] virtual std::vector<std::string> pools() const = 0;
  [[nodiscard]] virtual std::vector<std::string> holds() const = 0;
  /// Those that nobody wrote to for the longest time, at most `limit`.
  virtual void accounts(std::size_t limit, Then<std::vector<Account>> then) = 0;
  virtual void report(Question question, Then<Report> then) = 0;

 protected:
  ~RetentionRoom() = default;
};

}  // namespace gatepost::admin
