#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>

#include "proxy/base/unique_fd.h"

namespace gatepost::testing {

/// Two Unix sockets that are connected and keep packets apart, as processes at an upgrade have.
class PacketPair {
 public:
  PacketPair() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    near_ = UniqueFd(ends[0]);
    far_ = UniqueFd(ends[1]);
  }
  [[nodiscard]] int near() const { return near_.get(); }
  [[nodiscard]] int far() const { return far_.get(); }
  [[nodiscard]] int release_far() { return far_.release(); }
  void close_near() { UniqueFd(near_.release()); }

 private:
  UniqueFd near_;
  UniqueFd far_;
};

}  // namespace gatepost::testing
