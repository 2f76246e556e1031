#pragma once

#include <vector>

#include "config/config.h"
#include "config/findings.h"
#include "config/json.h"

namespace gatepost::config {

struct Built {
  Config config;
  /// Where an address could not be read there is nothing to compare with others.
  std::vector<bool> listener_has_address;
  bool upstream_has_address = false;
};

/// Makes the structs. Reports addresses, networks and names that cannot be parsed; leaves out, in
/// silence, what the schema has already found wrong.
[[nodiscard]] Built build(const Json& document, Findings& findings);

}  // namespace gatepost::config
