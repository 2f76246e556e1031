#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/server/snapshot.h"

namespace gatepost::command {

struct UpstreamResult {
  /// What a server says of UIDL before a login.
  enum class Uidl : std::uint8_t {
    unknown,  ///< it was not reached, or knows no CAPA
    missing,
    announced,
  };

  std::string pool;
  std::string server;    ///< its address
  Result<void> reached;  ///< the error names the server
  Uidl uidl = Uidl::unknown;
};

/// Goes to each server of each pool as far as a login would begin: connection, TLS with all its
/// checks, greeting, CAPA. Sends no credentials. One after the other; blocks for as long as the
/// time-outs allow.
[[nodiscard]] std::vector<UpstreamResult> check_upstreams(const server::Snapshot& snapshot);

}  // namespace gatepost::command
