#pragma once

#include "proxy/command/cli.h"

namespace CLI {
class App;
}  // namespace CLI

namespace gatepost::command {

/// Adds `sweep` to the parts of `gatepost retention`; what is given goes into `line`, which must
/// live as long as that is parsed.
void add_sweep(CLI::App& retention, CommandLine& line);

}  // namespace gatepost::command
