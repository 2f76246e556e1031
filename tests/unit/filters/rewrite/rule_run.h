#pragma once

#include <string>
#include <string_view>

#include "filters/rewrite/rule.h"

namespace gatepost::filters {

/// A message in memory, and what rules make of it.
class RuleRun {
 public:
  explicit RuleRun(std::string message)
      : message_(std::move(message)),
        structure_(mime_structure(message_)),
        text_(message_),
        plan_(&text_, &structure_) {}
  RuleRun(const RuleRun&) = delete;
  RuleRun& operator=(const RuleRun&) = delete;

  /// The error's text; "" for none.
  std::string apply(const Rule& rule) {
    RuleInput input;
    input.user = "joe<b>";
    input.verdict = "clean";
    const std::size_t end = message_.find("\r\n\r\n");
    input.header = std::string_view(message_).substr(0, end == std::string::npos ? end : end + 2);
    input.text = &text_;
    input.structure = &structure_;
    const auto applied = rule.apply(input, plan_);
    return applied ? "" : applied.error().detail;
  }
  /// The message as it comes out.
  std::string message() {
    const auto outcome = plan_.finish();
    if (!outcome) return "error: " + outcome.error().detail;
    std::string out;
    std::size_t at = 0;
    for (const Splice& splice : outcome->splices) {
      out += message_.substr(at, splice.offset - at) + splice.text;
      at = splice.offset + splice.length;
    }
    return out + message_.substr(at);
  }
  /// The last note of a rule.
  [[nodiscard]] std::string note() const {
    return plan_.notes().empty() ? std::string() : plan_.notes().back();
  }

 private:
  std::string message_;
  MimeStructure structure_;
  TextInMemory text_;
  RewritePlan plan_;
};

/// Lines end with CRLF.
inline std::string crlf(std::string_view lines) {
  std::string out;
  for (const char c : lines) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

/// What stands in `after` and not in `before`, if that is all in one place; "(more)" otherwise.
inline std::string added(std::string_view before, std::string_view after) {
  std::size_t same = 0;
  while (same < before.size() && same < after.size() && before[same] == after[same]) ++same;
  const std::string_view rest = before.substr(same);
  if (after.size() < before.size() || !after.ends_with(rest)) return "(more)";
  return std::string(after.substr(same, after.size() - before.size()));
}

}  // namespace gatepost::filters
