#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "proxy/base/error.h"

namespace gatepost::filters {

/// Reads the options of a filter, one by one, and remembers the first thing that is wrong. Errors
/// have the form that make_filter() promises: "/options/name: …".
class Options {
 public:
  explicit Options(const config::Filter& filter) : options_(filter.options) {}

  /// A list of texts that must be there and not be empty.
  [[nodiscard]] std::vector<std::string> texts(const std::string& name);
  /// The same, which may be missing or empty.
  [[nodiscard]] std::vector<std::string> optional_texts(const std::string& name);
  /// A text; "" where the option is missing.
  [[nodiscard]] std::string text(const std::string& name);
  /// The same, or a list of its lines, which come joined by LF: a text of the document has none.
  [[nodiscard]] std::string lines(const std::string& name);
  [[nodiscard]] bool flag(const std::string& name, bool otherwise);
  /// From `least` to `most`.
  [[nodiscard]] std::int64_t number(const std::string& name, std::int64_t otherwise,
                                    std::int64_t least, std::int64_t most);
  /// One of `words`; the first one where the option is missing.
  [[nodiscard]] std::string word(const std::string& name, const std::vector<std::string>& words);
  /// Notes that `name` is wrong.
  void wrong(const std::string& name, std::string_view why);
  /// When all are read: an option that nobody asked for is wrong, too.
  [[nodiscard]] Result<void> finish();

 private:
  template <class T>
  [[nodiscard]] const T* find(const std::string& name, std::string_view otherwise);
  const std::map<std::string, config::FilterOption>& options_;
  std::set<std::string> known_;
  std::string error_;
};

}  // namespace gatepost::filters
