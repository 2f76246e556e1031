#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/net/loop.h"
#include "proxy/store/record_store.h"
#include "tests/unit/net/sockets.h"

// Words for tests of records: names that are short to write, and a store that is waited for.
namespace gatepost::testing {

/// A name whose order is that of `number`.
inline store::HashedName name(unsigned number) {
  store::HashedName made;
  made.octets.front() = static_cast<std::uint8_t>(number >> 8U);
  made.octets.at(1) = static_cast<std::uint8_t>(number);
  made.octets.back() = ' ';  // octets of any kind
  return made;
}

/// Asks a store and runs its loop until it has answered.
class Asker {
 public:
  Asker(net::Loop& loop, store::RecordStore& store) : loop_(loop), store_(store) {}

  Result<std::vector<store::Entry>> load(const store::HashedName& account) {
    return wait<std::vector<store::Entry>>(
        [&](auto done) { return store_.load(account, std::move(done)); });
  }
  Result<store::RecordStore::Committed> commit(const store::HashedName& account,
                                               std::vector<store::Write> writes,
                                               std::int64_t now = 1'000) {
    return wait<store::RecordStore::Committed>(
        [&](auto done) { return store_.commit(account, std::move(writes), now, std::move(done)); });
  }
  Result<std::vector<store::RecordStore::AccountInfo>> accounts(std::size_t limit) {
    return wait<std::vector<store::RecordStore::AccountInfo>>(
        [&](auto done) { return store_.accounts(limit, std::move(done)); });
  }
  Result<void> check() {
    return wait<void>([&](auto done) { return store_.check(std::move(done)); });
  }

  /// Writes, and fails the test if it cannot. Returns the versions by name.
  void put(const store::HashedName& account, std::vector<store::Write> writes,
           std::int64_t now = 1'000) {
    const auto committed = commit(account, std::move(writes), now);
    ASSERT_TRUE(committed) << committed.error().detail;
    EXPECT_TRUE(committed->written);
    EXPECT_TRUE(committed->conflicts.empty());
  }
  /// The record, without a version where there is none.
  store::Entry get(const store::HashedName& account, const store::HashedName& record) {
    const auto entries = load(account);
    EXPECT_TRUE(entries) << entries.error().detail;
    if (entries) {
      for (const store::Entry& entry : *entries) {
        if (entry.name == record) return entry;
      }
    }
    return {record, 0, {}};
  }

 private:
  template <class T, class Ask>
  Result<T> wait(Ask ask) {
    auto answer = std::make_shared<std::optional<Result<T>>>();
    const Ticket ticket = ask([answer](Result<T> result) {
      EXPECT_FALSE(*answer) << "called twice";
      answer->emplace(std::move(result));
    });
    EXPECT_FALSE(*answer) << "never from inside the call";
    if (!run_until(loop_, [&] { return answer->has_value(); }, 3 * kPatience)) {
      ADD_FAILURE() << "no answer";
      return fail(ErrorCode::timeout, "the test gave up");
    }
    return std::move(**answer);
  }

  net::Loop& loop_;
  store::RecordStore& store_;
};

}  // namespace gatepost::testing
