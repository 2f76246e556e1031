#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "filters/retention/account_book.h"
#include "filters/retention/record.h"
#include "tests/support/fake_background.h"
#include "tests/support/fake_record_store.h"
#include "tests/support/fake_timers.h"
#include "tests/support/recording_log.h"

namespace gatepost::filters {

constexpr std::int64_t kDay = 86'400;

/// Keeps the removals it is told of.
class RecordingAudit : public Audit {
 public:
  struct Line {
    HashedName uidl;
    std::string reason;
    bool dry_run;
  };
  void removed(const Removal& removal) override {
    lines.push_back({removal.uidl, std::string(removal.reason), removal.dry_run});
  }
  std::vector<Line> lines;
};

/// A mailbox upstream, a store, and sessions over several days.
class BookTest : public ::testing::Test {
 protected:
  // Not inline: g++ 12 takes the default of `devices` for uninitialized then.
  [[gnu::noinline]] static config::RetentionPolicy policy(config::RetentionType type) {
    config::RetentionPolicy made;
    made.name = "p";
    made.type = type;
    return made;
  }
  static config::RetentionPolicy keep(config::RetentionView view = config::RetentionView::hide) {
    auto made = policy(config::RetentionType::keep);
    made.view = view;
    return made;
  }
  static config::RetentionPolicy keep_for(std::int64_t days, config::CountFrom from) {
    auto made = policy(config::RetentionType::keep_for);
    made.period = std::chrono::seconds(days * kDay);
    made.count_from = from;
    return made;
  }
  static config::RetentionPolicy delete_after(std::int64_t days = 0) {
    auto made = policy(config::RetentionType::delete_after_retrieval);
    made.period = std::chrono::seconds(days * kDay);
    return made;
  }

  void use(const config::RetentionPolicy& chosen) {
    auto made = std::make_shared<RetentionPolicy>();
    made->config = chosen;
    made->counters = counters_;
    policy_ = policy_for(made, host_.hold, "joe");
  }

  /// A session with the book of the policy, on what upstream has now.
  struct Session {
    mailbox::Inventory inventory;
    std::optional<AccountBook> book;
    std::optional<Result<void>> opened;
    std::optional<Result<AccountBook::Settlement>> settled;
    std::optional<Result<void>> removed;
    Ticket ticket;
    AccountBook::Facts facts;

    void retrieve(std::size_t index, bool allowed = true) {
      facts.retrieved.push_back({index, allowed});
    }
    void dele(std::size_t index) { facts.deleted.push_back(index); }
  };
  using SessionPtr = std::unique_ptr<Session>;

  SessionPtr start(const std::string& device = {}) {
    auto session = std::make_unique<Session>();
    std::uint64_t number = 0;
    while (number < upstream_.size()) {
      EXPECT_TRUE(session->inventory.add_size(++number, 100));
    }
    number = 0;
    for (const std::string& uidl : upstream_) {
      EXPECT_TRUE(session->inventory.add_uidl(++number, uidl));
    }
    session->book.emplace(host_, policy_, AccountBook::Account{"s1", "pool", "joe", device});
    session->ticket = session->book->open(
        session->inventory,
        [s = session.get()](Result<void> opened) { s->opened = std::move(opened); });
    EXPECT_FALSE(session->opened) << "answered from inside the call";
    return session;
  }
  SessionPtr open(const std::string& device = {}) {
    auto session = start(device);
    run();
    EXPECT_TRUE(session->opened && *session->opened);
    return session;
  }
  void ask_settle(Session& session) {
    session.ticket =
        session.book->settle(session.facts, [&session](Result<AccountBook::Settlement> settled) {
          session.settled = std::move(settled);
        });
    EXPECT_FALSE(session.settled) << "answered from inside the call";
  }
  /// QUIT, as far as the store; the indexes that go.
  std::vector<std::size_t> settle(Session& session) {
    ask_settle(session);
    run();
    if (!session.settled || !*session.settled) return {};
    return (*session.settled)->remove;
  }
  /// QUIT to the end: upstream removes.
  std::vector<std::size_t> quit(Session& session) {
    const std::vector<std::size_t> remove = settle(session);
    remove_upstream(session, remove);
    session.ticket = session.book->removed(
        remove, [&session](Result<void> removed) { session.removed = std::move(removed); });
    EXPECT_FALSE(session.removed) << "answered from inside the call";
    run();
    EXPECT_TRUE(session.removed.has_value());
    return remove;
  }
  void remove_upstream(const Session& session, const std::vector<std::size_t>& indexes) {
    for (const std::size_t index : indexes) {
      const auto at = std::ranges::find(upstream_, session.inventory.uidl(index));
      if (at != upstream_.end()) upstream_.erase(at);
    }
  }

  void run() {
    while (background_.turn() || store_->turn()) {
    }
  }
  void pass(std::int64_t seconds) { now_ += seconds; }

  [[nodiscard]] HashedName account(bool dry = false) const {
    return host_.names->account("pool", "joe", dry);
  }
  [[nodiscard]] HashedName name(const std::string& uidl, bool dry = false) const {
    return host_.names->uidl(account(dry), uidl);
  }
  [[nodiscard]] std::string text(const std::string& uidl, bool dry = false) const {
    return store_->value(account(dry), name(uidl, dry));
  }
  [[nodiscard]] Record record(const std::string& uidl, bool dry = false) const {
    const std::string stored = text(uidl, dry);
    const auto parsed = parse_record(stored);
    EXPECT_TRUE(parsed) << uidl << ": " << stored;
    return parsed.value_or(Record());
  }
  void put(const std::string& uidl, const Record& changed) {
    store_->put(account(), name(uidl), format_record(changed));
  }
  template <class Change>
  void change(const std::string& uidl, Change apply) {
    Record changed = text(uidl).empty() ? Record() : record(uidl);
    apply(changed);
    put(uidl, changed);
  }
  [[nodiscard]] std::uint64_t count(RetentionDecision decision) const {
    return counters_->decisions[static_cast<std::size_t>(decision)];
  }
  [[nodiscard]] std::uint64_t count(RetentionGuard guard) const {
    return counters_->guards[static_cast<std::size_t>(guard)];
  }
  /// Of a new session, the UIDLs that it shows.
  std::vector<std::string> shown(const std::string& device = {}) {
    const auto session = open(device);
    std::vector<std::string> seen;
    for (std::size_t i = 0; i < session->inventory.count(); ++i) {
      if (!session->book->hidden(i)) seen.emplace_back(session->inventory.uidl(i));
    }
    return seen;
  }

  gatepost::testing::FakeTimers timers_;
  gatepost::testing::FakeBackground background_;
  gatepost::testing::RecordingLog log_;
  RetentionCounters cells_;
  std::shared_ptr<gatepost::testing::FakeRecordStore> store_ =
      std::make_shared<gatepost::testing::FakeRecordStore>();
  std::shared_ptr<RecordingAudit> audit_ = std::make_shared<RecordingAudit>();
  std::int64_t now_ = 1'700'000'000;
  RetentionHost host_{.timers = timers_,
                      .background = background_,
                      .log = log_,
                      .counters = cells_,
                      .store = store_,
                      .names = std::make_shared<const NameHasher>("0123456789abcdef"),
                      .audit = audit_,
                      .clock = [this] { return now_; }};
  std::shared_ptr<PolicyCounters> counters_ = std::make_shared<PolicyCounters>();
  std::shared_ptr<const RetentionPolicy> policy_;
  std::vector<std::string> upstream_ = {"a", "b", "c"};
};

}  // namespace gatepost::filters
