#pragma once

#include "proxy/command/cli.h"

namespace gatepost::command {

/// `gatepost scan …`: takes messages of files through a chain as the gateway would, and prints what
/// becomes of them. Nothing is put into quarantine, remembered or sent to anyone but the scanners.
[[nodiscard]] ExitCode scan_files(const CommandLine& line);

}  // namespace gatepost::command
