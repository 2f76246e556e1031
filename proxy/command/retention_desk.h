#pragma once

#include "proxy/command/cli.h"

namespace gatepost::command {

/// `gatepost retention …`: opens the store that the configuration names, as whoever asks, and does
/// what the other look_after_retention() says. Makes neither a store nor a key.
[[nodiscard]] ExitCode look_after_retention(const CommandLine& line);

}  // namespace gatepost::command
