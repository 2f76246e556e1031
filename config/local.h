#pragma once

#include "proxy/base/address.h"

namespace gatepost::config {

/// Whether only this machine reaches it: loopback, or a Unix socket.
[[nodiscard]] bool is_local(const Endpoint& endpoint);

}  // namespace gatepost::config
