#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "filters/rewrite/rule.h"
#include "proxy/base/error.h"

namespace gatepost::filters {

/// Text with variables in braces: {user}, {client_address}, {route}, {verdict}, {score}, {from},
/// {size}. Anything else in braces is text, unless it looks like a name.
class TemplateText {
 public:
  /// Characters of a value; longer ones are cut.
  static constexpr std::size_t kMaxValue = 200;
  enum class Escape : std::uint8_t { none, html };

  TemplateText() = default;
  /// Fails with `config`: "unknown variable {x}; known are …", or what is not UTF-8.
  [[nodiscard]] static Result<TemplateText> parse(std::string_view text);
  /// Values are inert (inert_text()), links in {from} do nothing; what is not known is "".
  [[nodiscard]] std::string fill(const RuleInput& input, Escape escape = Escape::none) const;

 private:
  enum class Variable : std::uint8_t {
    user,
    client_address,
    route,
    verdict,
    score,
    from,
    size,
    none,
  };
  struct Piece {
    std::string text;
    Variable variable = Variable::none;  // behind the text
  };
  [[nodiscard]] static std::string value(Variable variable, const RuleInput& input);
  std::vector<Piece> pieces_;
};

}  // namespace gatepost::filters
