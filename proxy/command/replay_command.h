#pragma once

#include "proxy/command/cli.h"

namespace gatepost::command {

/// `gatepost replay`: prints what came of it.
[[nodiscard]] ExitCode replay_trace(const CommandLine& line);

}  // namespace gatepost::command
