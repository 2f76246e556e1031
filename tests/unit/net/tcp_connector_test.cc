#include "proxy/net/tcp_connector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/leak_check.h"
#include "tests/unit/net/fake_names.h"
#include "tests/unit/net/sockets.h"

namespace gatepost::net {
namespace {

using ::gatepost::testing::FakeNames;
using ::gatepost::testing::NoDescriptors;
using ::gatepost::testing::Peer;
using ::gatepost::testing::PeerListener;
using ::gatepost::testing::run_for;
using ::gatepost::testing::run_until;
using ::gatepost::testing::TestFolder;
using ::gatepost::testing::TestPool;
using ::testing::HasSubstr;

// Two addresses of the loopback network that nobody else listens at: a port that is free on one of
// them is free on the other.
const std::string kOneAddress = "127.47.11.1";
const std::string kOtherAddress = "127.47.11.2";

/// Takes no connection: its queue is full.
class SilentListener {
 public:
  explicit SilentListener(const std::string& host = "127.0.0.1", std::uint16_t port = 0)
      : listener_(host, 0, port) {
    for (int i = 0; i < 4; ++i) {
      const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      const testing::SocketAddress address(at());
      static_cast<void>(::connect(fd, address.get(), address.length));
      waiting_.emplace_back(fd);
    }
  }
  [[nodiscard]] const Endpoint& at() const { return listener_.at(); }

