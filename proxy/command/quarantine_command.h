#pragma once

#include "proxy/command/cli.h"

namespace gatepost::command {

/// `gatepost quarantine …`: prints to standard output, what goes wrong to standard error. The
/// gateway may be at work with the same folder.
[[nodiscard]] ExitCode look_after_quarantine(const CommandLine& line);

}  // namespace gatepost::command
