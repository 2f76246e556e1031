#include "config/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "config/schema_check.h"
#include "config/schema_tree.h"
#include "config/units.h"

namespace gatepost::config {

namespace {

std::string text_of(const Json& node, const char* key) { return node.value(key, std::string()); }

std::string any_of(const Json& values) {
  std::string text;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) text += i + 1 == values.size() ? " or " : ", ";
    text += values[i].dump();
  }
  return text;
}

std::string range(const Json& node) {
  if (!node.contains("minimum") || !node.contains("maximum")) return "";
  return fmt::format(" from {} to {}", node["minimum"].dump(), node["maximum"].dump());
}

/// What may stand there, to follow "must be".
std::string describe(const Json& node) {
  if (node.contains("enum")) return any_of(node["enum"]);
  const std::string unit = text_of(node, "x-unit");
  if (unit == "duration") {
    const std::string pattern = text_of(node, "pattern");
    return fmt::format("a duration from {} to {}, as a number with the unit {}{}",
                       text_of(node, "x-minimum"), text_of(node, "x-maximum"),
                       pattern.contains("ms") ? "ms, " : "",
                       pattern.contains("|d") ? "s, m, h or d" : "s, m or h");
  }
  if (unit == "size") {
    return fmt::format(
        "a size from {} to {}, as a number of bytes or with the unit KiB, MiB or GiB",
        text_of(node, "x-minimum"), text_of(node, "x-maximum"));
  }
  const Json& type = node["type"];
  if (type.is_array()) {
    const bool number = node.contains("minimum");
    return text_of(node, "x-pattern-text") + (number ? " or a whole number" + range(node) : "");
  }
  if (type == "integer") return "a whole number" + range(node);
  if (type == "boolean") return "true or false";
  if (type == "object" && node.contains("maxProperties")) {
    return fmt::format("an object with {} to {} members", node.value("minProperties", 0),
                       node.value("maxProperties", 0));
  }
  if (type == "object") return "an object";
  if (type == "array") {
    return fmt::format("a list of {} to {} items", node.value("minItems", 0),
                       node.value("maxItems", 0));
  }
  std::string text = "a text";
  if (node.contains("x-pattern-text")) text = text_of(node, "x-pattern-text");
  if (node.contains("minLength") || !node.contains("x-pattern-text")) {
    text += fmt::format(" of {} to {} characters", node.value("minLength", 0),
                        node.value("maxLength", 0));
  }
  return text;
}

std::string found(const Json& value) {
  switch (value.type()) {
    case Json::value_t::object:
      return fmt::format("an object with {} members", value.size());
    case Json::value_t::array:
      return fmt::format("a list of {} items", value.size());
    case Json::value_t::string:
      return quote(value.get_ref<const std::string&>());
    default:
      return value.dump();
  }
}

void must_be(const std::string& path, const Json& value, const Json& node, Findings& findings) {
  findings.error(path, fmt::format("found {}, must be {}", found(value), describe(node)));
}

void explain_missing(const std::string& path, Findings& findings) {
  const Json* node = rule_at(path);
  if (node == nullptr) return findings.error(path, "missing");
  // An object is missing because of what must stand in it: that is what an administrator sets.
  if (node->contains("required") && (*node)["type"] == "object") {
    for (const Json& key : (*node)["required"]) {
      explain_missing(path + pointer_step(key.get<std::string>()), findings);
    }
    return;
  }
  std::string text = "missing";
  if (node->contains("x-flags")) {
    std::string flags;
    for (const Json& flag : (*node)["x-flags"]) {
      flags += (flags.empty() ? "" : ", ") + flag.get<std::string>();
    }
    text += fmt::format(" (or the flag {})", flags);
  }
  findings.error(path, std::move(text));
}

