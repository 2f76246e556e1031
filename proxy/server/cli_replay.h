#pragma once

#include "proxy/server/cli.h"

namespace CLI {
class App;
}  // namespace CLI

namespace gatepost::server {

/// Adds `replay` to the program. It fills `line`, which outlives it.
CLI::App& add_replay(CLI::App& app, CommandLine& line);

}  // namespace gatepost::server
