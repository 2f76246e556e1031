#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatepost::http {

/// The fields of a query or of a form's body, in their order.
using Form = std::vector<std::pair<std::string, std::string>>;

/// Fields in one form; with more it is refused.
inline constexpr std::size_t kMaxFields = 100;

/// Reads application/x-www-form-urlencoded: "a=1&b=x+y%21". Nothing if a percent sign is not
/// followed by two hexadecimal digits, or with more than kMaxFields.
[[nodiscard]] std::optional<Form> parse_form(std::string_view text);

/// The value of the only field of that name; nothing if there is none or several.
[[nodiscard]] std::optional<std::string_view> only(const Form& form, std::string_view name);

/// Text as a value of a query.
[[nodiscard]] std::string percent_encode(std::string_view text);

}  // namespace gatepost::http
