#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/store/record_store.h"
#include "tests/support/leak_check.h"

namespace gatepost::testing {

/// A RecordStore in memory that does one thing at a time, when the test says so, and fails when it
/// is told to.
class FakeRecordStore : public store::RecordStore {
 public:
  using HashedName = store::HashedName;

  [[nodiscard]] Ticket load(const HashedName& account, Loaded done) override {
    ++loads;
    return enqueue([this, account, next = std::move(done)](Fate& fate) mutable {
      std::vector<store::Entry> entries;
      for (const auto& [name, record] : accounts_[account].records) {
        entries.push_back({name, record.version, record.value});
      }
      answer(fate, next, std::move(entries));
    });
  }

  [[nodiscard]] Ticket commit(const HashedName& account, std::vector<store::Write> writes,
                              std::int64_t now, Done done) override {
    ++commits;
    return enqueue(
        [this, account, now, list = std::move(writes), next = std::move(done)](Fate& fate) mutable {
          if (before_commit) std::exchange(before_commit, nullptr)();
          if (fate.fault) return answer(fate, next, Committed{});
          answer(fate, next, apply(account, list, now));
        });
  }

  [[nodiscard]] Ticket accounts(std::size_t limit, Accounts done) override {
    return enqueue([this, limit, next = std::move(done)](Fate& fate) mutable {
      std::vector<AccountInfo> found;
      for (const auto& [name, account] : accounts_) {
        if (account.records.empty()) continue;
        found.push_back({name, account.written_at, account.records.size()});
      }
      std::ranges::stable_sort(found, {}, &AccountInfo::written_at);
      if (found.size() > limit) found.resize(limit);
      answer(fate, next, std::move(found));
    });
  }

  [[nodiscard]] Ticket check(Checked done) override {
    return enqueue([next = std::move(done)](Fate& fate) mutable {
      Result<void> result;
      if (fate.fault) result = std::unexpected(*fate.fault);
      if (!fate.cancelled) next(std::move(result));
    });
  }

  /// Does the oldest thing asked for, and answers. False: there was none.
  bool turn() {
    if (hold || jobs_.empty()) return false;
    const auto job = std::move(jobs_.front());
    jobs_.pop_front();
    job->work(job->fate);
    return true;
  }
  [[nodiscard]] std::size_t pending() const { return jobs_.size(); }

  // What a test may set.

  /// Nothing gets done meanwhile.
  bool hold = false;
  /// The n-th call from now on fails (1: the next), and does nothing.
  void fail_call(std::size_t n, Error error = {ErrorCode::system, "disk on fire"}) {
    faults_[calls_ + n] = std::move(error);
  }
  /// All calls do, until it is empty again.
  std::optional<Error> broken;
  /// So many commits from now on find that everything has another version.
  std::size_t conflicts = 0;
  /// Called once, right before the next commit: what another session does meanwhile.
  std::move_only_function<void()> before_commit;

  // What a test may look at.

  std::size_t loads = 0;
  std::size_t commits = 0;
  std::size_t written = 0;  ///< records, in commits that were
  [[nodiscard]] std::string value(const HashedName& account, const HashedName& name) const {
    const auto found = accounts_.find(account);
    if (found == accounts_.end()) return {};
    const auto record = found->second.records.find(name);
    return record == found->second.records.end() ? std::string() : record->second.value;
  }
  [[nodiscard]] std::size_t records(const HashedName& account) const {
    const auto found = accounts_.find(account);
    return found == accounts_.end() ? 0 : found->second.records.size();
  }
  /// As another session would write it; "": the record goes.
  void put(const HashedName& account, const HashedName& name, std::string value) {
    auto& records = accounts_[account].records;
    if (value.empty()) {
      records.erase(name);
    } else {
      records[name] = {++versions_, std::move(value)};
    }
  }

 private:
  struct Fate {
    std::optional<Error> fault;
    bool cancelled = false;
  };
  struct Job {
    std::move_only_function<void(Fate&)> work;
    Fate fate;
    LiveCount live{"FakeRecordStore job"};
  };
  struct Stored {
    std::uint64_t version = 0;
    std::string value;
  };
  struct Account {
    std::map<HashedName, Stored> records;
    std::int64_t written_at = 0;
  };

  Ticket enqueue(std::move_only_function<void(Fate&)> work) {
    auto job = std::make_shared<Job>();
    job->work = std::move(work);
    job->fate.fault = broken;
    if (const auto fault = faults_.find(++calls_); fault != faults_.end()) {
      job->fate.fault = fault->second;
    }
    jobs_.push_back(job);
    return Ticket([weak = std::weak_ptr(job)] {
      if (const auto cancelled = weak.lock()) cancelled->fate.cancelled = true;
    });
  }

  template <class Callback, class Value>
  void answer(Fate& fate, Callback& next, Value value) {
    if (fate.cancelled) return;
    if (fate.fault) return next(std::unexpected(*fate.fault));
    next(std::move(value));
  }

  Committed apply(const HashedName& account, std::vector<store::Write>& writes, std::int64_t now) {
    auto& records = accounts_[account].records;
    const bool forced = conflicts > 0;
    if (forced) --conflicts;
    Committed outcome;
    for (const store::Write& write : writes) {
      EXPECT_LE(write.value.size(), kMaxValue);
      const auto known = records.find(write.name);
      const std::uint64_t version = known == records.end() ? 0 : known->second.version;
      if (forced || version != write.expected) outcome.conflicts.push_back(write.name);
    }
    outcome.written = outcome.conflicts.empty();
    if (!outcome.written) return outcome;
    for (store::Write& write : writes) put(account, write.name, std::move(write.value));
    written += writes.size();
    accounts_[account].written_at = now;
    return outcome;
  }

  std::deque<std::shared_ptr<Job>> jobs_;
  std::map<HashedName, Account> accounts_;
  std::map<std::size_t, Error> faults_;
  std::size_t calls_ = 0;
  std::uint64_t versions_ = 0;
};

}  // namespace gatepost::testing
