#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/error.h"

namespace gatepost::filters {

/// Text, and the variable behind it.
struct VariablePiece {
  std::string text;
  std::size_t variable = 0;  ///< an index of the names; how many there are: none
};

/// Cuts text with variables in braces, "Hello {user}". Lower-case letters, digits and "_" in braces
/// are a name; all else in braces is text. Fails with `config`: "unknown variable {x}; known are
/// …".
[[nodiscard]] Result<std::vector<VariablePiece>> cut_variables(
    std::string_view text, std::span<const std::string_view> names);

}  // namespace gatepost::filters
