#include "proxy/process/inherited_sockets.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <filesystem>

#include "proxy/net/listener.h"
#include "tests/support/temporary_folder.h"

namespace gatepost::process {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

net::ListenSockets listening(const Endpoint& at, std::size_t count = 1) {
  auto opened = net::open_listen_sockets(at, count, 0600);
  EXPECT_TRUE(opened) << opened.error().detail;
  return std::move(*opened);
}

net::ListenSockets anywhere(std::size_t count = 1) {
  return listening({"127.0.0.1", 0, {}}, count);
}

TEST(InheritedSocketsTest, each_key_is_taken_once) {
  InheritedSockets inherited;
  EXPECT_TRUE(inherited.empty());
  auto first = anywhere(3);
  const std::uint16_t port = first.bound.port;
  ASSERT_TRUE(inherited.add("a", std::move(first.fds)));
  ASSERT_TRUE(inherited.add("a", std::move(anywhere().fds)));
  ASSERT_TRUE(inherited.add("b", std::move(anywhere(2).fds)));
  EXPECT_FALSE(inherited.empty());
  EXPECT_TRUE(inherited.has_port(port));
  EXPECT_FALSE(inherited.has_port(1));
  EXPECT_THAT(inherited.take("c"), IsEmpty());
  EXPECT_THAT(inherited.take("a"), SizeIs(4));
  EXPECT_THAT(inherited.take("a"), IsEmpty());
  EXPECT_THAT(inherited.take("b"), SizeIs(2));
  EXPECT_TRUE(inherited.has_port(port)) << "it is still ours";
}

TEST(InheritedSocketsTest, only_what_listens_to_streams_is_accepted) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    InheritedSockets inherited;
    std::vector<UniqueFd> fds;
    fds.emplace_back(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    EXPECT_EQ(inherited.add("key", std::move(fds)).error().code, ErrorCode::protocol);
  }
  InheritedSockets inherited;
  std::vector<UniqueFd> fds;
  fds.emplace_back(::open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_FALSE(inherited.add("key", std::move(fds)));
}

TEST(InheritedSocketsTest, keys_and_numbers_have_limits) {
  InheritedSockets inherited;
  EXPECT_FALSE(inherited.add("", std::move(anywhere().fds)));
  EXPECT_FALSE(
      inherited.add(std::string(InheritedSockets::kMaxKey + 1, 'k'), std::move(anywhere().fds)));
  EXPECT_TRUE(
      inherited.add(std::string(InheritedSockets::kMaxKey, 'k'), std::move(anywhere().fds)));
  // The number is looked at first, so they need not be sockets.
  EXPECT_FALSE(inherited.add("key", std::vector<UniqueFd>(InheritedSockets::kMaxSockets)));
}

TEST(InheritedSocketsTest, what_nobody_takes_goes_with_its_path) {
  const testing::TemporaryFolder folder;
  InheritedSockets inherited;
  auto kept = listening({{}, 0, folder.file("kept")});
  auto unwanted = listening({{}, 0, folder.file("unwanted")});
  auto port = anywhere();
  ASSERT_TRUE(inherited.add("kept", std::move(kept.fds)));
  ASSERT_TRUE(inherited.add("unwanted", std::move(unwanted.fds)));
  ASSERT_TRUE(inherited.add("port", std::move(port.fds)));
  const auto taken = inherited.take("kept");
  inherited.close_rest();
  EXPECT_TRUE(std::filesystem::exists(folder.file("kept")));
  EXPECT_FALSE(std::filesystem::exists(folder.file("unwanted")));
  EXPECT_TRUE(net::open_listen_sockets(port.bound, 1, 0600)) << "the port is free again";
}

TEST(InheritedSocketsTest, a_failed_start_leaves_the_paths) {
  const testing::TemporaryFolder folder;
  auto sockets = listening({{}, 0, folder.file("socket")});
  {
    InheritedSockets inherited;
    ASSERT_TRUE(inherited.add("key", std::move(sockets.fds)));
  }
  EXPECT_TRUE(std::filesystem::exists(folder.file("socket")));
}

}  // namespace
}  // namespace gatepost::process
