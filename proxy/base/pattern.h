#pragma once

#include <string_view>

namespace gatepost {

/// Whether `text` is what `pattern` describes: `*` any text, `?` one octet, case-blind (ASCII).
/// Takes at most about |pattern| * |text| steps, and no memory.
[[nodiscard]] bool matches_pattern(std::string_view pattern, std::string_view text);

}  // namespace gatepost
