#pragma once

#include <string_view>

namespace gatepost::filters {

/// Whether gumbo, a parser of HTML5 that shares no code with ours, finds only harmless elements,
/// attributes and addresses in `html`. Meant for results of defang_html(): they are not nested deep
/// and have few attributes, so that gumbo, which takes time and stack for such, is safe.
[[nodiscard]] bool reads_as_harmless(std::string_view html);

}  // namespace gatepost::filters