 private:
  PeerListener listener_;
  std::vector<Peer> waiting_;
};

class TcpConnectorTest : public ::testing::Test {
 protected:
  Ticket connect(const Endpoint& target, Duration limit = Duration(10'000)) {
    outcome_.reset();
    Ticket ticket = connector_->connect(target, limit, [this](auto outcome) {
      EXPECT_FALSE(outcome_) << "called twice";
      outcome_ = std::move(outcome);
    });
    EXPECT_FALSE(outcome_) << "never from inside the call";
    return ticket;
  }
  bool reported() {
    return run_until(loop_, [this] { return outcome_.has_value(); });
  }

  TestPool pool_;
  Loop loop_;
  Resolver resolver_{loop_, std::chrono::seconds(30)};
  std::unique_ptr<TcpConnector> connector_ =
      std::make_unique<TcpConnector>(loop_, pool_, resolver_);
  std::optional<Result<std::unique_ptr<Transport>>> outcome_;
  FakeNames names_;  // goes first: the loop waits for look-ups that hang
};

TEST_F(TcpConnectorTest, ConnectsToAnAddress) {
  const PeerListener server;
  const Ticket ticket = connect(server.at());
  ASSERT_TRUE(reported());
  ASSERT_TRUE(*outcome_) << outcome_->error().detail;
  Transport& transport = ***outcome_;
  EXPECT_EQ(transport.peer().to_string(), server.at().to_string());
  transport.send(ByteChain(pool_, "CAPA\r\n"));
  transport.settle();
  Peer peer = server.accept();
  EXPECT_TRUE(run_until(loop_, [&] { return peer.receive() == "CAPA\r\n"; }));
}

TEST_F(TcpConnectorTest, CallsALackOfDescriptorsOurOwnFault) {
  PeerListener listener("127.0.0.1", 0);
  const Ticket ticket = connect(listener.at());
  const NoDescriptors none;
  ASSERT_TRUE(reported());
  ASSERT_FALSE(*outcome_);
  EXPECT_EQ(outcome_->error().code, ErrorCode::system) << outcome_->error().detail;
}

TEST_F(TcpConnectorTest, ConnectsToAName) {
  const PeerListener server;
  names_.set("mail.test", {"127.0.0.1"});
  const Ticket ticket = connect({"mail.test", server.at().port, {}});
  ASSERT_TRUE(reported());
  ASSERT_TRUE(*outcome_) << outcome_->error().detail;
  EXPECT_EQ((**outcome_)->peer().to_string(), server.at().to_string());
}

TEST_F(TcpConnectorTest, ConnectsToAUnixSocket) {
  const TestFolder folder;
  const PeerListener server(Endpoint{"", 0, folder / "s"});
  const Ticket ticket = connect(server.at());
  ASSERT_TRUE(reported());
  ASSERT_TRUE(*outcome_) << outcome_->error().detail;
  EXPECT_EQ((**outcome_)->peer().to_string(), "unix");
}

TEST_F(TcpConnectorTest, TriesTheNextAddressWhenOneRefuses) {
  const PeerListener server(kOtherAddress);
  names_.set("mail.test", {kOneAddress, kOtherAddress});
  const Ticket ticket = connect({"mail.test", server.at().port, {}});
  ASSERT_TRUE(reported());
  ASSERT_TRUE(*outcome_) << outcome_->error().detail;
  EXPECT_EQ((**outcome_)->peer().ip.to_string(), kOtherAddress);
}

TEST_F(TcpConnectorTest, TriesTheNextAddressWhenOneIsSilent) {
  const PeerListener server(kOtherAddress);
  const SilentListener silent(kOneAddress, server.at().port);
  names_.set("mail.test", {kOneAddress, kOtherAddress});
  const Ticket ticket = connect({"mail.test", server.at().port, {}}, Duration(4'000));
  ASSERT_TRUE(reported());
  ASSERT_TRUE(*outcome_) << outcome_->error().detail;
  EXPECT_EQ((**outcome_)->peer().ip.to_string(), kOtherAddress);
}

TEST_F(TcpConnectorTest, TriesIpv4WhenIpv6Refuses) {
  const PeerListener server;
  names_.set("mail.test", {"::1", "127.0.0.1"});
  const Ticket ticket = connect({"mail.test", server.at().port, {}});
  ASSERT_TRUE(reported());
  ASSERT_TRUE(*outcome_) << outcome_->error().detail;
  EXPECT_EQ((**outcome_)->peer().to_string(), server.at().to_string());
}

TEST_F(TcpConnectorTest, SaysWhoRefused) {
  const PeerListener nobody("127.0.0.1", -1);  // bound, not listening
  const Ticket ticket = connect(nobody.at());
  ASSERT_TRUE(reported());
  ASSERT_FALSE(*outcome_);
  EXPECT_EQ(outcome_->error().code, ErrorCode::refused);
  EXPECT_THAT(outcome_->error().detail, HasSubstr(nobody.at().to_string()));
}

TEST_F(TcpConnectorTest, FailsForAnUnknownName) {
  const Ticket ticket = connect({"nobody.test", 110, {}});
  ASSERT_TRUE(reported());
  ASSERT_FALSE(*outcome_);
  EXPECT_EQ(outcome_->error().code, ErrorCode::network);
  EXPECT_THAT(outcome_->error().detail, HasSubstr("nobody.test"));
}

TEST_F(TcpConnectorTest, FailsForAUnixSocketThatIsNotThere) {
  const TestFolder folder;
  const Ticket ticket = connect({"", 0, folder / "s"});
  ASSERT_TRUE(reported());
  ASSERT_FALSE(*outcome_);
  EXPECT_THAT(outcome_->error().detail, HasSubstr(folder / "s"));
}

TEST_F(TcpConnectorTest, GivesUpASilentAddressWithinTheLimit) {
  const SilentListener silent;
  const Instant before = loop_.now();
  const Ticket ticket = connect(silent.at(), Duration(200));
  ASSERT_TRUE(reported());
  const auto took = loop_.now() - before;
  ASSERT_FALSE(*outcome_) << "the queue was not full";
  EXPECT_EQ(outcome_->error().code, ErrorCode::timeout);
  EXPECT_GE(took, Duration(200));
  EXPECT_LT(took, Duration(10'000));
}

TEST_F(TcpConnectorTest, GivesUpANameThatIsNotFoundInTime) {
  names_.hold();
  const Ticket ticket = connect({"slow.test", 110, {}}, Duration(100));
  ASSERT_TRUE(reported());
  ASSERT_FALSE(*outcome_);
  EXPECT_EQ(outcome_->error().code, ErrorCode::timeout);
}

TEST_F(TcpConnectorTest, UsesOneLimitForAllAddresses) {
  const SilentListener one(kOneAddress);
  const SilentListener two(kOtherAddress, one.at().port);
  names_.set("mail.test", {kOneAddress, kOtherAddress});
  const Instant before = loop_.now();
  const Ticket ticket = connect({"mail.test", one.at().port, {}}, Duration(300));
  ASSERT_TRUE(reported());
  const auto took = loop_.now() - before;
  ASSERT_FALSE(*outcome_);
  EXPECT_EQ(outcome_->error().code, ErrorCode::timeout);
  EXPECT_GE(took, Duration(300));
  EXPECT_LT(took, Duration(10'000));
}

TEST_F(TcpConnectorTest, StaysSilentWhenCancelledAtOnce) {
  const PeerListener server;
  static_cast<void>(connect(server.at()));
  run_for(loop_, Duration(30));
  EXPECT_FALSE(outcome_);
  EXPECT_FALSE(server.accept().is_open());
}

TEST_F(TcpConnectorTest, StaysSilentWhenCancelledWhileConnecting) {
  const SilentListener silent;
  Ticket ticket = connect(silent.at(), Duration(1'000));
  run_for(loop_, Duration(20));
  ticket.reset();
  run_for(loop_, Duration(1'100));
  EXPECT_FALSE(outcome_);
}

TEST_F(TcpConnectorTest, StaysSilentWhenCancelledDuringTheLookUp) {
  names_.hold();
  Ticket ticket = connect({"mail.test", 110, {}});
  ASSERT_TRUE(run_until(loop_, [this] { return names_.asked() == 1; }));
  ticket.reset();
  names_.let_go();
  run_for(loop_, Duration(30));
  EXPECT_FALSE(outcome_);
}

TEST_F(TcpConnectorTest, ATicketMayGoAfterTheReport) {
  const PeerListener server;
  Ticket ticket = connect(server.at());
  ASSERT_TRUE(reported());
  ticket.reset();
  EXPECT_TRUE(*outcome_);
}

TEST_F(TcpConnectorTest, MayBeDestroyedWhileConnecting) {
  const SilentListener silent;
  Ticket ticket = connect(silent.at(), Duration(1'000));
  run_for(loop_, Duration(20));
  connector_.reset();
  run_for(loop_, Duration(1'100));
  EXPECT_FALSE(outcome_);
  ticket.reset();
}

TEST_F(TcpConnectorTest, MakesManyConnectionsAtOnce) {
  const PeerListener server("127.0.0.1", 64);
  std::size_t connected = 0;
  std::vector<Ticket> tickets;
  std::vector<std::unique_ptr<Transport>> transports;
  for (int i = 0; i < 40; ++i) {
    tickets.push_back(connector_->connect(server.at(), Duration(10'000), [&](auto outcome) {
      ASSERT_TRUE(outcome) << outcome.error().detail;
      transports.push_back(std::move(*outcome));
      ++connected;
    }));
  }
  EXPECT_TRUE(run_until(loop_, [&] { return connected == 40; }));
}

TEST_F(TcpConnectorTest, MayConnectAgainInsideTheCallback) {
  const PeerListener nobody("127.0.0.1", -1);
  const PeerListener server;
  Ticket second;
  bool connected = false;
  const Ticket first = connector_->connect(nobody.at(), Duration(5000), [&](auto refused) {
    EXPECT_FALSE(refused);
    second = connector_->connect(server.at(), Duration(5000),
                                 [&](auto outcome) { connected = outcome.has_value(); });
  });
  EXPECT_TRUE(run_until(loop_, [&] { return connected; }));
}

}  // namespace
}  // namespace gatepost::net
