#pragma once

#include <string>
#include <string_view>

namespace gatepost {

/// A string of JSON with its quotes: for the few places that write JSON without the library. What
/// is not UTF-8 stays as it is, so `text` is ours and not a peer's.
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace gatepost
