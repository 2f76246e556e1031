#pragma once

#include <cstdint>
#include <string>

namespace gatepost::metrics {

/// What this process takes of the machine, and how much it may take. 0: cannot be found out.
struct ProcessUsage {
  std::uint64_t resident_octets = 0;    ///< of memory, now
  std::uint64_t memory_limit = 0;       ///< of its control group, or all that the machine has
  std::uint64_t cpu_milliseconds = 0;   ///< of all threads, in user and kernel mode
  std::uint64_t open_descriptors = 0;   ///< now
  std::uint64_t descriptors_limit = 0;  ///< the soft limit
};

/// Reads it from the kernel: a few system calls, and one more for each 1,000 descriptors where the
/// kernel does not count them (before Linux 6.2).
[[nodiscard]] ProcessUsage process_usage();

/// The smallest `memory.max` of a control group and of those above it, in octets; 0 where none of
/// them has a limit. `membership` is what /proc/self/cgroup says, `root` where the groups are
/// mounted (version 2).
[[nodiscard]] std::uint64_t memory_limit_of_group(const std::string& membership,
                                                  const std::string& root);

}  // namespace gatepost::metrics
