#include "proxy/net/listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "proxy/net/stream_shell.h"
#include "tests/support/leak_check.h"
#include "tests/unit/net/sockets.h"

namespace gatepost::net {
namespace {

using ::gatepost::testing::NoDescriptors;
using ::gatepost::testing::Peer;
using ::gatepost::testing::run_for;
using ::gatepost::testing::run_until;
using ::gatepost::testing::TestFolder;
using ::gatepost::testing::TestPool;

class ListenerTest : public ::testing::Test {
 protected:
  void listen(const Endpoint& at) {
    auto sockets = open_listen_sockets(at, 1, 0600);
    ASSERT_TRUE(sockets) << sockets.error().detail;
    at_ = sockets->bound;
    auto listener = Listener::start(
        loop_, pool_, std::move(sockets->fds.front()),
        [this](auto accepted) { accepted_.push_back(std::move(accepted)); },
        [](const Error& error) { ADD_FAILURE() << error.detail; });
    ASSERT_TRUE(listener) << listener.error().detail;
    listener_ = std::move(*listener);
  }
  bool accepts(std::size_t count) {
    return run_until(loop_, [&] { return accepted_.size() == count; });
  }

  TestPool pool_;
  Loop loop_;
  Endpoint at_;
  std::unique_ptr<Listener> listener_;
  std::vector<std::unique_ptr<Transport>> accepted_;
};

TEST_F(ListenerTest, AcceptsConnectionsAndNamesTheirPeers) {
  listen({"127.0.0.1", 0, {}});
  const Peer one = Peer::connect(at_);
  const Peer two = Peer::connect(at_);
  ASSERT_TRUE(accepts(2));
  EXPECT_EQ(accepted_[0]->peer().to_string(), "127.0.0.1:" + std::to_string(one.port()));
  EXPECT_EQ(accepted_[1]->peer().to_string(), "127.0.0.1:" + std::to_string(two.port()));
}

/// Our own end of the connection of the peer at `port`; -1: none.
int accepted_from(std::uint16_t port) {
  for (int fd = 0; fd < 1024; ++fd) {
    sockaddr_in peer{};
    socklen_t length = sizeof peer;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) != 0) continue;
    if (peer.sin_family == AF_INET && ntohs(peer.sin_port) == port) return fd;
  }
  return -1;
}

int option(int fd, int level, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  return ::getsockopt(fd, level, name, &value, &length) == 0 ? value : -1;
}

TEST_F(ListenerTest, GivesConnectionsItsOptions) {
  listen({"127.0.0.1", 0, {}});
  const Peer peer = Peer::connect(at_);
  ASSERT_TRUE(accepts(1));
  const int fd = accepted_from(static_cast<std::uint16_t>(peer.port()));
  ASSERT_GE(fd, 0);
  EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_GE(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), kAskAfterSeconds);
  EXPECT_LT(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), kAskAfterSeconds + kAskSpreadSeconds);
  EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), kAskEverySeconds);
  EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_KEEPCNT), kAskTimes);
}

TEST_F(ListenerTest, ShowsIpv4PeersOfAnIpv6SocketAsIpv4) {
  listen({"", 0, {}});
  const Peer peer = Peer::connect({"127.0.0.1", at_.port, {}});
  ASSERT_TRUE(accepts(1));
  EXPECT_TRUE(accepted_[0]->peer().ip.is_v4());
  EXPECT_EQ(accepted_[0]->peer().to_string(), "127.0.0.1:" + std::to_string(peer.port()));
}

TEST_F(ListenerTest, AcceptsIpv6) {
  if (!open_listen_sockets({"::1", 0, {}}, 1, 0600)) GTEST_SKIP() << "no IPv6 here";
  listen({"::1", 0, {}});
  const Peer peer = Peer::connect(at_);
  ASSERT_TRUE(accepts(1));
  EXPECT_EQ(accepted_[0]->peer().to_string(), "[::1]:" + std::to_string(peer.port()));
}

TEST_F(ListenerTest, AcceptsOnAUnixSocket) {
  const TestFolder folder;
  listen({"", 0, folder / "s"});
  const Peer peer = Peer::connect(at_);
  ASSERT_TRUE(accepts(1));
  EXPECT_TRUE(accepted_[0]->peer().unix_socket);
  EXPECT_EQ(accepted_[0]->peer().port, 0);
}

TEST_F(ListenerTest, LeavesConnectionsWaitingWhilePaused) {
  listen({"127.0.0.1", 0, {}});
  listener_->pause();
  std::vector<Peer> peers;
  for (int i = 0; i < 5; ++i) peers.push_back(Peer::connect(at_));
  run_for(loop_, Duration(50));
  EXPECT_TRUE(accepted_.empty());
  listener_->resume();
  EXPECT_TRUE(accepts(5));
}

TEST_F(ListenerTest, MayPauseAndResumeAgainAndAgain) {
  listen({"127.0.0.1", 0, {}});
  std::vector<Peer> peers;
  for (std::size_t i = 1; i <= 3; ++i) {
    listener_->pause();
    listener_->pause();
    peers.push_back(Peer::connect(at_));
    run_for(loop_, Duration(10));
    EXPECT_EQ(accepted_.size(), i - 1);
    listener_->resume();
    listener_->resume();
    ASSERT_TRUE(accepts(i));
  }
}

