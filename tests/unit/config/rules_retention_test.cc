#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"
#include "tests/unit/config/problems.h"

namespace gatepost::config {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// A listener and a route whose members are these, and what stands in "retention".
Loaded loaded_with(std::string_view listener, std::string_view route, std::string_view retention) {
  return load(fmt::format(R"({{"listeners": [{{"address": "127.0.0.1:110", "tls": "none"{}}}],
    "upstream": {{"address": "127.0.0.1"}},
    "routes": [{{"users": ["x"], "pool": "upstream"{}}}], "retention": {{{}}}}})",
                          listener, route, retention));
}
std::string with(std::string_view listener, std::string_view route, std::string_view retention) {
  return problems(loaded_with(listener, route, retention));
}

/// One policy, which the listener names.
std::string with_policy(std::string_view members, std::string_view route = "") {
  return with(R"(, "retention": "p")", route,
              fmt::format(R"("policies": [{{"name": "p", {}}}])", members));
}

/// A policy, and a store with these members.
std::string with_store(std::string_view members, std::string_view beside = "") {
  return with(R"(, "retention": "p")", "",
              fmt::format(R"("policies": [{{"name": "p", "type": "keep"}}],
                             "store": {{{}}}{})",
                          members, beside));
}

constexpr std::string_view kKey = R"(, "key_file": "k")";

std::string with_redis(std::string_view members) {
  return with_store(fmt::format(R"("type": "redis", {})", members), kKey);
}

TEST(RetentionRulesTest, ReadsPolicies) {
  const Loaded loaded =
      loaded_with(R"(, "retention": "a")", R"(, "retention": "client", "device_suffix": "+")", R"(
    "policies": [
      {"name": "a", "type": "keep_for", "view": "hide_for_device", "period": "30d",
       "count_from": "deleted", "devices": ["suffix", "network"],
       "brake": {"messages": 7, "percent": 8}, "dry_run": true, "header_hash": true},
      {"name": "b", "type": "delete_after_retrieval", "period": "90m"},
      {"name": "c", "type": "read_only"}, {"name": "d", "type": "client"},
      {"name": "e", "type": "keep", "view": "show"}],
    "hold": ["joe@*", "legal-?"], "forget_after": "48h", "key_file": "key", "audit_file": "removals",
    "store": {"type": "sqlite", "file": "/r.sqlite"})");
  ASSERT_TRUE(loaded.config) << problems(loaded);
  EXPECT_EQ(loaded.config->listeners[0].retention, "a");
  EXPECT_EQ(loaded.config->routes[0].retention, "client");
  EXPECT_EQ(loaded.config->routes[0].device_suffix, "+");
  EXPECT_EQ(loaded.config->routes[1].retention, "");
  const Retention& retention = loaded.config->retention;
  ASSERT_EQ(retention.policies.size(), 5U);
  const RetentionPolicy& a = retention.policies[0];
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.type, RetentionType::keep_for);
  EXPECT_EQ(a.view, RetentionView::hide_for_device);
  EXPECT_EQ(a.period, std::chrono::days(30));
  EXPECT_EQ(a.count_from, CountFrom::deleted);
  EXPECT_EQ(a.devices, (std::vector{DeviceMark::suffix, DeviceMark::network}));
  EXPECT_EQ(a.brake.messages, 7U);
  EXPECT_EQ(a.brake.percent, 8U);
  EXPECT_TRUE(a.dry_run);
  EXPECT_TRUE(a.header_hash);
  EXPECT_EQ(retention.policies[1].type, RetentionType::delete_after_retrieval);
  EXPECT_EQ(retention.policies[1].period, std::chrono::minutes(90));
  EXPECT_EQ(retention.policies[1].devices, RetentionPolicy().devices);
  EXPECT_EQ(retention.policies[2].type, RetentionType::read_only);
  EXPECT_EQ(retention.policies[3].type, RetentionType::client);
  EXPECT_EQ(retention.policies[4].type, RetentionType::keep);
  EXPECT_EQ(retention.policies[4].view, RetentionView::show);
  EXPECT_EQ(retention.hold, (std::vector<std::string>{"joe@*", "legal-?"}));
  EXPECT_EQ(retention.forget_after, std::chrono::hours(48));
  EXPECT_EQ(retention.key_file, "key");
  EXPECT_EQ(retention.audit_file, "removals");
  EXPECT_EQ(retention.store.type, RetentionStoreType::sqlite);
  EXPECT_EQ(retention.store.file, "/r.sqlite");
}

