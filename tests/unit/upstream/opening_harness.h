#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/upstream/opening.h"
#include "tests/support/chop.h"
#include "tests/support/fake_connector.h"
#include "tests/support/fake_timers.h"
#include "tests/support/fake_tls.h"
#include "tests/support/leak_check.h"

namespace gatepost::testing {

inline net::ClientFacts some_client() {
  net::ClientFacts client;
  client.address = {.ip = *IpAddress::parse("203.0.113.9"), .port = 5555};
  client.local = {.ip = *IpAddress::parse("192.0.2.1"), .port = 995};
  client.secure = true;
  client.server_name = "mail.example.org";
  return client;
}

/// How a transcript is run.
struct OpeningRun {
  Chopping chopping{Chopping::Kind::whole};
  std::size_t accept_per_turn = WireOptions::kUnlimited;
  bool read_in_settle = false;
  std::size_t kill_after = 0;  ///< turns in which something happened; 0: never
  bool cancel = false;         ///< where it would be killed, it is cancelled
};

/// An Opening whose server is the test. Reads like a transcript; once it was killed, nothing is
/// expected any more.
class OpeningHarness : public upstream::Opening::Owner {
 public:
  explicit OpeningHarness(OpeningRun mode = {}) : mode_(std::move(mode)) {
    server.address = {.host = "pop.example", .port = 110, .path = {}};
    server.tls = tls;
    server.state = std::make_shared<upstream::ServerState>(config::HealthCheck{});
  }
  virtual ~OpeningHarness() {
    if (!killed_) {
      EXPECT_EQ(told, result ? 1 : 0);
    }
    opening.reset();
    EXPECT_EQ(connector.pending(), 0U) << "a connection attempt goes on";
    EXPECT_EQ(timers.armed(), 0U) << "a timer goes on";
  }
  OpeningHarness(const OpeningHarness&) = delete;
  OpeningHarness& operator=(const OpeningHarness&) = delete;

  void start() {
    opening = std::make_unique<upstream::Opening>(
        upstream::Environment{.timers = timers, .connector = connector, .pool = pool}, timeouts,
        server, client ? &*client : nullptr, *this);
    if (client) *client = {};  // it was read already
  }
  void accept() {
    if (killed_) return;
    ASSERT_EQ(connector.pending(), 1U);
    WireOptions options;
    options.deliver_sizes = [this] { return mode_.chopping.next(); };
    options.accept_per_turn = mode_.accept_per_turn;
    options.read_in_settle = mode_.read_in_settle;
    options.deliver_per_turn = mode_.chopping.kind() == Chopping::Kind::bytes ? 1 : 64 * 1024;
    peer = connector.accept(std::move(options));
    moved();
    run();
  }
  void refuse(ErrorCode code) {
    if (killed_) return;
    connector.fail(code);
    reap();
  }
  void says(std::string_view text) {
    if (killed_) return;
    peer->deliver(text);
    run();
  }
  void ends(ErrorCode code) {
    if (killed_) return;
    peer->end(code);
    run();
  }
  void handshake() {
    if (killed_) return;
    ASSERT_EQ(tls->pending(), 1U);
    tls->establish();
    moved();
    run();
  }
  void expect_sent(std::string_view text) {
    if (killed_) return;
    EXPECT_EQ(peer->take_sent(), text);
  }
  void advance(Duration by) {
    if (killed_) return;
    timers.advance(by);
    reap();
  }

  /// It has failed so, and the connection is closed.
  void expect_failed(ErrorCode code, std::string_view detail) {
    if (killed_) return;
    ASSERT_TRUE(result.has_value());
    ASSERT_FALSE(result->has_value());
    EXPECT_EQ(result->error().code, code);
    EXPECT_NE(result->error().detail.find(detail), std::string::npos) << result->error().detail;
    if (peer) {
      EXPECT_TRUE(peer->destroyed());
    }
  }
  [[nodiscard]] upstream::Opened* opened() {
    return result && result->has_value() ? &**result : nullptr;
  }
  [[nodiscard]] bool killed() const { return killed_; }
  [[nodiscard]] std::size_t turns() const { return turns_; }

  void on_opening_finished() override {
    ++told;
    ASSERT_TRUE(opening->finished());
    result = opening->take();
    if (*result) opening.reset();  // allowed, since the connection was taken over
  }

  TestPool pool;
  FakeTimers timers;
  FakeConnector connector{pool};
  std::shared_ptr<FakeTlsLayer> tls = std::make_shared<FakeTlsLayer>();
  upstream::Server server;
  config::Timeouts timeouts;
  std::optional<net::ClientFacts> client = some_client();
  std::shared_ptr<MemoryPeer> peer;
  std::unique_ptr<upstream::Opening> opening;
  std::optional<Result<upstream::Opened>> result;
  int told = 0;

 private:
  void run() {
    for (std::size_t i = 0; i < 1'000'000 && !killed_ && peer->turn(); ++i) moved();
    reap();
  }
  void moved() {
    if (++turns_ != mode_.kill_after) return;
    killed_ = true;
    if (opening && !opening->finished() && mode_.cancel) {
      opening->cancel();
      EXPECT_TRUE(opening->finished());
      EXPECT_EQ(peer->closed(), net::CloseMode::abort);
    }
    opening.reset();
    result.reset();
  }
  void reap() {
    if (opening && opening->finished()) opening.reset();
  }

  OpeningRun mode_;
  bool killed_ = false;
  std::size_t turns_ = 0;
};

/// Runs a transcript in every way of cutting it, and kills and cancels the opening everywhere.
inline void for_each_opening(const std::function<void(OpeningHarness&)>& transcript) {
  using Kind = Chopping::Kind;
  std::size_t turns = 0;
  const auto run = [&](OpeningRun mode, const std::string& name) {
    if (::testing::Test::HasFailure()) return;  // one report is enough
    const ::testing::ScopedTrace trace(__FILE__, __LINE__, name);
    OpeningHarness harness(std::move(mode));
    transcript(harness);
    turns = harness.turns();
  };
  for (const Kind kind : {Kind::whole, Kind::bytes}) {
    const std::string name = kind == Kind::whole ? "whole" : "byte by byte";
    run({.chopping = Chopping(kind)}, name);
    const std::size_t total = turns;
    for (std::size_t k = 1; k <= total; k += 1 + total / 40) {
      for (const bool cancel : {false, true}) {
        run({.chopping = Chopping(kind), .kill_after = k, .cancel = cancel},
            name + (cancel ? ", cancelled after turn " : ", killed after turn ") +
                std::to_string(k));
      }
    }
    run({.chopping = Chopping(kind), .read_in_settle = true}, name + ", settle() reads");
  }
  run({.chopping = Chopping(Kind::bytes), .accept_per_turn = 1}, "byte by byte both ways");
  for (std::size_t i = 0; i < 10; ++i) {
    run({.chopping = Chopping(Kind::random, i), .accept_per_turn = i % 2 == 0 ? 7U : 1'000U},
        "random split " + std::to_string(i) + ", " + Random::name());
  }
}

}  // namespace gatepost::testing
