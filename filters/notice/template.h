#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/error.h"

namespace gatepost::filters {

/// What a template may name in braces.
enum class Variable : std::uint8_t {
  cause,
  threat,
  scanner,
  from,
  subject,
  date,
  size,
  quarantine,
  contact,
  count_,
};

/// By Variable: inert, and escaped for where they will stand.
using Values = std::array<std::string, static_cast<std::size_t>(Variable::count_)>;

/// Lines with variables in braces: "{subject}". Lower-case letters, digits and "_" in braces are a
/// name; all else in braces is text (CSS). A line whose variables are all empty is left out.
class Template {
 public:
  /// Fails with `config`: "line 3: unknown variable {x}; known are …", or what is not UTF-8.
  [[nodiscard]] static Result<Template> parse(std::string_view text);

  /// Appends the lines, each with CRLF.
  void render(const Values& values, std::string& out) const;

 private:
  struct Piece {
    std::string text;
    Variable variable = Variable::count_;  ///< behind the text; count_: none
  };
  using Line = std::vector<Piece>;
  static Result<Line> parse_line(std::string_view text);
  std::vector<Line> lines_;
};

}  // namespace gatepost::filters