TEST(RetentionRulesTest, ReadsRedis) {
  const Loaded loaded = loaded_with("", "", R"("key_file": "k", "store": {"type": "redis",
    "sentinels": ["192.0.2.1", "[::1]:5"], "sentinel_master": "m", "tls": true, "verify": false,
    "ca_file": "ca", "server_name": "r", "certificate": "c", "key": "x", "user": "u",
    "password_file": "p", "sentinel_password_file": "s", "database": 3, "prefix": "g/",
    "connect_timeout": "700ms", "timeout": "9s"})");
  ASSERT_TRUE(loaded.config) << problems(loaded);
  const RetentionStore& store = loaded.config->retention.store;
  EXPECT_EQ(store.type, RetentionStoreType::redis);
  const Redis& redis = store.redis;
  ASSERT_EQ(redis.addresses.size(), 2U);
  EXPECT_EQ(redis.addresses[0].to_string(), "192.0.2.1:26379");
  EXPECT_EQ(redis.addresses[1].to_string(), "[::1]:5");
  Redis expected;
  expected.addresses = redis.addresses;
  expected.sentinel_master = "m";
  expected.tls = true;
  expected.verify = false;
  expected.ca_file = "ca";
  expected.server_name = "r";
  expected.certificate = "c";
  expected.key = "x";
  expected.user = "u";
  expected.password_file = "p";
  expected.sentinel_password_file = "s";
  expected.database = 3;
  expected.prefix = "g/";
  expected.connect_timeout = Duration(700);
  expected.timeout = Duration(9'000);
  EXPECT_EQ(redis, expected);
  const Loaded one = loaded_with("", "", R"("key_file": "k",
    "store": {"type": "redis", "address": "127.0.0.1"})");
  ASSERT_TRUE(one.config) << problems(one);
  EXPECT_EQ(one.config->retention.store.redis.addresses.at(0).to_string(), "127.0.0.1:6379");
  EXPECT_EQ(problems(one), "");
}

TEST(RetentionRulesTest, NothingIsWrongWithNothing) {
  EXPECT_EQ(with("", "", ""), "");
  EXPECT_EQ(with_policy(R"("type": "keep")"), "");
  EXPECT_EQ(with_store(""), "");
}

TEST(RetentionRulesTest, PoliciesAreFoundByName) {
  EXPECT_THAT(with(R"(, "retention": "q")", "", ""),
              HasSubstr("/listeners/0/retention: there is no policy \"q\""));
  EXPECT_THAT(with("", R"(, "retention": "q")", ""),
              HasSubstr("/routes/0/retention: there is no policy \"q\""));
  EXPECT_EQ(with("", R"(, "retention": "client")", ""), "");
  EXPECT_THAT(
      with("", "", R"("policies": [{"name": "p", "type": "keep"}, {"name": "p", "type": "keep"}])"),
      HasSubstr("/retention/policies/1/name: /retention/policies/0 already has this name"));
  EXPECT_THAT(with("", "", R"("policies": [{"name": "client", "type": "keep"}])"),
              HasSubstr("/retention/policies/0/name: this name means that the client decides"));
  EXPECT_THAT(with("", "", R"("policies": [{"name": "p", "type": "keep"}])"),
              HasSubstr("warning: /retention/policies/0: no listener and no route names it"));
  EXPECT_THAT(with("", "", R"("policies": [{"name": "p"}])"),
              HasSubstr("/retention/policies/0/type: missing"));
}

