#pragma once

#include <cstdint>
#include <vector>

namespace gatepost::bench {

/// CPU seconds of the process `root`, its living descendants, and every child that any of them has
/// reaped.
[[nodiscard]] double tree_cpu_seconds(int root);
/// CPU seconds of this process.
[[nodiscard]] double own_cpu_seconds();

/// Memory of a process and its descendants, in KiB.
struct TreeMemory {
  std::uint64_t rss = 0;
  std::uint64_t pss = 0;
  std::uint64_t anonymous = 0;
  int processes = 0;
  int threads = 0;
};
[[nodiscard]] TreeMemory tree_memory(int root);

/// Seconds since boot, for each CPU.
struct CpuTimes {
  std::vector<double> busy;
  std::vector<double> stolen;
};
[[nodiscard]] CpuTimes cpu_times();

/// Slab, kernel stacks and page tables of the whole machine, in KiB.
[[nodiscard]] std::uint64_t kernel_kib();

}  // namespace gatepost::bench
