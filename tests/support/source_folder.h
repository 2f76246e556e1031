#pragma once

#include <string>
#include <string_view>

namespace gatepost::testing {

/// A file of the source tree: "docs/metrics.md".
[[nodiscard]] std::string source_file(std::string_view path);

}  // namespace gatepost::testing
