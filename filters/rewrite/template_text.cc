#include "filters/rewrite/template_text.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "filters/message/header_text.h"
#include "filters/rewrite/header_lookup.h"
#include "proxy/base/utf8.h"

namespace gatepost::filters {

namespace {

constexpr std::array<std::string_view, 7> kNames = {"user",  "client_address", "route", "verdict",
                                                    "score", "from",           "size"};

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const utf8::Character c = utf8::first_character(text);
    if (!c.valid) return false;
    text.remove_prefix(c.size);
  }
  return true;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace

Result<TemplateText> TemplateText::parse(std::string_view text) {
  if (!is_utf8(text)) return fail(ErrorCode::config, "not UTF-8");
  TemplateText result;
  std::string before;
  while (!text.empty()) {
    const std::size_t open = std::min(text.find('{'), text.size());
    before += text.substr(0, open);
    text.remove_prefix(open);
    if (text.empty()) break;
    std::size_t length = 1;
    while (length < text.size() && is_name_character(text[length])) ++length;
    if (length == 1 || length == text.size() || text[length] != '}') {
      before += text.substr(0, length);
      text.remove_prefix(length);
      continue;
    }
    const std::string_view name = text.substr(1, length - 1);
    const auto* const found = std::ranges::find(kNames, name);
    if (found == kNames.end()) {
      return fail(ErrorCode::config, fmt::format("unknown variable {{{}}}; known are {}",
                                                 name.substr(0, 40), fmt::join(kNames, ", ")));
    }
    result.pieces_.push_back({std::move(before), static_cast<Variable>(found - kNames.begin())});
    before.clear();
    text.remove_prefix(length + 1);
  }
  if (!before.empty()) result.pieces_.push_back({std::move(before), Variable::none});
  return result;
}

std::string TemplateText::value(Variable variable, const RuleInput& input) {
  switch (variable) {
    case Variable::user:
      return inert_text(input.user, kMaxValue);
    case Variable::client_address:
      return input.client_address;
    case Variable::route:
      return inert_text(input.route, kMaxValue);
    case Variable::verdict:
      return input.verdict;
    case Variable::score:
      return input.score ? fmt::format("{:.1f}", *input.score) : std::string();
    case Variable::from:
      return without_links(readable_field(first_field(input.header, "From"), kMaxValue));
    case Variable::size:
      return input.size == 0 ? std::string() : std::to_string(input.size);
    case Variable::none:
      break;
  }
  return {};
}

std::string TemplateText::fill(const RuleInput& input, Escape escape) const {
  std::string text;
  for (const Piece& piece : pieces_) {
    text += piece.text;
    const std::string inserted = value(piece.variable, input);
    text += escape == Escape::html ? escaped(inserted) : inserted;
  }
  return text;
}

}  // namespace gatepost::filters
