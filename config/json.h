#pragma once

#include <nlohmann/json.hpp>

/// Private to config/: nobody else sees the JSON library.
namespace gatepost::config {

using Json = nlohmann::json;

}  // namespace gatepost::config
