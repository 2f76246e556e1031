#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gatepost::filters {

/// Every name under which somebody may see, save or open a file of this name, as text to compare:
/// UTF-8 in lower case, full-width, mathematical and similar letters and dots as plain ASCII. At
/// least one, at most kMaxNameReadings.
///
/// With and without: percent-encoding (undone twice), what follows a NUL, characters that turn the
/// writing direction (as the octets stand, and as the eye sees it), quotes, streams of NTFS
/// ("x.txt:evil.exe"). Never with: controls, invisible characters, folders, dots and blanks at the
/// end, blanks at the front. Octets that are not UTF-8 are read as ISO 8859-1 and as code page 437.
[[nodiscard]] std::vector<std::string> name_readings(std::string_view name);
inline constexpr std::size_t kMaxNameReadings = 200;

/// Patterns for names: "*" is any text, "?" one character, case does not matter.
class NamePatterns {
 public:
  NamePatterns() = default;
  explicit NamePatterns(std::vector<std::string> patterns);

  [[nodiscard]] bool empty() const { return patterns_.empty(); }
  /// The first pattern, as it was configured, that one of the readings of `name` matches, unless
  /// that very reading matches one of `except`, too; null if there is none.
  [[nodiscard]] const std::string* match(std::string_view name, const NamePatterns& except) const;
  /// Whether all readings of `name` match.
  [[nodiscard]] bool match_all(std::string_view name) const;

 private:
  [[nodiscard]] const std::string* find(std::string_view reading) const;
  std::vector<std::string> patterns_;
  std::vector<std::string> folded_;
};

/// Whether all of `text` is what `pattern` says; both in the form that is compared.
[[nodiscard]] bool matches_glob(std::string_view pattern, std::string_view text);

}  // namespace gatepost::filters
