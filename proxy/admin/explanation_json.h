#pragma once

// Internal to proxy/admin: see render() in explanation.h.

#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/journal.h"

namespace gatepost::admin {

[[nodiscard]] std::string as_json(const Explanation& explanation);
[[nodiscard]] std::string as_json(std::string_view user,
                                  const std::vector<SessionOfUser>& sessions);

}  // namespace gatepost::admin
