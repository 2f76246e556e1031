#pragma once

#include <cstddef>

#include "filters/scan/scanner.h"

namespace gatepost::filters {

/// Octets of clamd's reply (clamd(8)); a longer one is not understood.
inline constexpr std::size_t kMaxClamdReply = 4 * 1024;

// clamd is asked with zINSTREAM, one connection for each message: it closes after the reply, and in
// a session that it keeps open (IDSESSION) one stray reply would be taken for the next message's.

}  // namespace gatepost::filters