TEST(RetentionRulesTest, APeriodIsForThoseWhoWait) {
  EXPECT_THAT(with_policy(R"("type": "keep_for")"),
              HasSubstr("/retention/policies/0/period: missing"));
  EXPECT_THAT(with_policy(R"("type": "keep_for", "period": "0s")"),
              HasSubstr("/retention/policies/0/period: must be more than that"));
  EXPECT_EQ(with_policy(R"("type": "keep_for", "period": "30d", "count_from": "seen")"), "");
  EXPECT_EQ(with_policy(R"("type": "delete_after_retrieval")"), "");
  EXPECT_EQ(with_policy(R"("type": "delete_after_retrieval", "period": "0s")"), "");
  for (const char* type : {"keep", "read_only", "client"}) {
    EXPECT_THAT(with_policy(fmt::format(R"("type": "{}", "period": "0s")", type)),
                HasSubstr("/retention/policies/0/period: only a policy of type \"keep_for\" or"));
  }
  EXPECT_THAT(with_policy(R"("type": "delete_after_retrieval", "count_from": "seen")"),
              HasSubstr("/retention/policies/0/count_from: only a policy of type \"keep_for\""));
  EXPECT_THAT(with_policy(R"("type": "keep_for", "period": "3651d")"),
              HasSubstr("/retention/policies/0/period: found \"3651d\", must be a duration from 0s "
                        "to 3650d, as a number with the unit s, m, h or d"));
}

TEST(RetentionRulesTest, AViewIsOfWhatIsKept) {
  for (const char* type : {"delete_after_retrieval", "read_only", "client"}) {
    EXPECT_THAT(with_policy(fmt::format(R"("type": "{}", "view": "hide")", type)),
                HasSubstr("/retention/policies/0/view: only a policy of type \"keep\" or"));
  }
  EXPECT_EQ(with_policy(R"("type": "keep_for", "period": "1h", "view": "show")"), "");
  EXPECT_THAT(with_policy(R"("type": "keep", "view": "show", "devices": ["network"])"),
              HasSubstr("warning: /retention/policies/0/devices: has no effect: only the view"));
  EXPECT_THAT(with_policy(R"("type": "read_only", "devices": ["network"])"),
              HasSubstr("warning: /retention/policies/0/devices: has no effect"));
  EXPECT_THAT(with_policy(R"("type": "keep", "view": "hidden")"),
              HasSubstr("/retention/policies/0/view: found \"hidden\""));
}

TEST(RetentionRulesTest, DevicesHaveMarks) {
  const auto with_devices = [](std::string_view list, std::string_view route = "") {
    return with_policy(
        fmt::format(R"("type": "keep", "view": "hide_for_device", "devices": [{}])", list), route);
  };
  EXPECT_EQ(with_policy(R"("type": "keep", "view": "hide_for_device")"), "");
  EXPECT_EQ(with_devices(R"("network")"), "");
  EXPECT_THAT(with_devices(R"("suffix")"),
              HasSubstr("warning: /retention/policies/0/devices/0: no client has a suffix"));
  EXPECT_EQ(with_devices(R"("suffix")", R"(, "device_suffix": "+")"), "");
  EXPECT_THAT(with_devices(R"("network", "certificate")"),
              HasSubstr("warning: /retention/policies/0/devices/1: no client has a certificate"));
  EXPECT_THAT(with_devices(R"("network", "network")"),
              HasSubstr("/retention/policies/0/devices/1: this mark stands here twice"));
  EXPECT_THAT(with_devices(""), HasSubstr("/retention/policies/0/devices: found a list of 0"));
  EXPECT_THAT(with_devices(R"("color")"),
              HasSubstr("/retention/policies/0/devices/0: found \"color\""));
}

TEST(RetentionRulesTest, ASuffixBeginsWithASign) {
  for (const char* sign : {"+", "-", ".", "~", "", "!", "#"}) {
    EXPECT_EQ(with("", fmt::format(R"(, "device_suffix": "{}")", sign), ""), "") << sign;
  }
  for (const char* sign : {"a", "Z", "0", "@", " ", "++", "{", "}", "ä"}) {
    EXPECT_THAT(with("", fmt::format(R"(, "device_suffix": "{}")", sign), ""),
                HasSubstr("/routes/0/device_suffix: found \"" + std::string(sign) + "\""));
  }
}

