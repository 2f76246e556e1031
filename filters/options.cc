#include "filters/options.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace gatepost::filters {

void Options::wrong(const std::string& name, std::string_view why) {
  if (error_.empty()) error_ = fmt::format("/options/{}: {}", name, why);
}

/// Null where it is missing, or of another type, which is wrong.
template <class T>
const T* Options::find(const std::string& name, std::string_view otherwise) {
  known_.insert(name);
  const auto found = options_.find(name);
  if (found == options_.end()) return nullptr;
  const T* const value = std::get_if<T>(&found->second);
  if (value == nullptr) wrong(name, otherwise);
  return value;
}

std::vector<std::string> Options::texts(const std::string& name) {
  constexpr std::string_view kWrong = "must be a list of texts, not empty";
  const auto* const list = find<std::vector<std::string>>(name, kWrong);
  if (list != nullptr && !list->empty()) return *list;
  wrong(name, kWrong);
  return {};
}

std::vector<std::string> Options::optional_texts(const std::string& name) {
  const auto* const list = find<std::vector<std::string>>(name, "must be a list of texts");
  return list == nullptr ? std::vector<std::string>() : *list;
}

std::string Options::text(const std::string& name) {
  const auto* const text = find<std::string>(name, "must be a text");
  return text == nullptr ? std::string() : *text;
}

std::string Options::lines(const std::string& name) {
  const auto found = options_.find(name);
  const bool is_list =
      found != options_.end() && std::holds_alternative<std::vector<std::string>>(found->second);
  return is_list ? fmt::format("{}", fmt::join(optional_texts(name), "\n")) : text(name);
}

bool Options::flag(const std::string& name, bool otherwise) {
  const auto* const flag = find<bool>(name, "must be true or false");
  return flag == nullptr ? otherwise : *flag;
}

std::int64_t Options::number(const std::string& name, std::int64_t otherwise, std::int64_t least,
                             std::int64_t most) {
  const std::string range = fmt::format("must be a whole number from {} to {}", least, most);
  const auto* const number = find<std::int64_t>(name, range);
  if (number == nullptr) return otherwise;
  if (*number >= least && *number <= most) return *number;
  wrong(name, range);
  return otherwise;
}

std::string Options::word(const std::string& name, const std::vector<std::string>& words) {
  const std::string choice = fmt::format("must be one of: {}", fmt::join(words, ", "));
  const auto* const text = find<std::string>(name, choice);
  if (text == nullptr) return words.front();
  if (std::ranges::find(words, *text) != words.end()) return *text;
  wrong(name, choice);
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
