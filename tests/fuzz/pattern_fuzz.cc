// Patterns match what a naive matcher matches; a form makes a safe name or none. Three lines: the
// pattern or form, the name, the default domain.

#include <algorithm>
#include <vector>

#include "proxy/base/pattern.h"
#include "proxy/pop3/ascii.h"
#include "proxy/pop3/sasl.h"
#include "proxy/upstream/router.h"
#include "tests/fuzz/fuzz.h"

using namespace gatepost;
using fuzz::require;

namespace {

std::string_view cut_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

/// By the table: matches[i][j] says whether the first i of the pattern make the first j of `text`.
bool naive(std::string_view pattern, std::string_view text) {
  std::vector<std::vector<bool>> matches(pattern.size() + 1,
                                         std::vector<bool>(text.size() + 1, false));
  matches[0][0] = true;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    for (std::size_t j = 0; j <= text.size(); ++j) {
      if (pattern[i] == '*') {
        matches[i + 1][j] = matches[i][j] || (j > 0 && matches[i + 1][j - 1]);
      } else if (j > 0 &&
                 (pattern[i] == '?' || pop3::to_upper(pattern[i]) == pop3::to_upper(text[j - 1]))) {
        matches[i + 1][j] = matches[i][j - 1];
      }
    }
  }
  return matches[pattern.size()][text.size()];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = fuzz::Input(data, std::min<std::size_t>(size, 300)).rest();
  const std::string_view pattern = cut_line(text);
  const std::string_view name = cut_line(text);
  require(matches_pattern(pattern, name) == naive(pattern, name));
  for (const bool lower : {false, true}) {
    const upstream::UserForm form(std::string(pattern), lower, std::string(cut_line(text)));
    const Result<std::string> made = form.apply(name);
    require(made ? pop3::is_safe_user(*made) : !made.error().detail.empty());
    if (made && !form.changes_names()) require(*made == name);
  }
  return 0;
}
