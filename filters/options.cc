#include "filters/options.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace gatepost::filters {

void Options::wrong(const std::string& name, std::string_view why) {
  if (error_.empty()) error_ = fmt::format("/options/{}: {}", name, why);
}

std::vector<std::string> Options::texts(const std::string& name) {
  known_.insert(name);
  const auto found = options_.find(name);
  const auto* const list =
      found == options_.end() ? nullptr : std::get_if<std::vector<std::string>>(&found->second);
  if (list != nullptr && !list->empty()) return *list;
  wrong(name, "must be a list of texts, not empty");
  return {};
}

std::string Options::word(const std::string& name, const std::vector<std::string>& words) {
  known_.insert(name);
  const auto found = options_.find(name);
  if (found == options_.end()) return words.front();
  const auto* const text = std::get_if<std::string>(&found->second);
  if (text != nullptr && std::ranges::find(words, *text) != words.end()) return *text;
  wrong(name, fmt::format("must be one of: {}", fmt::join(words, ", ")));
  return words.front();
}

Result<void> Options::finish() {
  for (const auto& [name, value] : options_) {
    if (!known_.contains(name)) wrong(name, "is not known to this filter");
  }
  if (!error_.empty()) return fail(ErrorCode::config, error_);
  return {};
}

}  // namespace gatepost::filters
