#pragma once

#include "proxy/command/cli.h"

namespace CLI {
class App;
}  // namespace CLI

namespace gatepost::command {

/// Adds `replay` to the program. It fills `line`, which outlives it.
CLI::App& add_replay(CLI::App& app, CommandLine& line);

}  // namespace gatepost::command
