#pragma once

#include "proxy/command/cli.h"

namespace CLI {
class App;
}  // namespace CLI

namespace gatepost::command {

/// Adds `gatepost scan` to the commands of `app`; what is given goes into `line`, which must live
/// as long as that is parsed.
CLI::App& add_scan(CLI::App& app, CommandLine& line);

}  // namespace gatepost::command