TEST(RetentionRulesTest, BrakesHoldWhatMoves) {
  EXPECT_THAT(with_policy(R"("type": "client", "brake": {"percent": 101})"),
              HasSubstr("/retention/policies/0/brake/percent: found 101, must be a whole number "
                        "from 0 to 100"));
  EXPECT_EQ(with_policy(R"("type": "client", "brake": {"percent": 100, "messages": 1})"), "");
  for (const char* type : {"keep", "read_only"}) {
    EXPECT_THAT(with_policy(fmt::format(R"("type": "{}", "brake": {{"messages": 1}})", type)),
                HasSubstr("warning: /retention/policies/0/brake: has no effect"));
  }
  EXPECT_THAT(with_policy(R"("type": "client", "dry_run": true)"),
              HasSubstr("warning: /retention/policies/0/dry_run: has no effect"));
  EXPECT_EQ(with_policy(R"("type": "client", "dry_run": true, "brake": {"messages": 1})"), "");
  EXPECT_EQ(with_policy(R"("type": "keep", "dry_run": true)"), "");
}

TEST(RetentionRulesTest, RedisIsFoundSomewhere) {
  EXPECT_EQ(with_redis(R"("address": "127.0.0.1")"), "");
  EXPECT_EQ(with_redis(R"("address": "unix:/r", "database": 65535, "prefix": "")"), "");
  EXPECT_THAT(with_redis(R"("database": 1)"),
              HasSubstr("/retention/store/address: missing, or \"sentinels\""));
  EXPECT_THAT(with_redis(R"("address": "a b")"), HasSubstr("/retention/store/address: \"a b\""));
  EXPECT_THAT(with_redis(R"("address": ":6379")"),
              HasSubstr("/retention/store/address: names no host"));
  EXPECT_THAT(with_redis(R"("address": "127.0.0.1:0")"),
              HasSubstr("/retention/store/address: port 0"));
  EXPECT_THAT(with_redis(R"("sentinels": ["127.0.0.1", ":1"], "sentinel_master": "m")"),
              HasSubstr("/retention/store/sentinels/1: names no host"));
  EXPECT_THAT(with_redis(R"("address": "127.0.0.1", "sentinels": ["127.0.0.1"])"),
              HasSubstr("/retention/store/sentinels: only one of"));
  EXPECT_THAT(with_redis(R"("sentinels": ["127.0.0.1"])"),
              HasSubstr("/retention/store/sentinel_master: missing"));
  EXPECT_EQ(with_redis(R"("sentinels": ["127.0.0.1"], "sentinel_master": "m",
                          "sentinel_password_file": "s")"),
            "");
  EXPECT_THAT(with_redis(R"("address": "127.0.0.1", "sentinel_master": "m")"),
              HasSubstr("/retention/store/sentinel_master: there are no \"sentinels\""));
  EXPECT_THAT(with_redis(R"("address": "127.0.0.1", "sentinel_password_file": "m")"),
              HasSubstr("/retention/store/sentinel_password_file: there are no \"sentinels\""));
  EXPECT_THAT(with_redis(R"("address": "127.0.0.1", "user": "u")"),
              HasSubstr("/retention/store/password_file: missing"));
  EXPECT_THAT(with_redis(R"("address": "127.0.0.1", "prefix": "{a}")"),
              HasSubstr("/retention/store/prefix: found \"{a}\""));
  EXPECT_THAT(with_store(R"("type": "redis", "address": "127.0.0.1")"),
              HasSubstr("/retention/key_file: missing: all who use the same store"));
}

