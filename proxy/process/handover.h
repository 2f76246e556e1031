#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/base/unique_fd.h"

namespace gatepost::process {

/// What a process and the one that follows it at an upgrade say to each other, over a Unix socket
/// that keeps packets apart. They may be of different versions: what these numbers mean stays, and
/// who gets one that it does not know refuses the upgrade.
struct HandoverPacket {
  /// Octets of text. A longer packet is not from a gateway.
  static constexpr std::size_t kMaxText = 4096;
  /// Descriptors that come along with one packet; who has more sends several.
  static constexpr std::size_t kMaxDescriptors = 64;

  enum class What : std::uint32_t {
    sockets = 1,      ///< to the successor: listening sockets; the text is their key
    ticket_keys = 2,  ///< to the successor: what protects session tickets, secret
    whole = 3,        ///< to the successor: that was all
    ready = 4,        ///< to the predecessor: I serve
    failed = 5,       ///< to the predecessor: I end; the text says why
  };

  What what = What::whole;
  std::string text;
  std::vector<UniqueFd> descriptors;
};

/// False when there is no room now. Never waits. Fails with `system`.
[[nodiscard]] Result<bool> send_packet(int socket, const HandoverPacket& packet);

/// Nothing when there is none now. Never waits. Fails with `closed` when the other side has ended,
/// with `protocol` when that is no packet, or not a whole one. Descriptors are closed when a
/// program is run.
[[nodiscard]] Result<std::optional<HandoverPacket>> receive_packet(int socket);

}  // namespace gatepost::process
