// One server after the other, until one lets itself be opened.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "proxy/upstream/pool_opening.h"
#include "tests/unit/upstream/opening_harness.h"

namespace gatepost::testing {
namespace {

using upstream::Lease;
using upstream::Opened;
using upstream::Opening;
using upstream::Pool;
using upstream::PoolOpening;
using upstream::Server;
using Health = upstream::ServerState::Health;

/// A PoolOpening whose servers are the test.
class PoolHarness : public Opening::Owner {
 public:
  explicit PoolHarness(int servers, std::uint32_t retries = 2) {
    config_.name = "office";
    config_.retries = retries;
    for (int i = 1; i <= servers; ++i) {
      Server server;
      server.address = {.host = fmt::format("pop{}.example", i), .port = 110, .path = {}};
      server.state = std::make_shared<upstream::ServerState>(config::HealthCheck{.fall = 1});
      servers_.push_back(std::move(server));
    }
  }
  virtual ~PoolHarness() {
    opening.reset();
    lease = Lease();
    EXPECT_EQ(connector.pending(), 0U);
    EXPECT_EQ(timers.armed(), 0U);
    EXPECT_EQ(sessions(), 0U) << "leases leak";
  }
  PoolHarness(const PoolHarness&) = delete;
  PoolHarness& operator=(const PoolHarness&) = delete;

  void start() {
    pool_ = std::make_unique<Pool>(config_, servers_);
    opening = std::make_unique<PoolOpening>(
        upstream::Environment{.timers = timers, .connector = connector, .pool = blocks}, timeouts,
        *pool_, some_client(), "joe", *this);
    EXPECT_EQ(told, 0) << "told inside the constructor";
  }
  /// The server asked now, and what it is called.
  [[nodiscard]] std::string asked() const {
    return connector.pending() == 1 ? connector.target().host : "";
  }
  std::string refuses(ErrorCode code = ErrorCode::refused) {
    std::string host = asked();
    connector.fail(code);
    turn();
    return host;
  }
  std::string lets_in() {
    std::string host = asked();
    peer = connector.accept();
    says("+OK\r\n");
    says("-ERR\r\n");
    return host;
  }
  void says(std::string_view text) {
    peer->deliver(text);
    while (peer->turn()) {
    }
    turn();
  }
  void turn() { timers.advance(Duration(0)); }
  [[nodiscard]] std::uint32_t sessions() const {
    std::uint32_t all = 0;
    for (const Server& server : servers_) all += server.state->sessions();
    return all;
  }
  [[nodiscard]] std::vector<Server>& servers() { return servers_; }

  void on_opening_finished() override {
    ++told;
    ASSERT_TRUE(opening->finished());
    result = opening->take();
    if (*result) lease = opening->take_lease();
    if (*result && destroy_at_once) opening.reset();
  }

  TestPool blocks;
  FakeTimers timers;
  FakeConnector connector{blocks};
  config::Timeouts timeouts;
  std::shared_ptr<MemoryPeer> peer;
  std::optional<Result<Opened>> result;
  Lease lease;
  bool destroy_at_once = false;
  int told = 0;
  std::unique_ptr<PoolOpening> opening;

