#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace gatepost::command {

/// Answers of the control socket as people read them. Texts from peers are made inert; what is not
/// there shows as "-".
[[nodiscard]] std::string status_text(const nlohmann::json& status);
[[nodiscard]] std::string sessions_text(const nlohmann::json& list);
[[nodiscard]] std::string upstreams_text(const nlohmann::json& upstreams);

}  // namespace gatepost::command