TEST(RetentionRulesTest, RedisSpeaksTls) {
  EXPECT_EQ(with_redis(R"("address": "192.0.2.1", "tls": true)"), "");
  EXPECT_THAT(
      with_redis(R"("address": "192.0.2.1")"),
      HasSubstr("warning: /retention/store/tls: records travel in plain text to 192.0.2.1"));
  EXPECT_THAT(with_redis(R"("address": "192.0.2.1", "tls": true, "verify": false)"),
              HasSubstr("warning: /retention/store/verify: whoever answers"));
  EXPECT_THAT(with_redis(R"("address": "unix:/r", "tls": true)"),
              HasSubstr("/retention/store/server_name: missing"));
  EXPECT_THAT(with_redis(R"("sentinels": ["127.0.0.1"], "sentinel_master": "m", "tls": true)"),
              HasSubstr("/retention/store/server_name: missing: it must be known whatever"));
  EXPECT_THAT(with_redis(R"("address": "127.0.0.1", "tls": true, "key": "k")"),
              HasSubstr("/retention/store/key: there is no \"certificate\""));
  const std::string idle = with_redis(R"("address": "127.0.0.1", "verify": false, "ca_file": "x",
    "server_name": "x", "certificate": "x")");
  for (const char* key : {"verify", "ca_file", "server_name", "certificate"}) {
    EXPECT_THAT(idle, HasSubstr(fmt::format(
                          "warning: /retention/store/{}: has no effect without tls", key)));
  }
}

TEST(RetentionRulesTest, AStoreHasWhatItsTypeNeeds) {
  EXPECT_THAT(with_store(R"("file": "r.sqlite")"),
              HasSubstr("/retention/store/file: must be an absolute path"));
  EXPECT_THAT(with_store(R"("type": "memory")"),
              HasSubstr("warning: /retention/store/type: what was deleted and kept is forgotten"));
  EXPECT_THAT(with_store(R"("type": "memory", "file": "/r")"),
              HasSubstr("/retention/store/file: only a store of type \"sqlite\" has one"));
  EXPECT_THAT(with_redis(R"("address": "127.0.0.1", "file": "/r")"),
              HasSubstr("/retention/store/file: only a store of type \"sqlite\" has one"));
  for (const std::string_view member :
       {R"("address": "127.0.0.1")", R"("sentinels": ["127.0.0.1"])", R"("sentinel_master": "m")",
        R"("tls": true)", R"("verify": false)", R"("ca_file": "x")", R"("server_name": "x")",
        R"("certificate": "x")", R"("key": "x")", R"("user": "x")", R"("password_file": "x")",
        R"("sentinel_password_file": "x")", R"("database": 1)", R"("prefix": "x")",
        R"("connect_timeout": "1s")", R"("timeout": "1s")"}) {
    const std::string_view key = member.substr(1, member.find('"', 1) - 1);
    EXPECT_THAT(
        with_store(member),
        HasSubstr(fmt::format("/retention/store/{}: only a store of type \"redis\" has one", key)));
  }
}

/// A list with `count` copies of `item`.
std::string list_of(std::size_t count, std::string_view item) {
  std::string text = "[";
  for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "" : ", ") + std::string(item);
  return text + "]";
}

