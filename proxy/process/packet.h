#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>

#include "proxy/base/unique_fd.h"

/// Packets of plain octets over a Unix socket that keeps packets apart, each with one descriptor or
/// none. Neither call takes memory, so that they are for any process at any time; both wait or not
/// as the socket does, and are not begun again after a signal.
namespace gatepost::process {

/// `descriptor` stays the caller's; -1 for none. Returns 0 or errno; then nothing was sent.
[[nodiscard]] int send_with_descriptor(int socket, std::span<const std::byte> octets,
                                       int descriptor);

struct ReceivedPacket {
  /// As of recvmsg(): 0 at the end, -1 with errno. What there was no room for is lost.
  ssize_t size = 0;
  /// Closed when a program is run. -1: none came, or there are too many open.
  UniqueFd descriptor;
};

/// Fills `octets` from their beginning.
[[nodiscard]] ReceivedPacket receive_with_descriptor(int socket, std::span<std::byte> octets);

}  // namespace gatepost::process
