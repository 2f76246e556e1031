#pragma once

#include "filters/scan/scanner.h"

namespace gatepost::filters {

/// What a scanner's program says of the message that it read, by its exit status: 0 clean, 1
/// infected, 2 spam, 75 (EX_TEMPFAIL) unreachable; all else, signals too, not understood. The first
/// line of its output is the threat's name or the explanation.
[[nodiscard]] Verdict read_program_end(const net::ProgramEnd& end);

}  // namespace gatepost::filters
