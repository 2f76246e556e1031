#include "filters/rewrite/template_text.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "filters/message/header_text.h"
#include "filters/rewrite/header_lookup.h"
#include "filters/variables.h"
#include "proxy/base/utf8.h"

namespace gatepost::filters {

namespace {

constexpr std::array<std::string_view, 7> kNames = {"user",  "client_address", "route", "verdict",
                                                    "score", "from",           "size"};

}  // namespace

Result<TemplateText> TemplateText::parse(std::string_view text) {
  if (!utf8::is_valid(text)) return fail(ErrorCode::config, "not UTF-8");
  auto pieces = cut_variables(text, kNames);
  if (!pieces) return std::unexpected(pieces.error());
  TemplateText result;
  for (VariablePiece& piece : *pieces) {
    result.pieces_.push_back({std::move(piece.text), static_cast<Variable>(piece.variable)});
  }
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
    text += escape == Escape::html ? escape_html(inserted) : inserted;
  }
  return text;
}

}  // namespace gatepost::filters
