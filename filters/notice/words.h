#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "filters/verdict.h"

/// What a notice says by itself, in each language.
namespace gatepost::filters {

/// The built-in templates, compiled in from filters/notice/templates/.
namespace templates {
[[nodiscard]] std::string_view en_txt();
[[nodiscard]] std::string_view en_html();
[[nodiscard]] std::string_view de_txt();
[[nodiscard]] std::string_view de_html();
}  // namespace templates

struct Language {
  std::string_view name;  ///< "en"
  std::string_view text;  ///< template of the plain part
  std::string_view html;  ///< of what stands in <body>
  char decimal_mark;
  std::string_view octets;  ///< "bytes"
  std::string_view (*cause)(Cause cause);
};

/// "en", "de", or both with a comma in any order; empty for anything else.
[[nodiscard]] std::vector<const Language*> languages(std::string_view names);

/// "1.2 MB (1234567 bytes)"; below a thousand "999 bytes".
[[nodiscard]] std::string size_text(std::uint64_t octets, const Language& language);

}  // namespace gatepost::filters
