#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gatepost::filters {

struct Css {
  std::string text;      ///< what is left; it has no "<", no "@" but of "@media", no "\"
  bool harmful = false;  ///< something that can do harm was there, or something that nobody reads
                         ///< alike
};

/// Rules of a style sheet; what comes after them is left out, and counts as harmful.
inline constexpr std::size_t kMaxRules = 2'000;

/// The declarations of a style attribute, character references decoded: those whose property and
/// value are known to be harmless stay. There is no url(), no position, no import, no expression.
[[nodiscard]] Css harmless_declarations(std::string_view css);

/// The same for a style sheet: its plain rules and those within @media.
[[nodiscard]] Css harmless_sheet(std::string_view css);

}  // namespace gatepost::filters
