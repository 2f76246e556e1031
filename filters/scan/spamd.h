#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "filters/scan/scanner.h"

namespace gatepost::filters {

/// Octets of spamd's reply to SYMBOLS; a longer one is not understood.
inline constexpr std::size_t kMaxSpamdReply = 64 * 1024;
/// Octets of its header.
inline constexpr std::size_t kMaxSpamdHeader = 4 * 1024;

/// How long a reply is, by its Content-length; nothing: not known yet. One that makes no sense has
/// come whole.
[[nodiscard]] std::optional<std::size_t> spamd_reply_size(std::string_view so_far);

/// What a reply means (SPAMC/1.5, command SYMBOLS): `spam` or clean, with the score, and with edits
/// that put X-Spam-Flag, X-Spam-Score and X-Spam-Symbols in the place of the sender's own.
/// `all_sent`: spamd had the whole message before; without that no reply is understood.
[[nodiscard]] Verdict read_spamd_reply(std::string_view reply, bool all_sent);

}  // namespace gatepost::filters
