#include "filters/retention/policy.h"

#include <gtest/gtest.h>

#include "filters/retention/judge.h"

namespace gatepost::filters {
namespace {

using config::CountFrom;
using config::DeviceMark;
using config::RetentionType;
using config::RetentionView;

std::shared_ptr<RetentionPolicy> made(RetentionType type, bool dry_run = false) {
  auto policy = std::make_shared<RetentionPolicy>();
  policy->config.type = type;
  policy->config.dry_run = dry_run;
  policy->config.view = RetentionView::show;
  policy->counters = std::make_shared<PolicyCounters>();
  return policy;
}

TEST(RetentionPolicy, of_a_client_needs_a_book_only_for_its_brake) {
  const auto client = made(RetentionType::client);
  EXPECT_FALSE(client->needs_book());
  EXPECT_EQ(policy_for(client, {}, "joe"), nullptr);
  EXPECT_EQ(policy_for(nullptr, {}, "joe"), nullptr);
  client->config.brake.percent = 10;
  EXPECT_TRUE(client->needs_book());
  EXPECT_FALSE(client->needs_store());
  EXPECT_TRUE(client->client_decides());
  EXPECT_EQ(policy_for(client, {}, "joe"), client);
  EXPECT_TRUE(made(RetentionType::keep, true)->client_decides());
  EXPECT_TRUE(made(RetentionType::keep, true)->needs_book());
}

TEST(RetentionPolicy, of_a_held_user_keeps_everything) {
  for (const auto& [chosen, type, view] :
       {std::tuple(made(RetentionType::keep_for), RetentionType::keep, RetentionView::show),
        std::tuple(made(RetentionType::keep_for, true), RetentionType::keep, RetentionView::hide),
        std::tuple(made(RetentionType::read_only), RetentionType::read_only, RetentionView::hide),
        std::tuple(made(RetentionType::read_only, true), RetentionType::keep, RetentionView::hide),
        std::tuple(made(RetentionType::client), RetentionType::keep, RetentionView::hide),
        std::tuple(std::shared_ptr<RetentionPolicy>(), RetentionType::keep, RetentionView::hide)}) {
    const auto policy = policy_for(chosen, {"nobody", "J?e@*"}, "joe@example.org");
    ASSERT_NE(policy, nullptr);
    EXPECT_TRUE(policy->held && policy->needs_book() && !policy->client_decides());
    EXPECT_EQ(policy->config.type, type);
    EXPECT_EQ(policy->config.view, view);
    ASSERT_NE(policy->counters, nullptr);
    if (chosen) {
      EXPECT_EQ(policy->counters, chosen->counters);
    }
    EXPECT_EQ(policy->expire(), "NEVER");
  }
}

TEST(RetentionPolicy, tells_clients_when_messages_expire) {
  using std::chrono::hours;
  const auto expire = [](RetentionType type, hours period, CountFrom from, bool dry_run = false) {
    auto policy = made(type, dry_run);
    policy->config.period = period;
    policy->config.count_from = from;
    return policy->expire();
  };
  EXPECT_EQ(expire(RetentionType::keep_for, hours(30 * 24), CountFrom::seen), "30");
  EXPECT_EQ(expire(RetentionType::keep_for, hours(47), CountFrom::retrieved), "1");
  EXPECT_EQ(expire(RetentionType::keep_for, hours(47), CountFrom::deleted), "NEVER");
  EXPECT_EQ(expire(RetentionType::delete_after_retrieval, hours(0), CountFrom::seen), "0");
  EXPECT_EQ(expire(RetentionType::delete_after_retrieval, hours(168), CountFrom::seen), "7");
  EXPECT_EQ(expire(RetentionType::keep, hours(0), CountFrom::seen), "NEVER");
  EXPECT_EQ(expire(RetentionType::read_only, hours(0), CountFrom::seen), "NEVER");
  EXPECT_EQ(expire(RetentionType::client, hours(0), CountFrom::seen), std::nullopt);
  EXPECT_EQ(expire(RetentionType::keep, hours(0), CountFrom::seen, true), std::nullopt);
}

TEST(RetentionPolicy, tells_devices_apart_by_the_first_mark_that_there_is) {
  config::RetentionPolicy policy;
  EXPECT_EQ(device_of(policy, {"CN=x", "phone", "192.0.2.1"}), "certificate:CN=x");
  EXPECT_EQ(device_of(policy, {"", "phone", "192.0.2.1"}), "suffix:phone");
  EXPECT_EQ(device_of(policy, {"", "", "192.0.2.1"}), "network:192.0.2.1");
  EXPECT_EQ(device_of(policy, {"", "", ""}), "");
  policy.devices = {DeviceMark::suffix};
  EXPECT_EQ(device_of(policy, {"CN=x", "", "192.0.2.1"}), "");
}

TEST(RetentionPolicy, limits_what_goes_at_once) {
  EXPECT_EQ(brake_limit({}, 10), std::numeric_limits<std::size_t>::max());
  EXPECT_EQ(brake_limit({.messages = 5, .percent = 0}, 10), 5U);
  EXPECT_EQ(brake_limit({.messages = 5, .percent = 20}, 10), 2U);
  EXPECT_EQ(brake_limit({.messages = 5, .percent = 20}, 1'000), 5U);
  EXPECT_EQ(brake_limit({.messages = 0, .percent = 1}, 10), 1U);
}

TEST(RetentionPolicy, says_why_a_message_went) {
  config::RetentionPolicy policy;
  policy.type = RetentionType::keep_for;
  policy.count_from = CountFrom::deleted;
  policy.period = std::chrono::hours(36);
  EXPECT_EQ(removal_reason(policy, RemovalCause::period), "36h after it was deleted");
  policy.period = std::chrono::minutes(90);
  EXPECT_EQ(removal_reason(policy, RemovalCause::period), "90m after it was deleted");
  policy.period = std::chrono::seconds(1);
  EXPECT_EQ(removal_reason(policy, RemovalCause::period), "1s after it was deleted");
}

TEST(RetentionPolicy, every_decision_and_guard_has_a_name) {
  std::string all;
  for (int i = 0; i < static_cast<int>(RetentionDecision::count_); ++i) {
    all += std::string(to_string(static_cast<RetentionDecision>(i))) + " ";
  }
  for (int i = 0; i < static_cast<int>(RetentionGuard::count_); ++i) {
    all += std::string(to_string(static_cast<RetentionGuard>(i))) + " ";
  }
  EXPECT_EQ(all,
            "hidden kept refused due removed failed undeleted "
            "not_retrieved not_allowed brake hold ambiguous changed ");
}

}  // namespace
}  // namespace gatepost::filters
