#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "filters/options.h"

namespace gatepost::filters {

/// Patterns for MIME types: "application/pdf", "application/x-*", or one of the words for groups of
/// types (type_groups()).
class TypePatterns {
 public:
  TypePatterns() = default;
  /// Out of option `name`; what is wrong is noted there. Words only where `groups`.
  TypePatterns(Options& options, const std::string& name, bool groups);

  [[nodiscard]] bool empty() const { return patterns_.empty(); }
  /// The first pattern, as it was configured, that is for `type`; null if there is none.
  [[nodiscard]] const std::string* match(std::string_view type) const;
  /// The same for the text that people read, which is not meant by what says "*" or names a group
  /// as long as it is text.
  [[nodiscard]] const std::string* match_body(std::string_view type) const;

 private:
  std::vector<std::string> patterns_;
};

/// A word that stands for several types in a list of types.
struct TypeGroup {
  std::string_view name;
  std::vector<std::string_view> patterns;
};
[[nodiscard]] const std::vector<TypeGroup>& type_groups();
/// Whether `type` is of the group `name`, which must be one.
[[nodiscard]] bool in_group(std::string_view name, std::string_view type);

}  // namespace gatepost::filters
