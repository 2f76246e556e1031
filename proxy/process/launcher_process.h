#pragma once

#include <optional>
#include <vector>

#include "proxy/base/unique_fd.h"
#include "proxy/net/process_launcher.h"
#include "proxy/process/privileges.h"

namespace gatepost::process {

/// Programs that run at once; a further one is refused.
inline constexpr std::size_t kMaxPrograms = 128;
/// Octets that a program may write to its standard output; with one more it is killed.
inline constexpr std::size_t kMaxProgramOutput = 64 * 1024;

/// The launcher, in the process forked for it: gives up everything but `links`, becomes `identity`,
/// does what it is asked until all links are closed, and kills what runs then.
[[noreturn]] void run_launcher(const std::vector<net::Program>& programs,
                               std::vector<UniqueFd> links,
                               const std::optional<Identity>& identity);

}  // namespace gatepost::process
