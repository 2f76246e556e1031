#include "proxy/net/tap.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/support/memory_transport.h"

namespace gatepost::net {
namespace {

class NotingTap final : public Tap {
 public:
  Leg connecting(const Endpoint& /*server*/) override { return 1; }
  void connected(Leg /*leg*/) override {}
  void failed(Leg /*leg*/, const Error& /*why*/) override {}
  void secured(Leg /*leg*/, const TlsFacts& /*facts*/) override {}
  void heard(Leg leg, const ByteChain& bytes) override { note("<", leg, bytes.to_string()); }
  void said(Leg leg, const ByteChain& bytes) override { note(">", leg, bytes.to_string()); }
  void ended(Leg leg, const Error& why) override {
    note("end", leg, std::string(to_string(why.code)));
  }
  void closed(Leg leg, CloseMode mode) override {
    note("close", leg, mode == CloseMode::flush ? "flush" : "abort");
  }
  std::vector<std::string> notes;

 private:
  void note(const std::string& what, Leg leg, const std::string& text) {
    notes.push_back(what + std::to_string(leg) + " " + text);
  }
};

class Quiet final : public TransportObserver {
 public:
  void on_activity() override { ++calls; }
  int calls = 0;
};

TEST(Tap, HearsBothWaysOnce) {
  BlockPool pool;
  NotingTap tap;
  Quiet observer;
  auto connection = testing::make_memory_transport(pool);
  const auto transport = listen_to(std::move(connection.transport), &tap, 3);
  transport->set_observer(&observer);
  connection.peer->deliver("hello");
  connection.peer->turn();
  connection.peer->deliver(" you");
  connection.peer->turn();
  EXPECT_EQ(transport->received().to_string(), "hello you");
  transport->received().consume(9);
  transport->send(ByteChain(pool, "good day"));
  transport->settle();
  EXPECT_EQ(connection.peer->sent(), "good day");
  connection.peer->end();
  connection.peer->turn();
  transport->close(CloseMode::flush);
  EXPECT_EQ(tap.notes, (std::vector<std::string>{"<3 hello", "<3  you", ">3 good day",
                                                 "end3 closed", "close3 flush"}));
  EXPECT_EQ(observer.calls, 3);
}

TEST(Tap, DoesNotReadWithoutEnd) {
  BlockPool pool;
  NotingTap tap;
  auto connection = testing::make_memory_transport(pool);
  const auto transport = listen_to(std::move(connection.transport), &tap, 0);
  connection.peer->deliver(std::string(4 * kMaxTapped, 'x'));
  for (int i = 0; i < 100; ++i) {
    connection.peer->turn();
    static_cast<void>(transport->received());
  }
  EXPECT_LE(transport->received().size(), kMaxTapped);
  EXPECT_GE(connection.peer->undelivered(), 2 * kMaxTapped);
  transport->received().clear();
  EXPECT_FALSE(transport->received().empty());
}

TEST(Tap, LetsGo) {
  BlockPool pool;
  NotingTap tap;
  auto connection = testing::make_memory_transport(pool);
  Transport* const inner = connection.transport.get();
  auto transport = listen_to(std::move(connection.transport), &tap, 0);
  EXPECT_NE(transport.get(), inner);
  transport = without_tap(std::move(transport));
  EXPECT_EQ(transport.get(), inner);
  transport = without_tap(std::move(transport));
  EXPECT_EQ(transport.get(), inner);
  transport = listen_to(std::move(transport), nullptr, 0);
  EXPECT_EQ(transport.get(), inner);
}

}  // namespace
}  // namespace gatepost::net
