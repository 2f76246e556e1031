#include "proxy/net/stream_shell.h"

#include <gtest/gtest.h>

#include "proxy/net/loop.h"

namespace gatepost::net {
namespace {

int option_of(int fd, int level, int option) {
  int value = -1;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, level, option, &value, &size) == 0 ? value : -1;
}

TEST(StreamShell, a_short_burst_of_loss_does_not_end_a_silent_connection) {
  Loop loop;
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const StreamShellPtr shell = make_tcp_shell(loop.raw());
  ASSERT_EQ(uv_tcp_open(&shell->tcp, fd), 0);
  prepare_connected(*shell);
  EXPECT_EQ(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option_of(fd, IPPROTO_TCP, TCP_KEEPCNT), kAskTimes);
  EXPECT_EQ(option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL), kAskEverySeconds);
  const int idle = option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE);
  EXPECT_GE(idle, kAskAfterSeconds);
  EXPECT_LT(idle, kAskAfterSeconds + kAskSpreadSeconds);
  EXPECT_EQ(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 1);
}

}  // namespace
}  // namespace gatepost::net
