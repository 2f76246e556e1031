#pragma once

#include <cstddef>
#include <string_view>

#include "filters/scan/scanner.h"

namespace gatepost::filters {

/// Octets of clamd's reply (clamd(8)); a longer one is not understood.
inline constexpr std::size_t kMaxClamdReply = 4 * 1024;

/// What clamd's reply means, without its NUL: to zINSTREAM ("stream: OK"), or to zFILDES
/// ("fd[12]: OK") where `by_descriptor`. `all_sent`: clamd had the whole message before; without
/// that "OK" is not understood.
[[nodiscard]] Verdict read_clamd_reply(std::string_view reply, bool by_descriptor, bool all_sent);

// Each message has a connection of its own: clamd closes after the reply, and in a session that it
// keeps open (IDSESSION) one stray reply would be taken for the next message's.

}  // namespace gatepost::filters