void explain(const Violation& violation, const Json& document, Findings& findings) {
  constexpr std::string_view kMissing = "Missing required property '";
  const std::string_view text = violation.text;
  // Said of a container because of something inside it, which has a violation of its own; unknown
  // keys are found by check_values, which names all of them.
  if (text.starts_with("Failed to validate ") || text.starts_with("Object contains a property ")) {
    return;
  }
  if (text.starts_with(kMissing)) {
    const std::size_t end = text.rfind('\'');
    explain_missing(
        violation.path + pointer_step(text.substr(kMissing.size(), end - kMissing.size())),
        findings);
    return;
  }
  const Json* node = rule_at(violation.path);
  const Json::json_pointer pointer(violation.path);
  if (node == nullptr || !document.contains(pointer)) {
    findings.error(violation.path, violation.text);
    return;
  }
  must_be(violation.path, document[pointer], *node, findings);
}

/// Levenshtein's distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row.back();
}

/// An object of the schema other than a list's items that knows `key`.
std::string place_of(const std::string& key) {
  for (const auto& [name, unused] : schema_json()["properties"].items()) {
    const Json* node = rule_of_member(schema_json(), name);
    if (node->contains("properties") && (*node)["properties"].contains(key)) return "/" + name;
  }
  return schema_json()["properties"].contains(key) ? "/" : "";
}

std::string unknown_key(const std::string& key, const Json& node) {
  if (node.contains("patternProperties")) {
    return fmt::format("a name here is {}", text_of(node, "x-pattern-text"));
  }
  const Json& known = node["properties"];
  constexpr std::size_t kLongestKey = 40;
  if (key.size() > kLongestKey) return "unknown key";
  std::string nearest;
  std::size_t best = key.size() / 4 + 2;
  for (const auto& [name, unused] : known.items()) {
    if (const std::size_t far = distance(key, name); far < best) {
      best = far;
      nearest = name;
    }
  }
  if (!nearest.empty()) return fmt::format("unknown key (did you mean \"{}\"?)", nearest);
  const std::string place = place_of(key);
  if (!place.empty()) return fmt::format("unknown key here (it belongs into {})", place);
  return "unknown key";
}

/// Whether a duration or size lies in the range that the schema gives. JSON Schema has no word
/// for that, so the validator has not looked.
bool in_range(const Json& value, const Json& node) {
  const auto amount = [&](const std::string& text) -> std::optional<std::uint64_t> {
    if (node["x-unit"] == "size") return parse_size(text);
    const auto duration = parse_duration(text);
    return duration ? std::optional(static_cast<std::uint64_t>(duration->count())) : std::nullopt;
  };
  std::optional<std::uint64_t> actual;
  if (value.is_number_unsigned()) {
    actual = value.get<std::uint64_t>();
  } else if (value.is_string()) {
    actual = amount(value.get<std::string>());
  }
  return actual && *actual >= amount(text_of(node, "x-minimum")) &&
         *actual <= amount(text_of(node, "x-maximum"));
}

/// Follows the schema, so the recursion is as deep as that, whatever the document holds.
void check_values(const std::string& path, const Json& value, const Json& node,
                  Findings& findings) {
  if (findings.full()) return;
  if (node.contains("x-unit") && !in_range(value, node)) must_be(path, value, node, findings);
  if (value.is_object()) {
    for (const auto& [key, child] : value.items()) {
      const std::string child_path = path + pointer_step(key);
      if (const Json* rule = rule_of_member(node, key)) {
        check_values(child_path, child, *rule, findings);
      } else if (node.contains("additionalProperties")) {
        findings.error(child_path, unknown_key(key, node));
      }
    }
  } else if (const Json* rule = rule_of_items(node); rule != nullptr && value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      check_values(path + "/" + std::to_string(i), value[i], *rule, findings);
    }
  }
}

}  // namespace

void check_schema(const Json& document, Findings& findings) {
  const std::vector<Violation> violations = find_violations(document);
  check_values("", document, schema_json(), findings);
  for (const Violation& violation : violations) {
    // Goes one beyond, so that it is known that there are more.
    const bool was_full = findings.full();
    explain(violation, document, findings);
    if (was_full) break;
  }
  // The validator has the last word, even where this file found none.
  if (!violations.empty() && !findings.any_error()) {
    findings.error(violations.front().path, violations.front().text);
  }
}

}  // namespace gatepost::config
