#pragma once

#include <cstddef>
#include <string_view>

#include "filters/verdict.h"

namespace gatepost::filters {

/// Symbols that are named in X-Spam-Symbols; further ones are left out.
inline constexpr std::size_t kMaxRspamdSymbols = 50;
/// Octets of a subject that rspamd wants; a longer one is not taken over.
inline constexpr std::size_t kMaxRspamdSubject = 1000;
/// How deep objects and lists may stand inside each other in rspamd's answer.
inline constexpr int kMaxRspamdDepth = 16;

/// The verdict in the JSON text with which rspamd answers /checkv2. Clean is only what has an
/// action that says so, and a score. Edits: X-Spam-Status, X-Spam-Score and X-Spam-Symbols, in
/// place of what a sender put there, the fields that rspamd wants added and removed, and the
/// subject where it is to be rewritten.
[[nodiscard]] Verdict rspamd_verdict(std::string_view json);

}  // namespace gatepost::filters
