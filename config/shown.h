#pragma once

#include <string>

#include "config/json.h"

namespace gatepost::config {

/// A document for people to look at. Secrets stand in files of their own; what looks like one all
/// the same becomes ***: strings under keys that speak of passwords, tokens or secrets (unless they
/// name a file), what stands before "@" in a URL, and an argument of a command that follows such a
/// word or "=".
[[nodiscard]] std::string shown(Json document);

}  // namespace gatepost::config
