#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/chop.h"
#include "tests/support/fake_connector.h"
#include "tests/support/fake_timers.h"
#include "tests/support/fake_tls.h"
#include "tests/support/memory_transport.h"

namespace gatepost::testing {
namespace {

class Counter final : public net::TransportObserver {
 public:
  void on_activity() override { ++calls; }
  int calls = 0;
};

TEST(MemoryTransport, delivers_in_turns_and_tells_the_observer) {
  TestPool pool;
  auto [transport, peer] = make_memory_transport(pool, {.deliver_per_turn = 3});
  Counter observer;
  transport->set_observer(&observer);
  peer->deliver("USER joe\r\n");
  EXPECT_EQ(transport->received().size(), 0U);
  EXPECT_TRUE(peer->turn());
  EXPECT_EQ(transport->received().to_string(), "USE");
  EXPECT_EQ(observer.calls, 1);
  while (peer->turn()) {
  }
  EXPECT_EQ(transport->received().to_string(), "USER joe\r\n");
  EXPECT_EQ(observer.calls, 4);
}

TEST(MemoryTransport, sends_at_settle_as_much_as_the_wire_takes) {
  TestPool pool;
  auto [transport, peer] = make_memory_transport(pool, {.accept_per_turn = 4});
  transport->send(ByteChain(pool, "+OK hello\r\n"));
  EXPECT_EQ(peer->sent(), "");
  EXPECT_FALSE(transport->settle());
  EXPECT_EQ(peer->sent(), "+OK ");
  EXPECT_FALSE(transport->settle());
  EXPECT_EQ(transport->unsent(), 7U);
  EXPECT_TRUE(peer->turn());
  EXPECT_EQ(peer->take_sent(), "+OK hell");
  transport->close(net::CloseMode::flush);
  EXPECT_FALSE(peer->saw_fin());
  EXPECT_TRUE(peer->turn());
  EXPECT_EQ(peer->sent(), "o\r\n");
  EXPECT_TRUE(peer->saw_fin());
}

TEST(MemoryTransport, stops_reading_at_the_limit) {
  TestPool pool;
  auto [transport, peer] =
      make_memory_transport(pool, {.deliver_per_turn = 10, .receive_limit = 15});
  peer->deliver(std::string(40, 'x'));
  EXPECT_TRUE(peer->turn());
  EXPECT_TRUE(peer->turn());
  EXPECT_FALSE(peer->turn());
  EXPECT_EQ(transport->received().size(), 20U);
  transport->received().consume(6);
  EXPECT_TRUE(peer->turn());
  EXPECT_EQ(peer->undelivered(), 10U);
}

TEST(MemoryTransport, ends_behind_what_was_delivered) {
  TestPool pool;
  auto [transport, peer] = make_memory_transport(pool);
  peer->deliver("QUIT");
  peer->end(ErrorCode::truncated);
  EXPECT_TRUE(peer->turn());
  EXPECT_FALSE(transport->end().has_value());
  EXPECT_TRUE(peer->turn());
  ASSERT_TRUE(transport->end().has_value());
  EXPECT_EQ(transport->end()->code, ErrorCode::truncated);
  EXPECT_FALSE(peer->turn());
}

TEST(MemoryTransport, fails_at_the_octet_asked_for) {
  TestPool pool;
  auto [transport, peer] = make_memory_transport(pool, {.fail_send_at = 5});
  transport->send(ByteChain(pool, "+OK\r\n"));
  EXPECT_FALSE(transport->settle());
  transport->send(ByteChain(pool, "more"));
  EXPECT_TRUE(transport->settle());
  EXPECT_EQ(peer->sent(), "+OK\r\n");
  ASSERT_TRUE(transport->end().has_value());
  EXPECT_EQ(transport->end()->code, ErrorCode::network);
  EXPECT_EQ(transport->unsent(), 0U);
}

TEST(MemoryTransport, destroying_is_a_reset_unless_it_was_flushed) {
  TestPool pool;
  MemoryConnection one = make_memory_transport(pool);
  one.transport.reset();
  EXPECT_TRUE(one.peer->saw_reset());
  EXPECT_TRUE(one.peer->destroyed());
  EXPECT_FALSE(one.peer->turn());
  MemoryConnection two = make_memory_transport(pool);
  two.transport->send(ByteChain(pool, "bye"));
  two.transport->close(net::CloseMode::flush);
  two.transport->settle();
  two.transport.reset();
  EXPECT_TRUE(two.peer->saw_fin());
  EXPECT_FALSE(two.peer->saw_reset());
  EXPECT_EQ(two.peer->sent(), "bye");
}

TEST(MemoryTransport, drops_what_comes_after_close_but_sees_the_end) {
  TestPool pool;
  auto [transport, peer] = make_memory_transport(pool);
  transport->close(net::CloseMode::flush);
  peer->deliver("too late");
  peer->end();
  EXPECT_TRUE(peer->turn());
  EXPECT_TRUE(transport->received().empty());
  ASSERT_TRUE(transport->end().has_value());
  EXPECT_EQ(transport->end()->code, ErrorCode::closed);
}

TEST(MemoryPair, carries_bytes_and_the_end_in_any_chunks) {
  TestPool pool;
  for_each_chopping([&pool](Chopping& chopping) {
    MemoryPair pair =
        make_memory_pair(pool, {.deliver_sizes = [&chopping] { return chopping.next(); }});
    pair.a->send(ByteChain(pool, "from a"));
    pair.b->send(ByteChain(pool, "and from b"));
    pair.a->settle();
    pair.b->settle();
    pair.run();
    EXPECT_EQ(pair.a->received().to_string(), "and from b");
    EXPECT_EQ(pair.b->received().to_string(), "from a");
    pair.a->close(net::CloseMode::flush);
    pair.run();
    ASSERT_TRUE(pair.b->end().has_value());
    EXPECT_EQ(pair.b->end()->code, ErrorCode::closed);
  });
}

TEST(FakeTimers, go_off_in_order_each_at_its_time) {
  FakeTimers timers;
  const Instant start = timers.now();
  std::vector<int> order;
  std::vector<Duration> times;
  const auto note = [&](int n) {
    order.push_back(n);
    times.push_back(timers.now() - start);
  };
  const auto late = timers.make_timer([&] { note(3); });
  auto early = timers.make_timer([&] {
    note(1);
    late->start(Duration(10));
  });
  const auto stopped = timers.make_timer([&] { note(2); });
  late->start(Duration(500));
  stopped->start(Duration(200));
  early->start(Duration(100));
  stopped->stop();
  EXPECT_EQ(timers.next(), Duration(100));
  timers.advance(Duration(99));
  EXPECT_TRUE(order.empty());
  timers.advance(Duration(1000));
  EXPECT_EQ(order, (std::vector{1, 3}));
  EXPECT_EQ(times, (std::vector{Duration(100), Duration(110)}));
  EXPECT_EQ(timers.armed(), 0U);
}

TEST(FakeTimers, may_be_destroyed_in_their_own_callback) {
  FakeTimers timers;
  std::unique_ptr<Timer> timer;
  int calls = 0;
  timer = timers.make_timer([&, text = std::string(100, 'x')] {
    timer.reset();
    calls += text.size() == 100 ? 1 : 100;
  });
  timer->start(Duration(1));
  timers.advance(Duration(2));
  EXPECT_EQ(calls, 1);
}

TEST(FakeConnector, waits_for_the_test_and_counts_what_was_cancelled) {
  TestPool pool;
  FakeConnector connector(pool);
  std::unique_ptr<net::Transport> transport;
  ErrorCode code = ErrorCode::closed;
  const Endpoint target{.host = "pop.example", .port = 110, .path = {}};
  const auto done = [&](Result<std::unique_ptr<net::Transport>> result) {
    if (result) {
      transport = std::move(*result);
    } else {
      code = result.error().code;
    }
  };
  Ticket first = connector.connect(target, Duration(10), done);
  EXPECT_EQ(connector.target(), target);
  const auto peer = connector.accept();
  ASSERT_NE(transport, nullptr);
  EXPECT_EQ(peer->transport(), transport.get());
  first = connector.connect(target, Duration(10), done);
  connector.fail(ErrorCode::timeout);
  EXPECT_EQ(code, ErrorCode::timeout);
  first = connector.connect(target, Duration(10), done);
  EXPECT_EQ(connector.pending(), 1U);
  first.reset();
  EXPECT_EQ(connector.pending(), 0U);
  EXPECT_EQ(connector.cancelled(), 1U);
}

TEST(FakeTls, holds_everything_back_until_the_test_says_so) {
  TestPool pool;
  FakeTlsLayer layer;
  auto [plain, peer] = make_memory_transport(pool);
  auto wrapped = layer.wrap(std::move(plain), pool);
  ASSERT_TRUE(wrapped.has_value());
  net::Transport& tls = **wrapped;
  Counter observer;
  tls.set_observer(&observer);
  tls.send(ByteChain(pool, "+OK\r\n"));
  peer->deliver("USER joe\r\n");
  tls.settle();
  peer->turn();
  EXPECT_EQ(peer->sent(), "");
  EXPECT_EQ(tls.received().size(), 0U);
  EXPECT_FALSE(tls.established());
  EXPECT_EQ(tls.tls(), nullptr);
  layer.establish();
  tls.settle();
  EXPECT_GE(observer.calls, 1);
  EXPECT_EQ(peer->sent(), "+OK\r\n");
  EXPECT_EQ(tls.received().to_string(), "USER joe\r\n");
  ASSERT_NE(tls.tls(), nullptr);
  EXPECT_EQ(tls.tls()->version, "TLSv1.3");
}

TEST(FakeTls, refuses_plain_text_that_came_first) {
  TestPool pool;
  FakeTlsLayer layer;
  auto [plain, peer] = make_memory_transport(pool);
  peer->deliver("USER joe\r\n");
  peer->turn();
  const auto wrapped = layer.wrap(std::move(plain), pool);
  ASSERT_FALSE(wrapped.has_value());
  EXPECT_EQ(wrapped.error().code, ErrorCode::protocol);
  EXPECT_EQ(layer.refused(), 1U);
}

TEST(FakeTls, reports_a_failed_handshake_as_the_end) {
  TestPool pool;
  FakeTlsLayer layer;
  auto [plain, peer] = make_memory_transport(pool);
  const auto wrapped = layer.wrap(std::move(plain), pool);
  layer.fail();
  ASSERT_TRUE((*wrapped)->end().has_value());
  EXPECT_EQ((*wrapped)->end()->code, ErrorCode::tls);
}

TEST(Chopping, covers_the_text_in_every_way) {
  const std::string text = "line one\r\nline two\r\n.\r\n";
  std::size_t runs = 0;
  for_each_chopping([&](Chopping& chopping) {
    std::string together;
    for (const std::string_view piece : chopping.cut(text)) {
      EXPECT_FALSE(piece.empty());
      together += piece;
    }
    EXPECT_EQ(together, text);
    ++runs;
  });
  EXPECT_EQ(runs, 12U);
}

}  // namespace
}  // namespace gatepost::testing
