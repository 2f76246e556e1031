#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "proxy/base/unique_fd.h"

namespace gatepost::process {

/// The starter, in the process forked for it: gives up everything that is open but `link` and the
/// three, and does what it is asked until `link` is closed. `gateway` is who forked it.
[[noreturn]] void run_starter(const std::string& program, std::vector<std::string> arguments,
                              pid_t gateway, UniqueFd link);

}  // namespace gatepost::process
