#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "filters/attachments/attachment_rule.h"
#include "filters/body_notice/body_notice.h"
#include "filters/defang/defang_rule.h"
#include "filters/rewrite/header_rules.h"
#include "filters/rewrite/rule.h"

namespace gatepost::filters {

namespace {

struct Type {
  std::string_view name;
  Result<std::shared_ptr<const Rule>> (*make)(const config::Filter& rule);
};

/// Every rule has one line here.
constexpr std::array kTypes = {
    Type{"add_header", make_add_header_rule},
    Type{"attachments", make_attachments},
    Type{"body_notice", make_body_notice},
    Type{"defang", make_defang},
    Type{"remove_header", make_remove_header_rule},
    Type{"rename_header", make_rename_header_rule},
    Type{"replace_header", make_replace_header_rule},
    Type{"tag_subject", make_tag_subject_rule},
};

}  // namespace

Result<std::shared_ptr<const Rule>> make_rule(const config::Filter& rule) {
  const auto* const type = std::ranges::find(kTypes, rule.type, &Type::name);
  if (type == kTypes.end()) {
    return fail(ErrorCode::config, fmt::format("/type: there is no rule \"{}\"; there are: {}",
                                               rule.type, fmt::join(rule_types(), ", ")));
  }
  return type->make(rule);
}

std::vector<std::string> rule_types() {
  std::vector<std::string> names;
  names.reserve(kTypes.size());
  for (const Type& type : kTypes) names.emplace_back(type.name);
  return names;
}

}  // namespace gatepost::filters
