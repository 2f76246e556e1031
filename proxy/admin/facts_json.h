#pragma once

#include <nlohmann/json_fwd.hpp>

#include "proxy/admin/facts.h"

/// Facts as JSON with stable keys: docs/control.md promises them. What is no UTF-8 is replaced.
namespace gatepost::admin {

[[nodiscard]] nlohmann::ordered_json to_json(const Status& status);
[[nodiscard]] nlohmann::ordered_json to_json(const std::vector<UpstreamFacts>& upstreams);
[[nodiscard]] nlohmann::ordered_json to_json(const SessionList& list);

/// As text; ends with a line end.
[[nodiscard]] std::string text_of(const nlohmann::ordered_json& json);

}  // namespace gatepost::admin
