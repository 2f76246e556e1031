#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <map>

#include "proxy/net/listener.h"
#include "tests/unit/net/sockets.h"

namespace gatepost::net {
namespace {

using ::gatepost::testing::Peer;
using ::gatepost::testing::PeerListener;
using ::gatepost::testing::SocketAddress;
using ::gatepost::testing::TestFolder;
using ::testing::HasSubstr;

Endpoint loopback(std::uint16_t port = 0) { return {"127.0.0.1", port, {}}; }

bool takes_connection(const UniqueFd& fd) {
  return Peer(::accept(fd.get(), nullptr, nullptr)).is_open();
}

TEST(ListenSocketsTest, FindsAFreePortAndSaysWhich) {
  const auto sockets = open_listen_sockets(loopback(), 1, 0600);
  ASSERT_TRUE(sockets) << sockets.error().detail;
  EXPECT_NE(sockets->bound.port, 0);
  EXPECT_EQ(sockets->bound.host, "127.0.0.1");
  const Peer peer = Peer::connect(sockets->bound);
  EXPECT_TRUE(takes_connection(sockets->fds.front()));
}

TEST(ListenSocketsTest, ListensForIpv4WhenNoHostIsNamed) {
  const auto sockets = open_listen_sockets({"", 0, {}}, 1, 0600);
  ASSERT_TRUE(sockets) << sockets.error().detail;
  const Peer peer = Peer::connect(loopback(sockets->bound.port));
  EXPECT_TRUE(takes_connection(sockets->fds.front()));
}

TEST(ListenSocketsTest, LetsSoManyWaitAndNoMore) {
  // A Unix socket says at once that its queue is full.
  const TestFolder folder;
  const auto sockets = open_listen_sockets({"", 0, folder / "full"}, 1, 0600);
  ASSERT_TRUE(sockets) << sockets.error().detail;
  const SocketAddress address(sockets->bound);
  std::vector<Peer> waiting;
  while (waiting.size() < 2 * kBacklog) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ASSERT_GE(fd, 0) << std::strerror(errno);
    waiting.emplace_back(fd);
    if (::connect(fd, address.get(), address.length) != 0) break;
  }
  EXPECT_EQ(errno, EAGAIN);
  // The kernel counts those that wait until they are more than the backlog.
  EXPECT_EQ(waiting.size(), kBacklog + 2);
  // One is taken, and there is room again.
  EXPECT_TRUE(takes_connection(sockets->fds.front()));
  EXPECT_TRUE(Peer::connect(sockets->bound).is_open());
}

TEST(ListenSocketsTest, SharesOnePortAmongSeveralSockets) {
  const auto sockets = open_listen_sockets(loopback(), 3, 0600);
  ASSERT_TRUE(sockets) << sockets.error().detail;
  ASSERT_EQ(sockets->fds.size(), 3U);
  for (const UniqueFd& fd : sockets->fds) EXPECT_EQ(Peer::port_of(fd.get()), sockets->bound.port);

  std::vector<Peer> peers;
  for (int i = 0; i < 60; ++i) peers.push_back(Peer::connect(sockets->bound));
  std::size_t all = 0;
  std::size_t busy = 0;
  for (const UniqueFd& fd : sockets->fds) {
    std::size_t mine = 0;
    while (takes_connection(fd)) ++mine;
    all += mine;
    busy += mine > 0 ? 1U : 0U;
  }
  EXPECT_EQ(all, 60U);
  EXPECT_GT(busy, 1U) << "the kernel spreads connections";
}

TEST(ListenSocketsTest, RefusesAPortWhereAnotherSocketListens) {
  const PeerListener other;
  const auto sockets = open_listen_sockets(other.at(), 1, 0600);
  ASSERT_FALSE(sockets);
  EXPECT_EQ(sockets.error().code, ErrorCode::system);
  EXPECT_THAT(sockets.error().detail, HasSubstr(other.at().to_string()));
  EXPECT_THAT(sockets.error().detail, HasSubstr("in use"));
}

TEST(ListenSocketsTest, RefusesThePortOfASecondGateway) {
  const auto first = open_listen_sockets(loopback(), 2, 0600);
  ASSERT_TRUE(first);
  EXPECT_FALSE(open_listen_sockets(first->bound, 2, 0600));
}

TEST(ListenSocketsTest, WidensAPortThatIsOursAlready) {
  // A port that is free on 127.0.0.1 may be somebody else's on another address of this machine.
  bool widened = false;
  for (int attempt = 0; attempt < 20 && !widened; ++attempt) {
    const auto first = open_listen_sockets(loopback(), 1, 0600);
    ASSERT_TRUE(first);
    const Endpoint everywhere{"", first->bound.port, {}};
    EXPECT_FALSE(open_listen_sockets(everywhere, 1, 0600));
    widened = open_listen_sockets(everywhere, 1, 0600, true).has_value();
  }
  EXPECT_TRUE(widened);
}

TEST(ListenSocketsTest, TakesThePortOfAGatewayThatIsGone) {
  Endpoint at;
  {
    const auto first = open_listen_sockets(loopback(), 2, 0600);
    ASSERT_TRUE(first);
    at = first->bound;
    Peer peer = Peer::connect(at);
    for (const UniqueFd& fd : first->fds) {
      static_cast<void>(takes_connection(fd));  // closed by us first: leaves TIME_WAIT behind
    }
  }
  const auto second = open_listen_sockets(at, 2, 0600);
  EXPECT_TRUE(second) << second.error().detail;
}

TEST(ListenSocketsTest, SaysWhichHostItCannotFind) {
  const auto sockets = open_listen_sockets({"no-such-host.invalid", 110, {}}, 1, 0600);
  ASSERT_FALSE(sockets);
  EXPECT_THAT(sockets.error().detail, HasSubstr("no-such-host.invalid:110"));
}

TEST(ListenSocketsTest, RefusesAnAddressOfAnotherMachine) {
  const auto sockets = open_listen_sockets({"192.0.2.1", 0, {}}, 1, 0600);
  ASSERT_FALSE(sockets);
  EXPECT_EQ(sockets.error().code, ErrorCode::system);
}

class UnixListenSocketsTest : public ::testing::Test {
 protected:
  TestFolder folder_;
  const Endpoint at_{"", 0, folder_ / "s"};
};

TEST_F(UnixListenSocketsTest, SharesOneSocketAmongAll) {
  const auto sockets = open_listen_sockets(at_, 3, 0600);
  ASSERT_TRUE(sockets) << sockets.error().detail;
  ASSERT_EQ(sockets->fds.size(), 3U);
  for (const UniqueFd& fd : sockets->fds) {
    const Peer peer = Peer::connect(at_);
    EXPECT_TRUE(takes_connection(fd));
  }
}

TEST_F(UnixListenSocketsTest, SetsThePermissionsAskedFor) {
  for (const unsigned mode : {0600U, 0660U, 0666U}) {
    const auto sockets = open_listen_sockets(at_, 1, mode);
    ASSERT_TRUE(sockets) << sockets.error().detail;
    struct stat info{};
    ASSERT_EQ(::stat(at_.path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, mode);
  }
}

TEST_F(UnixListenSocketsTest, ReplacesASocketThatNobodyServes) {
  ASSERT_TRUE(open_listen_sockets(at_, 1, 0600));  // closed, but the file stays
  ASSERT_TRUE(std::filesystem::exists(at_.path));
  const auto sockets = open_listen_sockets(at_, 1, 0600);
  ASSERT_TRUE(sockets) << sockets.error().detail;
  const Peer peer = Peer::connect(at_);
  EXPECT_TRUE(takes_connection(sockets->fds.front()));
}

TEST_F(UnixListenSocketsTest, RefusesASocketThatSomebodyServes) {
  const auto first = open_listen_sockets(at_, 1, 0600);
  ASSERT_TRUE(first);
  const auto second = open_listen_sockets(at_, 1, 0600);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().detail, HasSubstr(at_.path));
  const Peer peer = Peer::connect(at_);
  EXPECT_TRUE(std::filesystem::exists(at_.path)) << "the other one goes on";
}

TEST_F(UnixListenSocketsTest, NeverReplacesAFileThatIsNoSocket) {
  std::ofstream(at_.path) << "mine";
  const auto sockets = open_listen_sockets(at_, 1, 0600);
  ASSERT_FALSE(sockets);
  EXPECT_THAT(sockets.error().detail, HasSubstr(at_.path));
  std::string text;
  std::ifstream(at_.path) >> text;
  EXPECT_EQ(text, "mine");
}

TEST_F(UnixListenSocketsTest, NeverFollowsALink) {
  std::filesystem::create_symlink(folder_ / "elsewhere", at_.path);
  EXPECT_FALSE(open_listen_sockets(at_, 1, 0600));
}

TEST_F(UnixListenSocketsTest, RefusesAPathThatIsTooLong) {
  const auto sockets = open_listen_sockets({"", 0, folder_ / std::string(200, 'x')}, 1, 0600);
  ASSERT_FALSE(sockets);
  EXPECT_THAT(sockets.error().detail, HasSubstr("too long"));
}

TEST_F(UnixListenSocketsTest, RefusesAFolderThatDoesNotExist) {
  EXPECT_FALSE(open_listen_sockets({"", 0, folder_ / "no/s"}, 1, 0600));
}

TEST(UniqueFdTest, ClosesWhatItHoldsOnce) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  {
    UniqueFd one(ends[0]);
    UniqueFd two(std::move(one));
    EXPECT_EQ(two.get(), ends[0]);
    UniqueFd three;
    three = std::move(two);
    EXPECT_EQ(three.get(), ends[0]);
  }
  EXPECT_EQ(::close(ends[0]), -1);
  UniqueFd released(ends[1]);
  EXPECT_EQ(released.release(), ends[1]);
  EXPECT_EQ(released.get(), -1);
  EXPECT_EQ(::close(ends[1]), 0);
}

}  // namespace
}  // namespace gatepost::net
