#include "proxy/server/retention_room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

#include "proxy/base/wall_clock.h"
#include "proxy/store/memory_records.h"
#include "tests/support/fake_background.h"
#include "tests/support/fake_connector.h"
#include "tests/support/fake_timers.h"

namespace gatepost::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using Room = admin::RetentionRoom;

constexpr std::int64_t kDay = 86'400;

class RetentionRoomTest : public ::testing::Test {
 protected:
  RetentionRoomTest() {
    auto snapshot = std::make_shared<Snapshot>();
    config::Pool pool;
    pool.name = "upstream";
    config::RetentionPolicy policy;
    policy.name = "month";
    policy.type = config::RetentionType::keep_for;
    policy.period = std::chrono::seconds(30 * kDay);
    policy.brake.percent = 10;
    config::Listener listener;
    listener.retention = "month";
    config::Route route;
    route.pool = "upstream";
    snapshot->config.pools = {pool};
    snapshot->config.listeners = {listener};
    snapshot->config.routes = {route};
    snapshot->config.retention.policies = {policy};
    snapshot->config.retention.hold = {"boss"};
    snapshot->policies = PolicyMaker().make(snapshot->config);
    snapshot_ = snapshot;
    stores_.names = std::make_shared<const filters::NameHasher>("0123456789abcdef");
    stores_.table = std::make_shared<store::MemoryRecords>();
  }
  void put(const std::string& user, std::string uidl, std::string value) {
    const auto account = stores_.names->account("upstream", user, false);
    ASSERT_TRUE(stores_.table->commit(
        account, {{stores_.names->uidl(account, uidl), 0, std::move(value)}}, 1'700'000'000));
  }
  template <class T, class Ask>
  Result<T> answer(Ask ask) {
    std::optional<Result<T>> result;
    ask([&result](Result<T> given) { result.emplace(std::move(given)); });
    background_.run_all();
    return result ? *std::move(result) : fail(ErrorCode::system, "no answer");
  }
  Result<Room::Report> report(std::string user, std::size_t skip = 0, std::size_t limit = 10,
                              std::string pool = "") {
    return answer<Room::Report>([&](auto then) {
      room_.report({std::move(user), std::move(pool), skip, limit}, std::move(then));
    });
  }

  BlockPool blocks_;
  gatepost::testing::FakeTimers timers_;
  gatepost::testing::FakeBackground background_;
  gatepost::testing::FakeConnector connector_{blocks_};
  std::shared_ptr<const Snapshot> snapshot_;
  RetentionStores stores_;
  MainRetention room_{{background_, {timers_, connector_, blocks_}, snapshot_, stores_}};
};

TEST_F(RetentionRoomTest, SaysWhatPoliciesDo) {
  const auto policies = room_.policies();
  ASSERT_EQ(policies.size(), 1U);
  EXPECT_EQ(
      policies.front().words,
      "keep_for 30 d, counted from seen; what a client deletes is hidden from the account; at "
      "most 10 % of the mailbox a session");
  EXPECT_THAT(policies.front().decisions, IsEmpty());
  EXPECT_THAT(room_.pools(), ElementsAre("upstream"));
  EXPECT_THAT(room_.holds(), ElementsAre("boss"));
}

TEST_F(RetentionRoomTest, SaysWhatGoesWhen) {
  const std::int64_t now = seconds_since_1970();
  const auto seen = [now](std::int64_t days) { return std::to_string(now - days * kDay); };
  put("joe", "later", "1 s" + seen(1) + " r" + seen(1));
  put("joe", "sooner", "1 s" + seen(10) + " r" + seen(10));
  put("joe", "due", "1 s" + seen(40) + " r" + seen(40));
  put("joe", "gone", "1 s" + seen(50) + " g" + seen(1));
  const auto all = report("joe");
  ASSERT_TRUE(all) << all.error().detail;
  EXPECT_EQ(all->policy, "month");
  EXPECT_EQ(all->pool, "upstream");
  EXPECT_EQ(all->records, 4U);
  EXPECT_THAT(all->states, ElementsAre(Pair("gone", 1U), Pair("shown", 3U)));
  EXPECT_THAT(all->outlooks, ElementsAre(Pair("due", 1U), Pair("due later", 2U)));
  ASSERT_EQ(all->rows.size(), 4U);
  EXPECT_EQ(all->rows[0].outlook, "due");
  EXPECT_EQ(all->rows[1].seen, now - 10 * kDay);
  EXPECT_EQ(all->rows[3].state, "gone");
  EXPECT_EQ(report("joe", 3, 1)->rows.size(), 1U);
  EXPECT_TRUE(report("joe", 9)->rows.empty());
}

TEST_F(RetentionRoomTest, KnowsLegalHolds) {
  put("boss", "old", "1 s1 r1");
  EXPECT_TRUE(report("boss")->held);
  EXPECT_EQ(report("boss")->rows.front().outlook, "kept: legal hold");
}

TEST_F(RetentionRoomTest, ListsAccounts) {
  put("joe", "one", "1 s1700000000");
  const auto accounts =
      answer<std::vector<Room::Account>>([&](auto then) { room_.accounts(10, std::move(then)); });
  ASSERT_EQ(accounts->size(), 1U);
  EXPECT_EQ(accounts->front().records, 1U);
  EXPECT_EQ(accounts->front().written_at, 1'700'000'000);
  EXPECT_EQ(accounts->front().name.size(), 32U);
}

TEST_F(RetentionRoomTest, SaysWhatIsNotThere) {
  EXPECT_EQ(report("").error().code, ErrorCode::refused);
  EXPECT_THAT(report("joe", 0, 1, "other").error().detail, HasSubstr("no pool other"));
  stores_.table.reset();
  EXPECT_FALSE(room_.exists());
  EXPECT_EQ(report("joe").error().detail, "there is no retention store");
}

TEST_F(RetentionRoomTest, AnswersSoManyAtOnceOnly) {
  std::vector<ErrorCode> refused;
  for (std::size_t i = 0; i < MainRetention::kMaxQuestions + 1; ++i) {
    room_.accounts(1, [&refused](const Result<std::vector<Room::Account>>& accounts) {
      if (!accounts) refused.push_back(accounts.error().code);
    });
  }
  EXPECT_THAT(refused, ElementsAre(ErrorCode::limit));
  background_.run_all();
  EXPECT_TRUE(report("joe"));
}

}  // namespace
}  // namespace gatepost::server
