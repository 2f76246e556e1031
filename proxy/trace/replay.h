#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proxy/trace/comparison.h"
#include "proxy/trace/trace_file.h"

namespace gatepost::trace {

/// What came of playing one session.
struct Played {
  std::optional<Difference> difference;  ///< the first; nothing: none
  /// What was not compared and why, a sentence each.
  std::vector<std::string> notes;
  Deeds deeds;  ///< of the replay
};

/// Plays what a trace heard to a new session, in memory and in no time: each piece when the trace
/// has it, but what upstream said not before it is asked for. Then compares what the session did.
[[nodiscard]] Played replay(const Recorded& recorded);

}  // namespace gatepost::trace
