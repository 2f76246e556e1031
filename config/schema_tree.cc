#include "config/schema_tree.h"

#include <algorithm>
#include <regex>

#include "config/load.h"

namespace gatepost::config {

namespace {

/// One step is enough: no definition is a reference itself.
const Json* follow(const Json& rule) {
  const auto reference = rule.find("$ref");
  if (reference == rule.end()) return &rule;
  return &schema_json().at(Json::json_pointer(reference->get<std::string>().substr(1)));
}

/// The validator has its own compiled patterns; this one is for naming what it found. A key has at
/// most kMaxString bytes.
bool fits(const std::string& key, const std::string& pattern) {
  return std::regex_search(key, std::regex(pattern));
}

}  // namespace

const Json& schema_json() {
  static const Json schema_value = Json::parse(schema());
  return schema_value;
}

const Json* rule_of_member(const Json& rule, const std::string& key) {
  if (rule.contains("properties") && rule["properties"].contains(key)) {
    return follow(rule["properties"][key]);
  }
  if (!rule.contains("patternProperties")) return nullptr;
  for (const auto& [pattern, child] : rule["patternProperties"].items()) {
    if (fits(key, pattern)) return follow(child);
  }
  return nullptr;
}

const Json* rule_of_items(const Json& rule) {
  return rule.contains("items") ? follow(rule["items"]) : nullptr;
}

const Json* rule_at(std::string_view path) {
  const Json* rule = &schema_json();
  while (!path.empty() && rule != nullptr) {
    const std::size_t end = std::min(path.find('/', 1), path.size());
    const std::string key(path.substr(1, end - 1));
    path.remove_prefix(end);
    const Json* items = rule_of_items(*rule);
    rule = items != nullptr ? items : rule_of_member(*rule, key);
  }
  return rule;
}

}  // namespace gatepost::config