 private:
  config::Pool config_;
  std::vector<Server> servers_;
  std::unique_ptr<Pool> pool_;
};

TEST(PoolOpening, opens_the_first_server_that_can_be) {
  for (const bool destroy : {false, true}) {
    PoolHarness p(3);
    p.destroy_at_once = destroy;
    p.start();
    EXPECT_EQ(p.sessions(), 1U);
    const std::string host = p.lets_in();
    EXPECT_EQ(p.told, 1);
    ASSERT_TRUE(p.result && *p.result);
    EXPECT_EQ(p.sessions(), 1U);
    if (!destroy) {
      EXPECT_EQ(p.opening->server()->address.host, host);
    }
    p.opening.reset();
    EXPECT_EQ(p.sessions(), 1U) << "the place is the session's now";
    p.lease = Lease();
    EXPECT_EQ(p.sessions(), 0U);
  }
}

TEST(PoolOpening, asks_the_next_one_in_the_next_turn) {
  PoolHarness p(3);
  p.start();
  const std::string first = p.asked();
  p.connector.fail(ErrorCode::refused);
  EXPECT_EQ(p.asked(), "") << "the failed one is not destroyed in its own callback";
  EXPECT_EQ(p.sessions(), 1U) << "the place of the failed one is given back";
  p.turn();
  const std::string second = p.lets_in();
  EXPECT_NE(first, second);
  EXPECT_EQ(p.told, 1);
  ASSERT_TRUE(p.result && *p.result);
  EXPECT_EQ(p.opening->server()->address.host, second);
}

TEST(PoolOpening, asks_each_server_once) {
  PoolHarness p(3, 10);
  p.start();
  std::map<std::string, int> asked;
  for (int i = 0; i < 3; ++i) ++asked[p.refuses()];
  EXPECT_EQ(asked.size(), 3U);
  EXPECT_EQ(p.told, 1);
  EXPECT_EQ(p.sessions(), 0U);
  ASSERT_TRUE(p.result && !*p.result);
}

TEST(PoolOpening, stops_when_the_attempts_are_used_up) {
  for (const std::uint32_t retries : {0U, 1U, 3U}) {
    PoolHarness p(5, retries);
    p.start();
    for (std::uint32_t i = 0; i < retries; ++i) {
      static_cast<void>(p.refuses());
      EXPECT_EQ(p.told, 0);
    }
    const std::string last = p.refuses(ErrorCode::timeout);
    EXPECT_EQ(p.told, 1);
    EXPECT_EQ(p.asked(), "");
    ASSERT_TRUE(p.result && !*p.result);
    EXPECT_EQ(p.result->error().code, ErrorCode::timeout);
    EXPECT_EQ(p.result->error().detail, last + ":110: connect: the test refused");
    EXPECT_EQ(p.opening->server()->address.host, last);
  }
}

TEST(PoolOpening, fails_over_at_any_step) {
  for (const std::string reply : {"-ERR [SYS/TEMP] full\r\n", "220 smtp\r\n", "+OK\r\n+OK\r\n"}) {
    PoolHarness p(2);
    p.start();
    p.peer = p.connector.accept();
    p.says(reply);
    EXPECT_EQ(p.told, 0);
    EXPECT_TRUE(p.peer->destroyed());
    static_cast<void>(p.lets_in());
    ASSERT_TRUE(p.result && *p.result);
    EXPECT_EQ(p.sessions(), 1U);
  }
}

TEST(PoolOpening, fails_over_after_silence) {
  PoolHarness p(2);
  p.start();
  p.peer = p.connector.accept();
  p.timers.advance(p.timeouts.upstream_greeting);
  p.turn();
  static_cast<void>(p.lets_in());
  ASSERT_TRUE(p.result && *p.result);
}

TEST(PoolOpening, asks_servers_that_are_down_last) {
  PoolHarness p(3);
  static_cast<void>(p.servers()[0].state->failed(Instant{}));
  static_cast<void>(p.servers()[1].state->failed(Instant{}));
  p.start();
  EXPECT_EQ(p.refuses(), "pop3.example");
  EXPECT_NE(p.lets_in(), "pop3.example");
  ASSERT_TRUE(p.result && *p.result);
}

TEST(PoolOpening, tells_later_that_no_server_can_be_asked) {
  {
    PoolHarness p(0);
    p.start();
    EXPECT_FALSE(p.opening->finished());
    p.turn();
    EXPECT_EQ(p.told, 1);
    ASSERT_TRUE(p.result && !*p.result);
    EXPECT_EQ(p.result->error().code, ErrorCode::network);
    EXPECT_EQ(p.result->error().detail, "pool office: no server is known");
    EXPECT_EQ(p.opening->server(), nullptr);
    EXPECT_FALSE(p.opening->try_next());
  }
  PoolHarness p(1);
  p.servers()[0].max_connections = 1;
  Lease other = Lease::take(p.servers()[0]);
  EXPECT_TRUE(other);
  p.start();
  p.turn();
  ASSERT_TRUE(p.result && !*p.result);
  EXPECT_EQ(p.result->error().code, ErrorCode::limit);
  EXPECT_EQ(p.result->error().detail, "pool office: every server is full");
  EXPECT_EQ(p.sessions(), 1U);
  other = Lease();
}

TEST(PoolOpening, goes_on_where_a_server_cannot_log_anybody_in) {
  PoolHarness p(3);
  p.start();
  std::map<std::string, int> asked;
  ++asked[p.lets_in()];
  ASSERT_TRUE(p.result && *p.result);
  for (int told = 2; told <= 3; ++told) {
    p.result.reset();
    p.lease = Lease();
    EXPECT_TRUE(p.opening->try_next());
    EXPECT_FALSE(p.opening->finished());
    EXPECT_EQ(p.sessions(), 1U);
    p.turn();
    ++asked[p.lets_in()];
    EXPECT_EQ(p.told, told);
    ASSERT_TRUE(p.result && *p.result);
  }
  EXPECT_EQ(asked.size(), 3U);
  const Server* last = p.opening->server();
  EXPECT_FALSE(p.opening->try_next());
  EXPECT_TRUE(p.opening->finished());
  EXPECT_EQ(p.opening->server(), last);
  EXPECT_TRUE(p.lease);
  EXPECT_EQ(p.sessions(), 1U);
}

TEST(PoolOpening, counts_all_attempts_together) {
  PoolHarness p(5, 1);
  p.start();
  static_cast<void>(p.refuses());
  static_cast<void>(p.lets_in());
  EXPECT_FALSE(p.opening->try_next());
}

TEST(PoolOpening, may_be_given_up_at_any_time) {
  for (int step = 0; step < 6; ++step) {
    for (const bool cancel : {true, false}) {
      PoolHarness p(2);
      p.start();
      if (step == 1) p.connector.fail(ErrorCode::refused);
      if (step == 2) static_cast<void>(p.refuses());
      if (step == 3 || step == 4) p.peer = p.connector.accept();
      if (step == 4) p.says("+OK\r\n");
      if (step == 5) {
        static_cast<void>(p.lets_in());
        p.result.reset();
        p.lease = Lease();
        EXPECT_TRUE(p.opening->try_next());
      }
      const int told = p.told;
      if (cancel) {
        p.opening->cancel();
        EXPECT_TRUE(p.opening->finished());
        EXPECT_EQ(p.sessions(), 0U);
      } else {
        p.opening.reset();
      }
      p.timers.advance(std::chrono::hours(1));
      EXPECT_EQ(p.told, told);
      if (step != 5 && p.peer) {
        EXPECT_EQ(p.peer->closed(), net::CloseMode::abort);
      }
    }
  }
}

}  // namespace
}  // namespace gatepost::testing
