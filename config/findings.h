#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/load.h"

namespace gatepost::config {

/// Where each value of a file begins, as a tree of the same shape; array elements go by index.
struct Lines {
  std::size_t line = 0;
  std::map<std::string, Lines, std::less<>> children;
};

/// "/" and one step of a JSON pointer, escaped (RFC 6901, section 3).
[[nodiscard]] std::string pointer_step(std::string_view key);

/// Text for an error line: quoted, cut, no control characters, no half characters.
[[nodiscard]] std::string quote(std::string_view text);

/// Gathers what is wrong with a configuration and knows where each value came from. At most one
/// error for each path: the first says it, what follows from it is noise.
class Findings {
 public:
  static constexpr std::size_t kMaxProblems = 50;

  void set_lines(Lines lines) { lines_ = std::move(lines); }
  /// The value at `path`, and all below it, was given by `flag`.
  void came_from_flag(std::string path, std::string flag);

  /// Line or flag are found from the path, or from what is nearest above it.
  void error(const std::string& path, std::string text);
  void warning(const std::string& path, std::string text);
  void error_at(const std::string& path, std::size_t line, std::string text);

  [[nodiscard]] bool any_error() const { return failed_; }
  /// Nothing more will be kept.
  [[nodiscard]] bool full() const { return problems_.size() >= kMaxProblems; }
  /// In the order of the file; flags first.
  [[nodiscard]] std::vector<Problem> take();

 private:
  [[nodiscard]] Problem locate(const std::string& path, std::string text) const;
  void keep(Problem problem, const std::string& path);

  Lines lines_;
  std::vector<std::pair<std::string, std::string>> flags_;  // path, flag
  std::vector<Problem> problems_;
  std::vector<std::string> failed_paths_;
  bool dropped_ = false;
  bool failed_ = false;
};

}  // namespace gatepost::config
