#pragma once

#include <cstddef>

#include "proxy/base/error.h"
#include "proxy/probe/options.h"
#include "proxy/probe/report.h"

namespace gatepost::probe {

/// Addresses of the target that are connected to; the first that answers is looked at.
inline constexpr std::size_t kMaxAddresses = 8;
/// Replies that are timed.
inline constexpr std::size_t kRoundTrips = 5;
/// A whole probe takes so many time-outs at most.
inline constexpr int kWholeTimeouts = 10;

/// Looks at a POP3 server as a client that never logs in: about ten connections, one after the
/// other, and nothing secret is sent. Blocks. A server that does not answer is a report; fails with
/// `config` for a CA file or a name that cannot be used.
[[nodiscard]] Result<Report> look_at(const Options& options);

}  // namespace gatepost::probe
