#include "filters/variables.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace gatepost::filters {

namespace {

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

Result<std::vector<VariablePiece>> cut_variables(std::string_view text,
                                                 std::span<const std::string_view> names) {
  std::vector<VariablePiece> pieces;
  std::string before;
  while (!text.empty()) {
    const std::size_t open = std::min(text.find('{'), text.size());
    before += text.substr(0, open);
    text.remove_prefix(open);
    if (text.empty()) break;
    const auto* const end = std::find_if_not(text.begin() + 1, text.end(), is_name_character);
    const auto length = static_cast<std::size_t>(end - text.begin());
    if (length == 1 || end == text.end() || *end != '}') {
      before += text.substr(0, length);
      text.remove_prefix(length);
      continue;
    }
    const std::string_view name = text.substr(1, length - 1);
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) {
      return fail(ErrorCode::config, fmt::format("unknown variable {{{}}}; known are {}",
                                                 name.substr(0, 40), fmt::join(names, ", ")));
    }
    pieces.push_back({std::exchange(before, {}), static_cast<std::size_t>(found - names.begin())});
    text.remove_prefix(length + 1);
  }
  if (!before.empty()) pieces.push_back({std::move(before), names.size()});
  return pieces;
}

}  // namespace gatepost::filters