TEST(RetentionRulesTest, CountsHaveLimits) {
  const Loaded loaded = loaded_with("", "", R"("hold": )" + list_of(10'000, R"("a*")"));
  ASSERT_TRUE(loaded.config) << problems(loaded);
  EXPECT_EQ(loaded.config->retention.hold.size(), 10'000U);
  EXPECT_THAT(with("", "", R"("hold": )" + list_of(10'001, R"("a*")")),
              HasSubstr("/retention/hold: found a list of 10001 items"));
  const auto policies = [](std::size_t count) {
    std::string text = "[";
    for (std::size_t i = 0; i < count; ++i) {
      text += fmt::format(R"({}{{"name": "p{}", "type": "keep"}})", i == 0 ? "" : ", ", i);
    }
    return with("", "", R"("policies": )" + text + "]");
  };
  EXPECT_THAT(policies(64), Not(HasSubstr("/retention/policies: ")));
  EXPECT_THAT(policies(65), HasSubstr("/retention/policies: found a list of 65 items"));
  EXPECT_THAT(
      with_redis(R"("sentinel_master": "m", "sentinels": )" + list_of(17, R"("127.0.0.1")")),
      HasSubstr("/retention/store/sentinels: found a list of 17 items"));
  EXPECT_THAT(with("", "", R"("forget_after": "1m")"),
              HasSubstr("/retention/forget_after: found \"1m\""));
}

Loaded with_flag(std::string retention, std::string_view file = {}) {
  Overrides overrides;
  overrides.retention = std::move(retention);
  return load(file.empty() ? file_with("") : std::string(file), overrides);
}

TEST(RetentionRulesTest, OneFlagMakesAPolicyForAllListeners) {
  const Loaded loaded = with_flag("keep_for:30d");
  ASSERT_TRUE(loaded.config) << problems(loaded);
  EXPECT_EQ(problems(loaded), "");
  ASSERT_EQ(loaded.config->retention.policies.size(), 1U);
  EXPECT_EQ(loaded.config->retention.policies[0].name, "keep_for");
  EXPECT_EQ(loaded.config->retention.policies[0].type, RetentionType::keep_for);
  EXPECT_EQ(loaded.config->retention.policies[0].period, std::chrono::days(30));
  EXPECT_EQ(loaded.config->listeners[0].retention, "keep_for");
  for (const char* type : {"keep", "delete_after_retrieval", "read_only"}) {
    EXPECT_EQ(problems(with_flag(type)), "") << type;
  }
}

TEST(RetentionRulesTest, TheFlagTakesPoliciesAway) {
  const std::string file = R"({"listeners": [{"address": "127.0.0.1:110", "tls": "none",
    "retention": "p"}], "upstream": {"address": "127.0.0.1"},
    "retention": {"policies": [{"name": "p", "type": "keep"}]}})";
  const Loaded loaded = with_flag("client", file);
  ASSERT_TRUE(loaded.config) << problems(loaded);
  EXPECT_EQ(loaded.config->listeners[0].retention, "");
  const Loaded beside = with_flag("read_only", file);
  ASSERT_TRUE(beside.config) << problems(beside);
  EXPECT_EQ(beside.config->listeners[0].retention, "read_only");
  EXPECT_EQ(beside.config->retention.policies.size(), 2U);
}

TEST(RetentionRulesTest, WhatIsWrongWithTheFlagIsSaidOfTheFlag) {
  EXPECT_THAT(problems(with_flag("sweep")), HasSubstr("--retention: found \"sweep\", must be"));
  EXPECT_THAT(problems(with_flag("keep_for")), HasSubstr("--retention: missing: for how long"));
  EXPECT_THAT(problems(with_flag("keep_for:")), HasSubstr("--retention: found \"\", must be a"));
  EXPECT_THAT(problems(with_flag("keep:1d")), HasSubstr("--retention: only a policy of type"));
  EXPECT_THAT(problems(with_flag("client:1d")), HasSubstr("--retention: this name means"));
  EXPECT_THAT(problems(with_flag("keep\n")), HasSubstr("--retention: a text contains a control"));
  EXPECT_THAT(problems(with_flag("keep", file_with(R"("retention": 5)"))),
              HasSubstr("/retention: found 5"));
  EXPECT_THAT(problems(with_flag("keep", file_with(R"("retention": {"policies": {}})"))),
              HasSubstr("/retention/policies: found an object"));
  EXPECT_THAT(
      problems(with_flag(
          "keep", file_with(R"("retention": {"policies": [{"name": "keep", "type": "keep"}]})"))),
      HasSubstr("--retention: /retention/policies/0 already has this name"));
}

TEST(RetentionRulesTest, TheFileOfTheStoreIsAFlag) {
  Overrides overrides;
  overrides.retention_file = "/r.sqlite";
  const Loaded loaded = load(file_with(""), overrides);
  ASSERT_TRUE(loaded.config) << problems(loaded);
  EXPECT_EQ(loaded.config->retention.store.file, "/r.sqlite");
  overrides.retention_file = "r";
  EXPECT_THAT(problems(load(file_with(""), overrides)),
              HasSubstr("--retention-file: must be an absolute path"));
  EXPECT_THAT(problems(load(file_with(R"("retention": {"store": 5})"), overrides)),
              HasSubstr("/retention/store: found 5"));
}

}  // namespace
}  // namespace gatepost::config
