#pragma once

#include "proxy/command/cli.h"

namespace gatepost::command {

/// Where `gatepost ctl` looks when nothing says where.
inline constexpr const char* kUsualControlSocket = "/run/gatepost/control";

/// `gatepost ctl` and `gatepost explain`.
[[nodiscard]] ExitCode control_gateway(const CommandLine& line);

/// `gatepost healthcheck`: whether the admin listener of a gateway with this configuration says
/// that all is well. Within a few seconds.
[[nodiscard]] ExitCode check_health(const CommandLine& line);

}  // namespace gatepost::command
