#pragma once

#include "proxy/server/cli.h"

namespace gatepost::server {

/// `gatepost replay`: prints what came of it.
[[nodiscard]] ExitCode replay_trace(const CommandLine& line);

}  // namespace gatepost::server
