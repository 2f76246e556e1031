#include "proxy/server/arrival.h"

#include <gtest/gtest.h>

#include "tests/support/chop.h"
#include "tests/support/fake_timers.h"
#include "tests/support/memory_transport.h"

namespace gatepost::server {
namespace {

using ::gatepost::testing::Chopping;
using ::gatepost::testing::FakeTimers;
using ::gatepost::testing::for_each_chopping;
using ::gatepost::testing::MemoryConnection;
using ::gatepost::testing::MemoryPeer;
using ::gatepost::testing::TestPool;
using ::gatepost::testing::WireOptions;
using Outcome = Arrival::Outcome;

constexpr Duration kLimit{15'000};
const std::string kHeader = "PROXY TCP4 203.0.113.9 198.51.100.1 5555 995\r\n";

PeerAddress at(std::string_view ip, std::uint16_t port) {
  return {.ip = *IpAddress::parse(ip), .port = port, .unix_socket = false};
}

class ArrivalTest : public ::testing::Test, public Arrival::Owner {
 protected:
  ArrivalTest() {
    wire_.address = at("10.0.0.1", 4711);
    wire_.local = at("10.0.0.2", 110);
  }

  void on_arrival_finished(Arrival& arrival) override {
    ++told_;
    ASSERT_EQ(&arrival, arrival_.get());
    EXPECT_FALSE(constructing_);
    outcome_ = arrival.outcome();
    problem_ = arrival.problem();
    if (outcome_ == Outcome::arrived) {
      facts_ = arrival.facts();
      client_ = arrival.take_client();
    }
    if (destroy_when_told_) arrival_.reset();
  }

  /// A connection arrives; `text` is on its wire already.
  void arrive(std::string_view text = "") {
    MemoryConnection connection = ::gatepost::testing::make_memory_transport(pool_, wire_);
    peer_ = connection.peer;
    peer_->deliver(text);
    constructing_ = true;
    arrival_ = std::make_unique<Arrival>(timers_, std::move(connection.transport), trusted_, kLimit,
                                         *this);
    constructing_ = false;
  }
  /// Lets the wire and the timers that are due do their work.
  void turn() {
    while (peer_->turn()) {
    }
    timers_.advance(Duration(0));
  }
  void expect_dropped(Outcome outcome) {
    EXPECT_EQ(told_, 1);
    EXPECT_EQ(outcome_, outcome);
    EXPECT_NE(problem_, "");
    EXPECT_TRUE(peer_->saw_reset());
    EXPECT_EQ(peer_->sent(), "") << "nothing is said";
    EXPECT_EQ(timers_.armed(), 0U);
  }

  TestPool pool_;
  FakeTimers timers_;
  WireOptions wire_;
  std::vector<IpNetwork> trusted_ = {*IpNetwork::parse("10.0.0.0/24")};
  bool destroy_when_told_ = true;
  bool constructing_ = false;
  std::shared_ptr<MemoryPeer> peer_;
  std::unique_ptr<Arrival> arrival_;
  std::unique_ptr<net::Transport> client_;
  net::ClientFacts facts_;
  int told_ = 0;
  std::optional<Outcome> outcome_;
  std::string problem_;
};

TEST_F(ArrivalTest, HandsOverTheClientAsTheHeaderNamesIt) {
  arrive(kHeader + "CAPA\r\n");
  EXPECT_EQ(told_, 0);
  turn();
  EXPECT_EQ(told_, 1);
  ASSERT_EQ(outcome_, Outcome::arrived);
  EXPECT_EQ(problem_, "");
  EXPECT_EQ(facts_.address.to_string(), "203.0.113.9:5555");
  EXPECT_EQ(facts_.local.to_string(), "198.51.100.1:995");
  ASSERT_TRUE(client_);
  EXPECT_EQ(client_->received().to_string(), "CAPA\r\n") << "what follows stays";
  EXPECT_EQ(client_->peer().to_string(), "10.0.0.1:4711");
  EXPECT_EQ(peer_->sent(), "");
  EXPECT_EQ(timers_.armed(), 0U);
}

TEST_F(ArrivalTest, TheHeaderMayComeInAnyPieces) {
  for_each_chopping([this](Chopping& chopping) {
    wire_.deliver_sizes = [&chopping] { return chopping.next(); };
    told_ = 0;
    arrive(kHeader);
    for (int i = 0; i < 1000 && told_ == 0; ++i) {
      peer_->turn();
      timers_.advance(Duration(0));
    }
    EXPECT_EQ(outcome_, Outcome::arrived);
    EXPECT_EQ(facts_.address.to_string(), "203.0.113.9:5555");
    client_.reset();
  });
}

TEST_F(ArrivalTest, ReadsWhatArrivesInsideTheTransport) {
  wire_.read_in_settle = true;
  wire_.deliver_per_turn = 7;
  arrive(kHeader);
  EXPECT_EQ(arrival_->outcome(), Outcome::arrived) << "known already, but not told";
  timers_.advance(Duration(0));
  EXPECT_EQ(outcome_, Outcome::arrived);
}

TEST_F(ArrivalTest, AHeaderLargerThanTheReceiveLimitIsRead) {
  wire_.receive_limit = 16;
  wire_.deliver_per_turn = 16;
  arrive(kHeader);
  turn();
  EXPECT_EQ(outcome_, Outcome::arrived);
}

TEST_F(ArrivalTest, AHeaderThatSpeaksOfNoClientLeavesTheSocketsFacts) {
  arrive("PROXY UNKNOWN\r\n");
  turn();
  ASSERT_EQ(outcome_, Outcome::arrived);
  EXPECT_EQ(facts_.address.to_string(), "10.0.0.1:4711");
  EXPECT_EQ(facts_.local.to_string(), "10.0.0.2:110");
}

TEST_F(ArrivalTest, AClientThatLeftBehindItsHeaderHasArrived) {
  arrive(kHeader + "QUIT\r\n");
  peer_->end();
  turn();
  ASSERT_EQ(outcome_, Outcome::arrived);
  EXPECT_EQ(client_->received().to_string(), "QUIT\r\n");
}

TEST_F(ArrivalTest, DropsAPeerThatIsNotTrustedAtOnce) {
  wire_.address = at("10.0.1.1", 4711);
  arrive(kHeader);
  EXPECT_TRUE(peer_->saw_reset());
  EXPECT_EQ(arrival_->peer().to_string(), "10.0.1.1:4711");
  turn();
  expect_dropped(Outcome::untrusted);
}

TEST_F(ArrivalTest, TrustsNobodyByDefault) {
  trusted_.clear();
  arrive(kHeader);
  turn();
  expect_dropped(Outcome::untrusted);
}

TEST_F(ArrivalTest, TrustsUnixSockets) {
  trusted_.clear();
  wire_.address = {.ip = {}, .port = 0, .unix_socket = true};
  arrive(kHeader);
  turn();
  ASSERT_EQ(outcome_, Outcome::arrived);
  EXPECT_EQ(facts_.address.to_string(), "203.0.113.9:5555");
}

TEST_F(ArrivalTest, DropsWhatIsNoHeader) {
  arrive("CAPA\r\n");
  turn();
  expect_dropped(Outcome::malformed);
  EXPECT_EQ(problem_, "not a PROXY header");
}

TEST_F(ArrivalTest, DropsAPeerThatSaysNothing) {
  arrive();
  timers_.advance(kLimit - Duration(1));
  EXPECT_EQ(told_, 0);
  timers_.advance(Duration(1));
  expect_dropped(Outcome::timeout);
}

TEST_F(ArrivalTest, TheDeadlineIsForTheWholeHeader) {
  arrive();
  for (int i = 0; i < 15; ++i) {
    peer_->deliver(kHeader.substr(static_cast<std::size_t>(i), 1));
    peer_->turn();
    timers_.advance(Duration(1'000));
  }
  expect_dropped(Outcome::timeout);
}

TEST_F(ArrivalTest, AHeaderInTimeEndsTheDeadline) {
  arrive();
  timers_.advance(kLimit - Duration(1));
  peer_->deliver(kHeader);
  turn();
  EXPECT_EQ(outcome_, Outcome::arrived);
  timers_.advance(kLimit);
  EXPECT_EQ(told_, 1);
}

TEST_F(ArrivalTest, NoticesAPeerThatLeaves) {
  arrive(kHeader.substr(0, 10));
  peer_->turn();
  peer_->end();
  turn();
  expect_dropped(Outcome::closed);
}

TEST_F(ArrivalTest, NoticesABrokenConnection) {
  arrive();
  peer_->break_now();
  turn();
  expect_dropped(Outcome::closed);
}

TEST_F(ArrivalTest, IsToldOfOnceThoughItIsKept) {
  destroy_when_told_ = false;
  arrive();
  timers_.advance(2 * kLimit);
  expect_dropped(Outcome::timeout);
  peer_->deliver(kHeader);
  turn();
  timers_.advance(2 * kLimit);
  EXPECT_EQ(told_, 1);
}

TEST_F(ArrivalTest, MayBeDestroyedAtAnyTime) {
  arrive();
  arrival_.reset();
  EXPECT_TRUE(peer_->destroyed());
  arrive(kHeader);
  peer_->turn();
  arrival_.reset();  // decided, not told
  EXPECT_TRUE(peer_->saw_reset());
  timers_.advance(kLimit);
  EXPECT_EQ(told_, 0);
}

TEST_F(ArrivalTest, FactsOfATransportAreItsAddresses) {
  const MemoryConnection connection = ::gatepost::testing::make_memory_transport(pool_, wire_);
  const net::ClientFacts facts = facts_of(*connection.transport);
  EXPECT_EQ(facts.address.to_string(), "10.0.0.1:4711");
  EXPECT_EQ(facts.local.to_string(), "10.0.0.2:110");
  EXPECT_FALSE(facts.secure);
}

TEST_F(ArrivalTest, EveryOutcomeHasAName) {
  for (int i = 0; i < static_cast<int>(Outcome::count_); ++i) {
    EXPECT_NE(to_string(static_cast<Outcome>(i)), "");
  }
}

}  // namespace
}  // namespace gatepost::server
