#pragma once

#include <string>
#include <vector>

#include "config/json.h"

namespace gatepost::config {

/// One rule of the schema that a value breaks, in the validator's words.
struct Violation {
  std::string path;  ///< JSON pointer of the value
  std::string text;
};

/// Validates against the schema with valijson; empty when all is well. This is the only file that
/// includes it: it takes long to compile.
[[nodiscard]] std::vector<Violation> find_violations(const Json& document);

}  // namespace gatepost::config
