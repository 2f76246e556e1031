#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gatepost::filters {

/// A parameter of a Content-Type or Content-Disposition field, put together if it was cut in
/// sections (RFC 2231), in every reading.
struct MimeParameter {
  std::string name;  ///< in lower case, without sections: boundary, name, charset, protocol
  std::vector<std::string> values;
};

struct MimeParameters {
  std::vector<MimeParameter> list;
  bool odd = false;       ///< quotes that do not close, parameters inside others
  bool too_many = false;  ///< more than kMaxParameters, or a longer one than kMaxParameter
};

/// Those parameters of a field that matter here ("filename" is a "name"), wherever they stand: a
/// name with an equals sign behind it is one, with or without a semicolon before it; those that
/// stand inside quotes come last. `text` has no comments, or is read as if there were none.
[[nodiscard]] MimeParameters read_parameters(std::string_view text);

}  // namespace gatepost::filters
