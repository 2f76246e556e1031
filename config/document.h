#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "config/findings.h"
#include "config/json.h"

namespace gatepost::config {

/// Bounds of what is read at all: what stands above them is no configuration, and the validator
/// recurses once for each level and once for each character.
inline constexpr std::size_t kMaxText = 1024 * 1024;
inline constexpr std::size_t kMaxDepth = 32;
inline constexpr std::size_t kMaxString = 4096;
inline constexpr std::size_t kMaxValues = 20'000;

/// What keeps `text` from being a key or a value: its length, a control character (a path would be
/// cut at a NUL, a log line at a newline); empty when it is fine.
[[nodiscard]] std::string fault_of_text(std::string_view text);

/// Parses JSON with // and /* */ comments. Tells `findings` the lines, a syntax error, every
/// duplicate key, a bound that was passed; nullopt when there is no value to go on with.
[[nodiscard]] std::optional<Json> parse_document(std::string_view text, Findings& findings);

}  // namespace gatepost::config
