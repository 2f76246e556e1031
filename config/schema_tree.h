#pragma once

#include <string>
#include <string_view>

#include "config/json.h"

namespace gatepost::config {

/// The schema as a value. Every rule that the functions below return is a part of it; a "$ref" has
/// been followed.
[[nodiscard]] const Json& schema_json();

/// The rule for member `key` of an object that `rule` is for; null when no such member is known.
[[nodiscard]] const Json* rule_of_member(const Json& rule, const std::string& key);

/// The rule for the items of a list that `rule` is for; null when it is for no list.
[[nodiscard]] const Json* rule_of_items(const Json& rule);

/// The rule for the value at `path`, a JSON pointer; null when the path leads nowhere.
[[nodiscard]] const Json* rule_at(std::string_view path);

}  // namespace gatepost::config
