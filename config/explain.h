#pragma once

#include "config/findings.h"
#include "config/json.h"

namespace gatepost::config {

/// Checks `document` against the schema: types, values, missing and unknown keys, ranges of
/// durations and sizes. Says for each problem what stands there and what may stand there.
void check_schema(const Json& document, Findings& findings);

}  // namespace gatepost::config
