#pragma once

#include "proxy/command/cli.h"

namespace CLI {
class App;
}  // namespace CLI

namespace gatepost::command {

/// Adds `gatepost ctl` and `gatepost explain` to the commands of `app`; what is given goes into
/// `line`, which must live as long as that is parsed, and whose action says whether one of them was
/// named.
void add_ctl(CLI::App& app, CommandLine& line);

}  // namespace gatepost::command
