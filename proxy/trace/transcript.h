#pragma once

#include <cstdint>
#include <string>

#include "proxy/trace/comparison.h"
#include "proxy/trace/trace_file.h"

namespace gatepost::trace {

/// Octets of a line that are shown.
inline constexpr std::size_t kMaxShownLine = 200;
/// Lines of a message that are shown.
inline constexpr std::size_t kMaxShownBody = 20;

/// A session as a conversation: "C: " the client, "S: " Gatepost to it, "> " Gatepost to upstream,
/// "< " upstream; seconds in front. Lines are cut, and long messages. Where `difference` is, it
/// says so: what was in the trace, and what came instead.
[[nodiscard]] std::string transcript(const Recorded& recorded, const Difference* difference);
/// One line, without its line end: what is not printable as \xHH.
[[nodiscard]] std::string shown(std::string_view line);

}  // namespace gatepost::trace
