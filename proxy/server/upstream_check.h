#pragma once

#include <vector>

#include "proxy/base/error.h"
#include "proxy/server/snapshot.h"

namespace gatepost::server {

/// Connects to each upstream of the configuration, waits for its greeting and, where it is asked
/// for, does the TLS handshake with all its checks; sends no credentials. Blocks for as long as the
/// time-outs allow. One result for each upstream.
[[nodiscard]] std::vector<Result<void>> check_upstreams(const Snapshot& snapshot);

}  // namespace gatepost::server
