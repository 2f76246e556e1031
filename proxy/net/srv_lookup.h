#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/error.h"
#include "proxy/base/ticket.h"
#include "proxy/net/loop.h"

namespace gatepost::net {

/// Targets used of one answer; of more, the first ones in their order.
inline constexpr std::size_t kMaxSrvTargets = 64;

/// One server out of a DNS SRV record (RFC 2782).
struct SrvTarget {
  std::string host;            ///< a DNS name, lower case
  std::uint16_t port = 0;      ///< not 0
  std::uint16_t priority = 0;  ///< lower ones are asked first
  std::uint16_t weight = 0;    ///< share among those of the same priority
  std::chrono::seconds ttl{0};
};
/// Sorted by priority; within one the heaviest first; among equals by name and port.
using SrvTargets = std::vector<SrvTarget>;

/// Reads a DNS answer (RFC 1035 section 4). At least one target, or an error: `refused` when the
/// service is decidedly not available (the target is "."), `network` when there is no usable record
/// or the server failed, `protocol` for an answer that is malformed or cut short. Records that are
/// no SRV (a CNAME, say) are skipped, and so are targets that name no host or have port 0.
[[nodiscard]] Result<SrvTargets> parse_srv_answer(std::span<const std::uint8_t> answer);

/// What is asked: the SRV records of _SERVICE._tcp.DOMAIN (RFC 6186).
struct SrvQuery {
  std::string service;  ///< "pop3" or "pop3s"
  std::string domain;   ///< absolute, without a final dot
  /// Asked in place of those of resolv.conf, if its port is not 0 (tests). IPv4.
  PeerAddress server = {};
};

/// Asks with the C library's resolver and its settings. Blocks for as long as those say (with two
/// servers that do not answer 20 s): not for the thread of a loop. Thread-safe. Errors: those of
/// parse_srv_answer(); `network` also when nobody answers; `config` for a domain that is none.
[[nodiscard]] Result<SrvTargets> lookup_srv(const SrvQuery& query);

/// The same on the loop's thread pool. `done` comes from the loop, never from inside this call: the
/// answer, or `timeout` when it has not come after `limit` (the look-up itself then goes on until
/// the resolver gives up, without anyone waiting for it). Destroying the ticket cancels.
using SrvDone = std::move_only_function<void(Result<SrvTargets>)>;
[[nodiscard]] Result<Ticket> lookup_srv(Loop& loop, SrvQuery query, Duration limit, SrvDone done);

}  // namespace gatepost::net
