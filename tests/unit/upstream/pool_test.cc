#include "proxy/upstream/pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace gatepost::upstream {
namespace {

constexpr Instant kNow{std::chrono::hours(1)};
constexpr int kUsers = 10'000;

Server server_named(const std::string& host, std::uint32_t weight = 1,
                    std::uint32_t max_connections = 0) {
  Server server;
  server.address = {.host = host, .port = 110, .path = {}};
  server.weight = weight;
  server.max_connections = max_connections;
  server.state = std::make_shared<ServerState>(config::HealthCheck{.rise = 1, .fall = 1});
  return server;
}

std::vector<Server> some_servers(int n) {
  std::vector<Server> servers;
  for (int i = 1; i <= n; ++i) servers.push_back(server_named(fmt::format("pop{}.example", i)));
  return servers;
}

config::Pool pool_config(config::Balance balance = config::Balance::least_connections) {
  config::Pool config;
  config.name = "test";
  config.balance = balance;
  return config;
}

/// Where a user goes when nobody else is there; "" if nowhere.
std::string host_of(const Pool& pool, std::string_view user, Instant now = kNow) {
  const auto choice = pool.choose(user, {}, now);
  return choice ? choice->server->address.host : "";
}

std::string user_name(int i) { return fmt::format("user{}@example.org", i); }

/// Users per host, each logged in for good.
std::map<std::string, int> fill(const Pool& pool, int users, std::vector<Lease>& leases,
                                Instant now = kNow) {
  std::map<std::string, int> count;
  for (int i = 0; i < users; ++i) {
    auto choice = pool.choose(user_name(i), {}, now);
    if (!choice) {
      ++count[""];
      continue;
    }
    ++count[choice->server->address.host];
    leases.push_back(std::move(choice->lease));
  }
  return count;
}

TEST(LeastConnections, shares_the_sessions_by_weight) {
  std::vector<Server> servers = {server_named("a", 1), server_named("b", 2), server_named("c", 5)};
  const Pool pool(pool_config(), servers);
  std::vector<Lease> leases;
  auto count = fill(pool, 8'000, leases);
  EXPECT_NEAR(count["a"], 1'000, 2);
  EXPECT_NEAR(count["b"], 2'000, 2);
  EXPECT_NEAR(count["c"], 5'000, 2);
  leases.clear();
  for (const Server& server : servers) EXPECT_EQ(server.state->sessions(), 0U);
}

TEST(LeastConnections, prefers_who_has_fewest) {
  std::vector<Server> servers = some_servers(3);
  const Pool pool(pool_config(), servers);
  std::vector<Lease> leases;
  for (int i = 0; i < 10; ++i) leases.push_back(Lease::take(servers[0]));
  for (int i = 0; i < 10; ++i) leases.push_back(Lease::take(servers[2]));
  for (int i = 0; i < 10; ++i) {
    auto choice = pool.choose("joe", {}, kNow);
    ASSERT_TRUE(choice.has_value());
    EXPECT_EQ(choice->server->address.host, "pop2.example");
    leases.push_back(std::move(choice->lease));
  }
}

TEST(LeastConnections, lets_equals_take_turns) {
  const Pool pool(pool_config(), some_servers(4));
  std::map<std::string, int> count;
  for (int i = 0; i < 400; ++i) ++count[host_of(pool, "joe")];  // each leaves at once
  for (const auto& [host, n] : count) EXPECT_EQ(n, 100) << host;
}

TEST(LeastConnections, begins_anywhere) {
  std::set<std::string> first;
  for (int i = 0; i < 200; ++i) first.insert(host_of(Pool(pool_config(), some_servers(3)), "joe"));
  EXPECT_EQ(first.size(), 3U);
}

TEST(UserHash, spreads_users_by_weight) {
  const Pool pool(pool_config(config::Balance::user_hash),
                  {server_named("a", 1), server_named("b", 2), server_named("c", 1)});
  std::map<std::string, int> count;
  for (int i = 0; i < kUsers; ++i) ++count[host_of(pool, user_name(i))];
  EXPECT_NEAR(count["a"], kUsers / 4, kUsers / 50);
  EXPECT_NEAR(count["b"], kUsers / 2, kUsers / 50);
  EXPECT_NEAR(count["c"], kUsers / 4, kUsers / 50);
}

TEST(UserHash, knows_users_again_in_any_case_process_and_order) {
  const Pool pool(pool_config(config::Balance::user_hash), some_servers(5));
  std::vector<Server> reversed = some_servers(5);
  std::ranges::reverse(reversed);
  const Pool replica(pool_config(config::Balance::user_hash), std::move(reversed));
  for (int i = 0; i < 1'000; ++i) {
    const std::string user = user_name(i);
    EXPECT_EQ(host_of(pool, user), host_of(replica, user));
    EXPECT_EQ(host_of(pool, user), host_of(pool, "USER" + user.substr(4)));
  }
  // Fixed for good: another outcome would send everybody elsewhere at an update.
  EXPECT_EQ(host_of(pool, "joe"), "pop3.example");
  EXPECT_EQ(host_of(pool, "jane@example.org"), "pop1.example");
}

TEST(UserHash, moves_only_users_of_the_server_that_goes) {
  const std::vector<Server> servers = some_servers(5);
  const Pool pool(pool_config(config::Balance::user_hash), servers);
  std::map<std::string, std::string> before;
  for (int i = 0; i < kUsers; ++i) before[user_name(i)] = host_of(pool, user_name(i));
  static_cast<void>(servers[1].state->failed(kNow));
  const Pool smaller(pool_config(config::Balance::user_hash),
                     {servers[0], servers[2], servers[3], servers[4]});
  std::map<std::string, int> moved_to;
  for (const auto& [user, host] : before) {
    const std::string now = host_of(pool, user);
    EXPECT_EQ(now, host_of(smaller, user)) << "down and gone are the same";
    if (host == "pop2.example") {
      ++moved_to[now];
    } else {
      EXPECT_EQ(now, host);
    }
  }
  EXPECT_EQ(moved_to.count("pop2.example"), 0U);
  EXPECT_EQ(moved_to.size(), 4U);
  for (const auto& [host, n] : moved_to) EXPECT_NEAR(n, kUsers / 20, kUsers / 100) << host;
}

TEST(UserHash, shares_sessions_while_the_user_is_not_known) {
  const Pool pool(pool_config(config::Balance::user_hash), some_servers(3));
  std::set<std::string> hosts;
  std::vector<Lease> leases;
  for (int i = 0; i < 3; ++i) {
    auto choice = pool.choose("", {}, kNow);
    ASSERT_TRUE(choice.has_value());
    hosts.insert(choice->server->address.host);
    leases.push_back(std::move(choice->lease));
  }
  EXPECT_EQ(hosts.size(), 3U);
}

TEST(PoolSlowStart, gives_a_server_that_came_up_its_share_little_by_little) {
  for (const auto balance : {config::Balance::least_connections, config::Balance::user_hash}) {
    config::Pool config = pool_config(balance);
    config.slow_start = Duration(100'000);
    const std::vector<Server> servers = some_servers(2);
    const Pool pool(config, servers);
    static_cast<void>(servers[1].state->succeeded(kNow));
    const auto share_at = [&](Duration later) {
      std::vector<Lease> leases;
      return static_cast<double>(fill(pool, kUsers, leases, kNow + later)["pop2.example"]) / kUsers;
    };
    EXPECT_NEAR(share_at(Duration(0)), 0.5, 0.02) << "it was never down";
    static_cast<void>(servers[1].state->failed(kNow));
    static_cast<void>(servers[1].state->succeeded(kNow));
    EXPECT_NEAR(share_at(Duration(0)), 0.1 / 1.1, 0.02);
    EXPECT_NEAR(share_at(Duration(50'000)), 0.55 / 1.55, 0.02);
    EXPECT_NEAR(share_at(Duration(100'000)), 0.5, 0.02);
    EXPECT_NEAR(share_at(Duration(500'000)), 0.5, 0.02);
    EXPECT_NEAR(share_at(Duration(-5)), 0.1 / 1.1, 0.02) << "clocks of other threads may be behind";
  }
}

TEST(Pool, passes_over_servers_that_are_down_or_full) {
  for (const auto balance : {config::Balance::least_connections, config::Balance::user_hash}) {
    const std::vector<Server> servers = {server_named("down"), server_named("full", 1, 10),
                                         server_named("well")};
    static_cast<void>(servers[0].state->failed(kNow));
    const Pool pool(pool_config(balance), servers);
    std::vector<Lease> leases;
    auto count = fill(pool, 100, leases);
    EXPECT_EQ(count["down"], 0);
    EXPECT_EQ(count["full"], 10);
    EXPECT_EQ(count["well"], 90);
  }
}

TEST(Pool, asks_stand_by_servers_only_when_the_others_cannot_serve) {
  std::vector<Server> servers = {server_named("stand-by"), server_named("a", 1, 1),
                                 server_named("b", 1, 1)};
  servers[0].priority = 1;
  for (const auto balance : {config::Balance::least_connections, config::Balance::user_hash}) {
    const Pool pool(pool_config(balance), servers);
    std::vector<Lease> leases;
    EXPECT_EQ(fill(pool, 2, leases), (std::map<std::string, int>{{"a", 1}, {"b", 1}}));
    EXPECT_EQ(host_of(pool, "joe"), "stand-by") << "the others are full";
    leases.clear();
    EXPECT_NE(host_of(pool, "joe"), "stand-by");
  }
  for (const std::size_t i : {1U, 2U}) static_cast<void>(servers[i].state->failed(kNow));
  EXPECT_EQ(host_of(Pool(pool_config(), servers), "joe"), "stand-by") << "the others are down";
}

TEST(Pool, asks_servers_that_are_down_when_no_other_is_left) {
  const std::vector<Server> servers = some_servers(3);
  static_cast<void>(servers[0].state->failed(kNow));
  static_cast<void>(servers[2].state->failed(kNow));
  const Pool pool(pool_config(), servers);
  std::vector<const Server*> tried;
  std::vector<std::string> hosts;
  while (auto choice = pool.choose("joe", tried, kNow)) {
    tried.push_back(choice->server);
    hosts.push_back(choice->server->address.host);
    ASSERT_LE(tried.size(), 3U);
  }
  ASSERT_EQ(hosts.size(), 3U);
  EXPECT_EQ(hosts[0], "pop2.example");
}

TEST(Pool, has_no_server_when_all_are_full_or_were_tried) {
  const std::vector<Server> servers = {server_named("a", 1, 1), server_named("b", 1, 1)};
  const Pool pool(pool_config(), servers);
  const auto a = pool.choose("joe", {}, kNow);
  const auto b = pool.choose("joe", {}, kNow);
  EXPECT_TRUE(a && b);
  EXPECT_FALSE(pool.choose("joe", {}, kNow).has_value());
  EXPECT_FALSE(Pool(pool_config(), {}).choose("joe", {}, kNow).has_value());
}

TEST(Pool, says_how_often_a_login_may_be_tried) {
  config::Pool config = pool_config();
  config.retries = 0;
  EXPECT_EQ(Pool(config, some_servers(1)).attempts(), 1U);
  config.retries = 4;
  EXPECT_EQ(Pool(config, some_servers(1)).attempts(), 5U);
}

TEST(PoolCapabilities, are_what_all_servers_offer) {
  const std::vector<Server> servers = some_servers(3);
  const Pool pool(pool_config(), servers);
  EXPECT_FALSE(pool.known_capabilities().has_value());
  const auto learn = [&](int i, std::string_view body) {
    servers[static_cast<std::size_t>(i)].state->learned(body);
  };
  learn(0, "TOP\r\nUIDL\r\nSASL PLAIN CRAM-MD5 LOGIN\r\n");
  learn(1, "UIDL\r\nUTF8\r\nSASL CRAM-MD5 SCRAM-SHA-1 LOGIN\r\n");
  EXPECT_FALSE(pool.known_capabilities().has_value()) << "the third was never asked";
  static_cast<void>(servers[2].state->failed(kNow));
  ASSERT_TRUE(pool.known_capabilities().has_value()) << "the third is down";
  learn(2, "uidl\r\nsasl login xoauth2\r\n");
  const auto known = pool.known_capabilities();
  ASSERT_TRUE(known.has_value());
  EXPECT_TRUE(known->has("UIDL"));
  EXPECT_FALSE(known->has("TOP"));
  EXPECT_FALSE(known->has("UTF8"));
  EXPECT_TRUE(known->has_sasl("LOGIN"));
  EXPECT_FALSE(known->has_sasl("CRAM-MD5"));
  EXPECT_FALSE(known->has_sasl("XOAUTH2"));
  learn(0, "");
  ASSERT_TRUE(pool.known_capabilities().has_value());
  EXPECT_TRUE(pool.known_capabilities()->empty()) << "one knows no CAPA";
}

TEST(PoolCapabilities, are_unknown_where_no_server_was_ever_reached) {
  const std::vector<Server> servers = some_servers(1);
  static_cast<void>(servers[0].state->failed(kNow));
  EXPECT_FALSE(Pool(pool_config(), servers).known_capabilities().has_value());
  EXPECT_FALSE(Pool(pool_config(), {}).known_capabilities().has_value());
}

// ---- Why

TEST(PoolExplains, what_kept_others_back) {
  std::vector<Server> servers = some_servers(3);
  servers.push_back(server_named("full.example", 1, 1));
  servers[0].state->failed(kNow);
  servers[2].priority = 7;
  const Lease lease = Lease::take(servers[3]);
  const Pool pool(pool_config(), servers);
  const auto choice = pool.choose("joe", {}, kNow);
  ASSERT_TRUE(choice);
  EXPECT_EQ(pool.explain(*choice->server, {}),
            "server pop2.example:110 of pool test, by least_connections: 1 sessions with this one\n"
            "not pop1.example:110: it is down\n"
            "not pop3.example:110: it is a standby: priority 7\n"
            "not full.example:110: it is full: 1 sessions");
  const Server* const tried[] = {&pool.servers()[0], &pool.servers()[2]};
  EXPECT_EQ(pool.explain(*choice->server, tried),
            "server pop2.example:110 of pool test, by least_connections: 1 sessions with this one\n"
            "not full.example:110: it is full: 1 sessions");
  EXPECT_EQ(pool.path(), "/pools/test");
}

TEST(PoolExplains, no_more_servers_than_that) {
  const Pool pool(pool_config(config::Balance::user_hash),
                  some_servers(static_cast<int>(Pool::kMaxServersTold) + 3));
  const std::string text = pool.explain(pool.servers()[0], {});
  EXPECT_TRUE(text.starts_with("server pop1.example:110 of pool test, by user_hash\n")) << text;
  EXPECT_EQ(std::ranges::count(text, '\n'), static_cast<int>(Pool::kMaxServersTold) + 1) << text;
  EXPECT_TRUE(text.ends_with("\nnor 2 more")) << text;
}

}  // namespace
}  // namespace gatepost::upstream
