#include "config/schema_check.h"

#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "config/findings.h"
#include "config/schema_tree.h"

namespace gatepost::config {

namespace {

/// Both are immutable once made, so every thread may use them.
const valijson::Schema& compiled_schema() {
  static const auto schema = [] {
    auto result = std::make_unique<valijson::Schema>();
    const valijson::adapters::NlohmannJsonAdapter adapter(schema_json());
    valijson::SchemaParser(valijson::SchemaParser::kDraft7).populateSchema(adapter, *result);
    return result;
  }();
  return *schema;
}

/// ["<root>", "[upstream]", "[tls]"] as "/upstream/tls".
std::string pointer(const std::vector<std::string>& context) {
  std::string path;
  for (std::size_t i = 1; i < context.size(); ++i) {
    const std::string& step = context[i];
    path += pointer_step(std::string_view(step).substr(1, step.size() - 2));
  }
  return path;
}

}  // namespace

std::vector<Violation> find_violations(const Json& document) {
  // Without strict types valijson would take the text "5" for a number.
  valijson::Validator validator(valijson::Validator::kStrongTypes);
  valijson::ValidationResults results;
  const valijson::adapters::NlohmannJsonAdapter adapter(document);
  std::vector<Violation> violations;
  if (validator.validate(compiled_schema(), adapter, &results)) return violations;
  valijson::ValidationResults::Error error;
  while (results.popError(error)) {
    violations.push_back({pointer(error.context), error.description});
  }
  if (violations.empty()) violations.push_back({"", "does not follow the schema"});
  return violations;
}

}  // namespace gatepost::config
