#include "proxy/upstream/server.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <utility>
#include <vector>

namespace gatepost::upstream {
namespace {

using Health = ServerState::Health;

constexpr Instant kNow{std::chrono::hours(1)};

Server server_with(std::uint32_t max_connections) {
  Server server;
  server.max_connections = max_connections;
  server.state = std::make_shared<ServerState>(config::HealthCheck{});
  return server;
}

TEST(ServerState, is_up_after_the_first_success) {
  ServerState state({.rise = 5, .fall = 3});
  EXPECT_EQ(state.health(), Health::unknown);
  EXPECT_TRUE(state.succeeded(kNow));
  EXPECT_EQ(state.health(), Health::up);
  EXPECT_FALSE(state.succeeded(kNow));
  EXPECT_EQ(state.up_since(), Instant{}) << "it never was down";
}

TEST(ServerState, is_down_after_failures_in_a_row) {
  for (const bool known : {false, true}) {
    ServerState state({.rise = 2, .fall = 3});
    EXPECT_EQ(known && state.succeeded(kNow), known);
    EXPECT_FALSE(state.failed(kNow));
    EXPECT_FALSE(state.failed(kNow));
    EXPECT_TRUE(state.failed(kNow));
    EXPECT_EQ(state.health(), Health::down);
    EXPECT_FALSE(state.failed(kNow));
  }
}

TEST(ServerState, forgets_failures_at_a_success) {
  ServerState state({.rise = 2, .fall = 3});
  static_cast<void>(state.succeeded(kNow));
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(state.failed(kNow));
    EXPECT_FALSE(state.failed(kNow));
    EXPECT_FALSE(state.succeeded(kNow));
  }
  EXPECT_EQ(state.health(), Health::up);
}

TEST(ServerState, is_up_again_after_successes_in_a_row) {
  ServerState state({.rise = 2, .fall = 1});
  EXPECT_TRUE(state.failed(kNow));
  EXPECT_FALSE(state.succeeded(kNow));
  EXPECT_FALSE(state.failed(kNow));
  EXPECT_FALSE(state.succeeded(kNow));
  EXPECT_EQ(state.health(), Health::down);
  EXPECT_TRUE(state.succeeded(kNow + Duration(7)));
  EXPECT_EQ(state.health(), Health::up);
  EXPECT_EQ(state.up_since(), kNow + Duration(7));
  // The old failures count no more.
  state.set_rules({.rise = 1, .fall = 2});
  EXPECT_FALSE(state.failed(kNow));
  EXPECT_TRUE(state.failed(kNow));
  EXPECT_TRUE(state.succeeded(kNow));
}

TEST(ServerState, keeps_what_it_learned_last) {
  ServerState state({});
  EXPECT_EQ(state.capabilities(), nullptr);
  state.learned("");
  ASSERT_NE(state.capabilities(), nullptr);
  EXPECT_TRUE(state.capabilities()->empty());
  const auto before = state.capabilities();
  state.learned("TOP\r\n");
  EXPECT_TRUE(state.capabilities()->has("TOP"));
  EXPECT_TRUE(before->empty()) << "a reader's copy does not change";
}

TEST(Lease, counts_while_it_lives) {
  const Server server = server_with(0);
  {
    Lease a = Lease::take(server);
    EXPECT_TRUE(a);
    Lease b = Lease::take(server);
    EXPECT_EQ(server.state->sessions(), 2U);
    Lease c = std::move(a);
    EXPECT_EQ(server.state->sessions(), 2U);
    b = std::move(c);
    EXPECT_EQ(server.state->sessions(), 1U);
    b = Lease();
    EXPECT_EQ(server.state->sessions(), 0U);
    b = Lease::take(server);
    Lease& same = b;
    b = std::move(same);
    EXPECT_TRUE(b);
  }
  EXPECT_EQ(server.state->sessions(), 0U);
}

TEST(Lease, stops_at_the_servers_limit) {
  const Server server = server_with(2);
  Lease a = Lease::take(server);
  const Lease b = Lease::take(server);
  const Lease none = Lease::take(server);
  EXPECT_FALSE(none);
  EXPECT_EQ(server.state->sessions(), 2U);
  a = Lease();
  EXPECT_TRUE(Lease::take(server));
}

TEST(Lease, outlives_the_server) {
  auto server = std::make_unique<Server>(server_with(1));
  const std::shared_ptr<ServerState> state = server->state;
  Lease lease = Lease::take(*server);
  server.reset();
  EXPECT_EQ(state->sessions(), 1U);
  lease = Lease();
  EXPECT_EQ(state->sessions(), 0U);
}

TEST(ServerState, is_shared_by_threads) {
  constexpr std::uint32_t kLimit = 3;
  const Server server = server_with(kLimit);
  std::atomic<std::uint32_t> inside = 0;
  std::atomic<bool> too_many = false;
  std::atomic<int> changes = 0;
  const auto work = [&](int seed) {
    for (int i = 0; i < 2'000; ++i) {
      if (const Lease lease = Lease::take(server)) {
        if (++inside > kLimit) too_many = true;
        if ((i + seed) % 5 < 2) {
          changes += server.state->failed(kNow) ? 1 : 0;
        } else {
          changes += server.state->succeeded(kNow) ? 1 : 0;
        }
        server.state->learned("TOP\r\nUIDL\r\n");
        --inside;
      }
      const auto known = server.state->capabilities();
      EXPECT_TRUE(!known || known->has("UIDL"));
      static_cast<void>(server.state->health());
      static_cast<void>(server.state->up_since());
      if (i % 100 == 0) server.state->set_rules({.rise = 1, .fall = 2});
    }
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) threads.emplace_back(work, t);
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(too_many);
  EXPECT_EQ(server.state->sessions(), 0U);
  // Every change but the first is from up to down or back.
  const bool up = server.state->health() == Health::up;
  const bool down = server.state->health() == Health::down;
  EXPECT_TRUE(changes == 0 || up || down);
}

}  // namespace
}  // namespace gatepost::upstream
