#pragma once

#include "tests/bench/generator/machine.h"
#include "tests/bench/generator/stats.h"

namespace gatepost::bench {

/// Prints the results as one line of JSON. `window` is what was counted inside the window, `total`
/// all. Returns whether everything was right.
[[nodiscard]] bool report(const Outcome& outcome, const Stats& window, const Stats& total);

}  // namespace gatepost::bench
