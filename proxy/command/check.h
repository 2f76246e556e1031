#pragma once

#include "proxy/command/cli.h"

namespace gatepost::command {

/// Reads the configuration that `line` names.
[[nodiscard]] config::Loaded load_configuration(const CommandLine& line);

/// Prints problems to standard error, one line each.
void print_problems(const config::Loaded& loaded, const std::string& file);

/// `gatepost check`: says everything that is wrong with the configuration and the files it names,
/// and with --connect tries the upstream.
[[nodiscard]] ExitCode check(const CommandLine& line);

}  // namespace gatepost::command
