#include "filters/notice/template.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "filters/variables.h"
#include "proxy/base/utf8.h"

namespace gatepost::filters {

namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(Variable::count_)> kNames = {
    "cause", "threat", "scanner", "from", "subject", "date", "size", "quarantine", "contact"};

bool is_text(std::string_view line) {
  while (!line.empty()) {
    const utf8::Character c = utf8::first_character(line);
    if (!c.valid || (c.value < 0x20 && c.value != '\t') || c.value == 0x7f) return false;
    line.remove_prefix(c.size);
  }
  return true;
}

}  // namespace

Result<Template::Line> Template::parse_line(std::string_view text) {
  if (!is_text(text)) return fail(ErrorCode::config, "not UTF-8 text");
  auto pieces = cut_variables(text, kNames);
  if (!pieces) return std::unexpected(pieces.error());
  Line line;
  for (VariablePiece& piece : *pieces) {
    line.push_back({std::move(piece.text), static_cast<Variable>(piece.variable)});
  }
  return line;
}

Result<Template> Template::parse(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  Template result;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    auto pieces = parse_line(line);
    if (!pieces) {
      return fail(ErrorCode::config,
                  fmt::format("line {}: {}", result.lines_.size() + 1, pieces.error().detail));
    }
    result.lines_.push_back(*std::move(pieces));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

void Template::render(const Values& values, std::string& out) const {
  const auto value = [&values](const Piece& piece) -> std::string_view {
    if (piece.variable == Variable::count_) return {};
    return values[static_cast<std::size_t>(piece.variable)];
  };
  for (const Line& line : lines_) {
    const bool has_variables = std::ranges::any_of(
        line, [](const Piece& piece) { return piece.variable != Variable::count_; });
    const bool all_empty =
        std::ranges::all_of(line, [&](const Piece& piece) { return value(piece).empty(); });
    if (has_variables && all_empty) continue;
    for (const Piece& piece : line) {
      out += piece.text;
      out += value(piece);
    }
    out += "\r\n";
  }
}

}  // namespace gatepost::filters
