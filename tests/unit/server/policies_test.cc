#include "proxy/server/policies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gatepost::server {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

config::RetentionPolicy policy(std::string name, config::RetentionType type) {
  config::RetentionPolicy made;
  made.name = std::move(name);
  made.type = type;
  return made;
}

class PoliciesTest : public ::testing::Test {
 protected:
  PoliciesTest() {
    config_.listeners.emplace_back();
    config_.routes.emplace_back().pool = "pool";
  }
  std::vector<config::RetentionPolicy>& policies() { return config_.retention.policies; }
  [[nodiscard]] std::vector<std::string> booked() const {
    std::vector<std::string> names;
    for (const auto* one : booked_policies(config_, "pool")) names.push_back(one->name);
    return names;
  }

  config::Config config_;
  PolicyMaker maker_;
};

TEST_F(PoliciesTest, AreFoundByName) {
  policies() = {policy("a", config::RetentionType::keep),
                policy("b", config::RetentionType::read_only)};
  const Policies made = maker_.make(config_);
  EXPECT_EQ((*made.find("a"))->config.type, config::RetentionType::keep);
  EXPECT_EQ((*made.find("b"))->config.type, config::RetentionType::read_only);
  EXPECT_EQ((*made.find("b"))->counters->name, "b");
  EXPECT_EQ(*made.find(""), nullptr);
  EXPECT_EQ(*made.find("client"), nullptr);
  const auto missing = made.find("c");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::config);
  EXPECT_THAT(missing.error().detail, HasSubstr("no policy is called c"));
  EXPECT_EQ(made.counters.size(), 2U);
}

TEST_F(PoliciesTest, CountersStayOverReloadsByName) {
  policies() = {policy("a", config::RetentionType::keep)};
  const auto before = (*maker_.make(config_).find("a"))->counters;
  policies()[0].type = config::RetentionType::read_only;
  EXPECT_EQ((*maker_.make(config_).find("a"))->counters, before);
  policies()[0].dry_run = true;
  const auto dry = (*maker_.make(config_).find("a"))->counters;
  EXPECT_NE(dry, before) << "what would have been is another thing";
  EXPECT_TRUE(dry->dry_run);
  policies()[0].dry_run = false;
  EXPECT_EQ((*maker_.make(config_).find("a"))->counters, before);
}

TEST_F(PoliciesTest, WhoIsUnderALegalHoldIsCountedWithoutAPolicy) {
  config_.retention.hold = {"joe"};
  const Policies made = maker_.make(config_);
  ASSERT_NE(made.client, nullptr);
  EXPECT_EQ(*made.find(""), made.client);
  EXPECT_EQ(*made.find("client"), made.client);
  EXPECT_FALSE(made.client->needs_book());
  EXPECT_EQ(made.counters.size(), 1U);
  EXPECT_EQ(made.counters[0]->name, "client");
}

TEST_F(PoliciesTest, WhatNobodyNamesNeedsNothing) {
  policies() = {policy("a", config::RetentionType::keep)};
  EXPECT_FALSE(retention_needs(config_).books);
  config_.routes[0].retention = "a";
  EXPECT_TRUE(retention_needs(config_).books);
  config_.routes[0].retention = "client";
  config_.listeners[0].retention = "a";
  RetentionNeeds needs = retention_needs(config_);
  EXPECT_TRUE(needs.books && needs.store && needs.always);
  policies()[0].dry_run = true;
  needs = retention_needs(config_);
  EXPECT_TRUE(needs.books && needs.store);
  EXPECT_FALSE(needs.always);
  policies()[0] = policy("a", config::RetentionType::client);
  EXPECT_FALSE(retention_needs(config_).books);
  policies()[0].brake.messages = 5;
  needs = retention_needs(config_);
  EXPECT_TRUE(needs.books);
  EXPECT_FALSE(needs.store);
  config_.listeners[0].retention.clear();
  config_.retention.hold = {"joe"};
  EXPECT_TRUE(retention_needs(config_).always);
}

TEST_F(PoliciesTest, APoolHasThePoliciesOfItsRoutes) {
  policies() = {policy("a", config::RetentionType::keep),
                policy("b", config::RetentionType::read_only),
                policy("c", config::RetentionType::client)};
  EXPECT_THAT(booked(), IsEmpty());
  config_.listeners[0].name = "one";
  config_.listeners[0].retention = "a";
  config_.listeners.emplace_back().retention = "b";
  config_.listeners[1].name = "two";
  EXPECT_EQ(booked(), (std::vector<std::string>{"a", "b"}));
  config_.routes[0].listeners = {"two"};
  EXPECT_EQ(booked(), std::vector<std::string>{"b"});
  config_.routes[0].retention = "a";
  EXPECT_EQ(booked(), std::vector<std::string>{"a"});
  config_.routes[0].retention = "c";
  EXPECT_THAT(booked(), IsEmpty()) << "it needs no book";
  config_.routes[0].retention = "a";
  config_.routes[0].pool = "other";
  EXPECT_THAT(booked(), IsEmpty());
}

}  // namespace
}  // namespace gatepost::server
