#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace gatepost::bench {

/// What the load generator must receive for one message.
struct Message {
  std::uint64_t octets = 0;  ///< CRLF line ends, without dot-stuffing
  std::uint32_t crc = 0;     ///< CRC-32C of those octets
  std::string uidl;
};
using Mailbox = std::vector<Message>;

/// Reads what the upstream wrote: lines of mailbox, number, octets, CRC, unique-id. Dies if it
/// cannot.
[[nodiscard]] std::map<std::string, Mailbox> read_manifest(const std::string& path);

}  // namespace gatepost::bench
