#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gatepost::filters {

/// Finds the names of files that stand in a text, without being parts of the message: uuencode
/// ("begin 644 NAME", "begin-base64 644 NAME") and yEnc ("=ybegin … name=NAME"). The text streams
/// by, cut anywhere.
class EmbeddedNames {
 public:
  static constexpr std::size_t kMaxLine = 2'048;  ///< what follows in a line is not looked at
  static constexpr std::size_t kMaxNames = 1'000;

  void feed(std::string_view piece);
  void end() { end_line(); }
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  [[nodiscard]] bool uuencoded() const { return uuencoded_; }
  /// There were more than kMaxNames.
  [[nodiscard]] bool too_many() const { return too_many_; }

 private:
  void end_line();
  std::string line_;
  std::vector<std::string> names_;
  bool uuencoded_ = false;
  bool too_many_ = false;
};

}  // namespace gatepost::filters
