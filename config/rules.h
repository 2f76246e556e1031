#pragma once

#include "config/build.h"
#include "config/findings.h"

namespace gatepost::config {

/// What the schema cannot say: values that make no sense together, and what is worth a warning.
void check_rules(const Built& built, Findings& findings);

}  // namespace gatepost::config
