#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gatepost::filters::downgrade {

/// A domain with U-labels as one with A-labels (RFC 5890 section 2.3.2.1): Punycode, RFC 3492. Null
/// for what cannot be one: octets that are not UTF-8, blanks, controls, labels that get too long.
/// ASCII letters become small ones; of others no capital is looked for, because a U-label has none.
[[nodiscard]] std::optional<std::string> ascii_domain(std::string_view domain);

}  // namespace gatepost::filters::downgrade
