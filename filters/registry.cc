#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "filters/add_header/add_header.h"
#include "filters/message_filter.h"
#include "filters/remove_header/remove_header.h"

namespace gatepost::filters {

namespace {

struct Type {
  std::string_view name;
  Result<std::shared_ptr<const FilterKind>> (*make)(const config::Filter& filter);
};

/// Every filter has one line here, and its folder. docs/filters.md has the recipe.
constexpr std::array kTypes = {
    Type{"add_header", make_add_header},
    Type{"remove_header", make_remove_header},
};

}  // namespace

Result<std::shared_ptr<const FilterKind>> make_filter(const config::Filter& filter) {
  const auto* const type = std::ranges::find(kTypes, filter.type, &Type::name);
  if (type == kTypes.end()) {
    return fail(ErrorCode::config, fmt::format("/type: there is no filter \"{}\"; there are: {}",
                                               filter.type, fmt::join(filter_types(), ", ")));
  }
  return type->make(filter);
}

std::vector<std::string> filter_types() {
  std::vector<std::string> names;
  names.reserve(kTypes.size());
  for (const Type& type : kTypes) names.emplace_back(type.name);
  return names;
}

}  // namespace gatepost::filters
