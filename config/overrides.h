#pragma once

#include "config/findings.h"
#include "config/json.h"
#include "config/load.h"

namespace gatepost::config {

/// Writes the values of flags and environment over those of the file, so that both go through the
/// same checks, and tells `findings` which values came from which flag.
void apply_overrides(const Overrides& overrides, Json& document, Findings& findings);

}  // namespace gatepost::config
