#include "proxy/upstream/health_checker.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "proxy/net/proxy_protocol.h"
#include "tests/support/fake_connector.h"
#include "tests/support/fake_timers.h"
#include "tests/support/leak_check.h"

namespace gatepost::testing {
namespace {

using upstream::HealthChecker;
using upstream::Pool;
using upstream::Server;
using upstream::ServerState;
using Health = ServerState::Health;

constexpr Duration kInterval{10'000};

/// Servers that are well or not, as the test says.
class CheckHarness {
 public:
  CheckHarness() {
    config.name = "office";
    config.health_check = {.interval = kInterval, .rise = 2, .fall = 2};
    checker = std::make_unique<HealthChecker>(
        upstream::Environment{.timers = timers, .connector = connector, .pool = blocks},
        [this](const Pool& pool, const Server& server, std::string_view problem) {
          EXPECT_FALSE(watching_) << "told inside watch()";
          EXPECT_EQ(pool.name(), "office");
          changes.push_back(server.address.host + (problem.empty() ? " up" : " down: ") +
                            std::string(problem));
        });
  }
  ~CheckHarness() {
    checker.reset();
    EXPECT_EQ(connector.pending(), 0U);
    EXPECT_EQ(timers.armed(), 0U);
  }
  CheckHarness(const CheckHarness&) = delete;
  CheckHarness& operator=(const CheckHarness&) = delete;

  void add(int n) {
    for (int i = 0; i < n; ++i) {
      Server server;
      server.address = {.host = fmt::format("s{}", servers.size() + 1), .port = 110, .path = {}};
      server.state = std::make_shared<ServerState>(config.health_check);
      servers.push_back(std::move(server));
    }
  }
  void watch() {
    watching_ = true;
    checker->watch({std::make_shared<const Pool>(config, servers)}, timeouts);
    watching_ = false;
  }
  ServerState& state(std::size_t i = 0) { return *servers[i].state; }

  /// All who are asked now answer; returns their names.
  std::vector<std::string> answer() {
    std::vector<std::string> asked;
    while (connector.pending() > 0) {
      asked.push_back(connector.target().host);
      if (sick.contains(asked.back())) {
        connector.fail(ErrorCode::refused);
      } else {
        converse();
      }
      timers.advance(Duration(0));
    }
    return asked;
  }
  void says(MemoryPeer& peer, std::string_view text) {
    peer.deliver(text);
    while (peer.turn()) {
    }
  }
  void converse() {
    const std::shared_ptr<MemoryPeer> peer = connector.accept();
    says(*peer, "+OK ready\r\n");
    says(*peer, "+OK\r\nTOP\r\n.\r\n");
    EXPECT_EQ(peer->take_sent(), "CAPA\r\nQUIT\r\n");
    says(*peer, "+OK bye\r\n");
    EXPECT_TRUE(peer->saw_fin());
    EXPECT_FALSE(peer->saw_reset());
  }
  /// Who is asked in the next `by`, one a millisecond.
  std::vector<std::string> pass(Duration by) {
    std::vector<std::string> asked;
    while (by > Duration(0)) {
      const Duration step = std::min(by, timers.next().value_or(by));
      timers.advance(std::max(step, Duration(1)));
      by -= std::max(step, Duration(1));
      for (std::string& name : answer()) asked.push_back(std::move(name));
    }
    return asked;
  }

  TestPool blocks;
  FakeTimers timers;
  FakeConnector connector{blocks};
  config::Pool config;
  config::Timeouts timeouts;
  std::vector<Server> servers;
  std::map<std::string, bool> sick;
  std::vector<std::string> changes;
  std::unique_ptr<HealthChecker> checker;

 private:
  bool watching_ = false;
};

using Strings = std::vector<std::string>;

TEST(HealthChecker, asks_at_once_and_then_regularly) {
  CheckHarness h;
  h.add(1);
  h.watch();
  EXPECT_EQ(h.answer(), Strings{"s1"});
  EXPECT_EQ(h.state().health(), Health::up);
  ASSERT_NE(h.state().capabilities(), nullptr);
  EXPECT_TRUE(h.state().capabilities()->has("TOP"));
  EXPECT_EQ(h.pass(kInterval - Duration(1)), Strings{});
  EXPECT_EQ(h.pass(Duration(1)), Strings{"s1"});
  EXPECT_EQ(h.pass(kInterval * 10).size(), 10U);
  EXPECT_EQ(h.changes, Strings{"s1 up"});
}

TEST(HealthChecker, tells_once_that_a_server_goes_down_or_up) {
  CheckHarness h;
  h.add(2);
  h.sick["s1"];
  h.watch();
  h.answer();
  EXPECT_EQ(h.changes, Strings{"s2 up"});
  h.pass(kInterval);
  EXPECT_EQ(h.state(0).health(), Health::down);
  const std::string down = "s1 down: connect: the test refused";
  EXPECT_EQ(h.changes, (Strings{"s2 up", down}));
  h.pass(kInterval * 5);
  EXPECT_EQ(h.changes.size(), 2U);
  h.sick.clear();
  h.pass(kInterval);
  EXPECT_EQ(h.state(0).health(), Health::down) << "it takes two to rise";
  h.pass(kInterval);
  EXPECT_EQ(h.state(0).health(), Health::up);
  h.pass(kInterval * 5);
  EXPECT_EQ(h.changes, (Strings{"s2 up", down, "s1 up"}));
}

TEST(HealthChecker, asks_only_a_few_at_a_time_and_then_spreads_them) {
  CheckHarness h;
  h.add(20);
  h.watch();
  EXPECT_EQ(h.connector.pending(), HealthChecker::kMaxAtOnce);
  EXPECT_EQ(h.answer().size(), 20U);
  std::vector<std::size_t> per_second;
  for (int i = 0; i < 10; ++i) per_second.push_back(h.pass(kInterval / 10).size());
  for (const std::size_t n : per_second) EXPECT_EQ(n, 2U);
  EXPECT_EQ(h.pass(kInterval).size(), 20U);
}

TEST(HealthChecker, lets_silent_servers_delay_others_no_longer_than_their_time) {
  CheckHarness h;
  h.add(10);
  h.watch();
  std::vector<std::shared_ptr<MemoryPeer>> silent;
  for (std::size_t i = 0; i < HealthChecker::kMaxAtOnce; ++i) {
    silent.push_back(h.connector.accept());
  }
  EXPECT_EQ(h.connector.pending(), 0U);
  h.timers.advance(h.timeouts.upstream_greeting);
  h.timers.advance(Duration(0));
  EXPECT_EQ(h.answer(), (Strings{"s9", "s10"}));
  for (const auto& peer : silent) EXPECT_TRUE(peer->destroyed());
}

TEST(HealthChecker, leaves_a_server_that_does_not_say_goodbye) {
  for (const std::string farewell : {"", "-ERR\r\n", "220 what?\r\n", "(ends)", "+OK"}) {
    CheckHarness h;
    h.add(1);
    h.watch();
    const auto peer = h.connector.accept();
    h.says(*peer, "+OK\r\n");
    h.says(*peer, "-ERR\r\n");
    EXPECT_EQ(h.changes, Strings{"s1 up"});
    if (farewell == "(ends)") {
      peer->end();
      while (peer->turn()) {
      }
    } else {
      h.says(*peer, farewell);
    }
    h.timers.advance(HealthChecker::kFarewell);
    h.timers.advance(Duration(0));
    EXPECT_TRUE(peer->destroyed()) << farewell;
    EXPECT_EQ(h.state().health(), Health::up);
    EXPECT_EQ(h.pass(kInterval + Duration(1)), Strings{"s1"});
  }
}

TEST(HealthChecker, says_that_it_comes_for_itself) {
  CheckHarness h;
  h.add(1);
  h.servers[0].proxy_protocol = config::ProxyProtocol::v1;
  h.servers[0].xclient = true;
  h.watch();
  const auto peer = h.connector.accept();
  h.says(*peer, "+OK [XCLIENT] ready\r\n");
  EXPECT_EQ(peer->sent().substr(0, 13), "PROXY UNKNOWN");
  EXPECT_EQ(peer->sent().find("XCLIENT"), std::string::npos);
  EXPECT_TRUE(peer->sent().ends_with("\r\nCAPA\r\n"));
}

TEST(HealthChecker, asks_once_where_there_is_no_interval) {
  CheckHarness h;
  h.config.health_check.interval = Duration(0);
  h.add(2);
  h.sick["s2"];
  h.watch();
  EXPECT_EQ(h.answer().size(), 2U);
  // One that could not be reached is looked for until it is up.
  EXPECT_EQ(h.pass(HealthChecker::kLookAgain), Strings{"s2"});
  h.sick.clear();
  h.pass(HealthChecker::kLookAgain * 2);
  EXPECT_EQ(h.state(1).health(), Health::up);
  EXPECT_EQ(h.pass(HealthChecker::kLookAgain * 10), Strings{});
  // Logins bring it down; the checks bring it back.
  static_cast<void>(h.state(0).failed(h.timers.now()));
  static_cast<void>(h.state(0).failed(h.timers.now()));
  EXPECT_EQ(h.state(0).health(), Health::down);
  h.changes.clear();
  h.pass(HealthChecker::kLookAgain * 2);
  EXPECT_EQ(h.changes, (Strings{"s1 down: logins could not reach it", "s1 up"}));
}

TEST(HealthChecker, keeps_the_turns_of_known_servers_over_a_reload) {
  CheckHarness h;
  h.add(2);
  h.watch();
  h.answer();
  h.pass(kInterval / 2);
  EXPECT_EQ(h.connector.started(), 3U);
  h.add(1);
  h.watch();
  EXPECT_EQ(h.answer(), Strings{"s3"}) << "only the new one is asked at once";
  h.servers.erase(h.servers.begin());
  h.watch();
  EXPECT_EQ(h.answer(), Strings{});
  const Strings asked = h.pass(kInterval * 2);
  EXPECT_EQ(std::ranges::count(asked, "s1"), 0);
  EXPECT_EQ(std::ranges::count(asked, "s2"), 2);
  EXPECT_EQ(std::ranges::count(asked, "s3"), 2);
}

TEST(HealthChecker, takes_on_another_interval_at_a_reload) {
  CheckHarness h;
  h.config.health_check.interval = std::chrono::hours(1);
  h.add(1);
  h.watch();
  h.answer();
  h.config.health_check.interval = kInterval;
  h.watch();
  EXPECT_EQ(h.pass(kInterval), Strings{"s1"});
}

TEST(HealthChecker, may_be_reloaded_and_destroyed_at_any_moment) {
  for (int step = 0; step < 6; ++step) {
    for (const std::string what : {"reload", "empty", "destroy"}) {
      CheckHarness h;
      h.add(1);
      h.watch();
      std::shared_ptr<MemoryPeer> peer;
      if (step >= 1) peer = h.connector.accept();
      if (step >= 2) h.says(*peer, "+OK\r\n");
      if (step >= 3) h.says(*peer, "-ERR\r\n");
      if (step >= 4) h.says(*peer, "+OK bye\r\n");
      if (step >= 5) h.timers.advance(Duration(0));
      if (what == "reload") {
        h.watch();
        if (step == 0) peer = h.connector.accept();
        if (step < 2) h.says(*peer, "+OK\r\n");
        if (step < 3) h.says(*peer, "-ERR\r\n");
        if (step < 4) h.says(*peer, "+OK bye\r\n");
        h.timers.advance(Duration(0));
        EXPECT_TRUE(peer->destroyed());
        EXPECT_EQ(h.changes, Strings{"s1 up"});
      } else if (what == "empty") {
        h.servers.clear();
        h.watch();
        EXPECT_EQ(h.pass(kInterval * 3), Strings{});
      } else {
        h.checker.reset();
      }
    }
  }
}

TEST(HealthChecker, takes_servers_that_share_their_state_for_one) {
  CheckHarness h;
  h.add(2);
  h.servers[1].state = h.servers[0].state;
  h.watch();
  EXPECT_EQ(h.answer(), Strings{"s1"});
}

}  // namespace
}  // namespace gatepost::testing