TEST_F(ListenerTest, MayBePausedWhileItAccepts) {
  auto sockets = open_listen_sockets({"127.0.0.1", 0, {}}, 1, 0600);
  ASSERT_TRUE(sockets);
  auto listener = Listener::start(
      loop_, pool_, std::move(sockets->fds.front()),
      [this](auto accepted) {
        accepted_.push_back(std::move(accepted));
        listener_->pause();
      },
      [](const Error&) {});
  ASSERT_TRUE(listener);
  listener_ = std::move(*listener);
  const Peer one = Peer::connect(sockets->bound);
  const Peer two = Peer::connect(sockets->bound);
  ASSERT_TRUE(accepts(1));
  run_for(loop_, Duration(20));
  EXPECT_EQ(accepted_.size(), 1U);
  listener_->resume();
  EXPECT_TRUE(accepts(2));
}

TEST_F(ListenerTest, ClosesWaitingConnectionsWhenDestroyedPaused) {
  listen({"127.0.0.1", 0, {}});
  listener_->pause();
  Peer peer = Peer::connect(at_);
  run_for(loop_, Duration(20));
  listener_.reset();
  EXPECT_TRUE(run_until(loop_, [&] { return peer.end() != Peer::End::none; }));
}

TEST_F(ListenerTest, ComesBackToOthersAfterSomeConnections) {
  listen({"127.0.0.1", 0, {}});
  std::vector<Peer> peers;
  for (int i = 0; i < Listener::kMaxAtOnce + 10; ++i) peers.push_back(Peer::connect(at_));
  std::size_t first = 0;
  const auto look = loop_.make_timer([&] { first = accepted_.size(); });
  look->start(Duration(0));
  EXPECT_TRUE(accepts(peers.size()));
  EXPECT_LE(first, static_cast<std::size_t>(Listener::kMaxAtOnce));
}

TEST_F(ListenerTest, LetsConnectionsWaitWhileThereIsNoDescriptor) {
  auto sockets = open_listen_sockets({"127.0.0.1", 0, {}}, 1, 0600);
  ASSERT_TRUE(sockets);
  std::vector<std::string> failures;
  auto listener = Listener::start(
      loop_, pool_, std::move(sockets->fds.front()),
      [this](auto accepted) { accepted_.push_back(std::move(accepted)); },
      [&](const Error& error) { failures.push_back(error.detail); });
  ASSERT_TRUE(listener);
  std::vector<Peer> peers;
  for (int i = 0; i < 5; ++i) peers.push_back(Peer::connect(sockets->bound));
  {
    const NoDescriptors none;
    run_for(loop_, Listener::kRetry * 3);
    EXPECT_TRUE(accepted_.empty());
    // Tried now and then, not all the time.
    EXPECT_THAT(failures,
                ::testing::SizeIs(::testing::AllOf(::testing::Ge(2U), ::testing::Le(4U))));
    EXPECT_THAT(failures, ::testing::Each("Too many open files"));
    for (Peer& peer : peers) EXPECT_EQ(peer.end(), Peer::End::none);
  }
  EXPECT_TRUE(accepts(5));
}

TEST_F(ListenerTest, StaysPausedWhenItIsTimeToTryAgain) {
  auto sockets = open_listen_sockets({"127.0.0.1", 0, {}}, 1, 0600);
  ASSERT_TRUE(sockets);
  auto listener = Listener::start(
      loop_, pool_, std::move(sockets->fds.front()),
      [this](auto accepted) { accepted_.push_back(std::move(accepted)); },
      [&](const Error&) { loop_.stop(); });
  ASSERT_TRUE(listener);
  const Peer peer = Peer::connect(sockets->bound);
  {
    const NoDescriptors none;
    loop_.run();
  }
  (*listener)->pause();
  run_for(loop_, Listener::kRetry * 2);
  EXPECT_TRUE(accepted_.empty());
  (*listener)->resume();
  EXPECT_TRUE(accepts(1));
}

TEST_F(ListenerTest, ConnectionsOutliveIt) {
  listen({"127.0.0.1", 0, {}});
  Peer peer = Peer::connect(at_);
  ASSERT_TRUE(accepts(1));
  listener_.reset();
  accepted_[0]->send(ByteChain(pool_, "+OK\r\n"));
  accepted_[0]->settle();
  EXPECT_TRUE(run_until(loop_, [&] { return peer.receive() == "+OK\r\n"; }));
}

TEST_F(ListenerTest, SurvivesAClientThatLeavesBeforeItIsAccepted) {
  listen({"127.0.0.1", 0, {}});
  Peer::connect(at_).reset();
  const Peer peer = Peer::connect(at_);
  EXPECT_TRUE(run_until(
      loop_, [&] { return !accepted_.empty() && accepted_.back()->peer().port == peer.port(); }));
}

TEST_F(ListenerTest, RefusesADescriptorThatIsNoSocket) {
  const auto listener = Listener::start(loop_, pool_, UniqueFd(), [](auto) {}, [](const Error&) {});
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, ErrorCode::system);
}

}  // namespace
}  // namespace gatepost::net
