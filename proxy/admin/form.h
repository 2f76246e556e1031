#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/http/message.h"

namespace gatepost::admin {

/// Fields of a form, or of the query of a target: application/x-www-form-urlencoded as browsers
/// write it (URL Standard section 5), and nothing looser.
class Form {
 public:
  /// Fields of one form.
  static constexpr std::size_t kMaxFields = 32;
  /// Octets of a name or a value, decoded.
  static constexpr std::size_t kMaxField = 2'048;

  /// Fails with `protocol`: too many or too long, no "=", a "%" without two digits, octets that a
  /// browser would have encoded, a field that comes twice, or NUL.
  [[nodiscard]] static Result<Form> parse(std::string_view text);
  /// Of the request's body: of the right type, or `protocol`.
  [[nodiscard]] static Result<Form> of_body(const http::Request& request);

  /// "" if it is not there.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace gatepost::admin
