#pragma once

#include <cstdint>
#include <vector>

#include "tests/bench/common/usage.h"

namespace gatepost::bench {

/// CPU time used up to one moment.
struct Usage {
  std::uint64_t at_ns = 0;
  std::vector<double> processes;  ///< of --cpu-pid, seconds
  CpuTimes cpus;
  double own = 0;
};
[[nodiscard]] Usage usage_now();

/// Everything of a run but the workers' counts.
struct Outcome {
  Usage begin;  ///< of the window
  Usage end;
  TreeMemory memory_before;
  TreeMemory memory_idle;
  TreeMemory memory_after_retr;
  std::uint64_t kernel_before = 0;  ///< KiB
  std::uint64_t kernel_idle = 0;
};

}  // namespace gatepost::bench
