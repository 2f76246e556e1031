#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/probe/judgement.h"
#include "proxy/probe/report.h"

namespace gatepost::probe {

/// Octets of a text of the server that are shown; the rest is cut, with a mark.
inline constexpr std::size_t kMaxShown = 512;
/// Lines of CAPA, and names of a certificate, that are shown.
inline constexpr std::size_t kMaxShownItems = 100;

/// What a server said, made harmless: printable ASCII stays, all else becomes \xNN, a backslash
/// two.
[[nodiscard]] std::string printable(std::string_view text);
/// "2026-01-31T12:00:00Z"
[[nodiscard]] std::string date_text(std::chrono::system_clock::time_point time);

/// For people: lines of printable ASCII.
[[nodiscard]] std::string as_text(const Report& report, const Judgement& judgement);
/// For scripts: one JSON object in a line. docs/operations.md has its keys, which are stable.
[[nodiscard]] std::string as_json(const Report& report, const Judgement& judgement);
/// `"upstream": {…}` as the configuration has it, indented.
[[nodiscard]] std::string configuration_of(const Upstream& upstream);

}  // namespace gatepost::probe
