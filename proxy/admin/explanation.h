#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/journal.h"

/// What `gatepost explain` says, for people and for scripts.
namespace gatepost::admin {

enum class ExplanationForm : std::uint8_t {
  text,  ///< lines; what peers said is escaped, so that a terminal stays as it is
  json,  ///< one object in a line; docs/control.md has its keys, which are stable
};

/// What a journal has about a session or a message: grouped as a session goes, each decision with
/// its time (UTC) and its rule. Without decisions: that nothing is known, and why that may be.
[[nodiscard]] std::string render(const Explanation& explanation, ExplanationForm form);

/// The sessions of a user, the last ones first, Journal::kMaxSessionsOfUser at most. `sessions` may
/// be those of several workers, one behind the other.
[[nodiscard]] std::string render(std::string_view user, std::vector<SessionOfUser> sessions,
                                 ExplanationForm form);

/// Which worker has a session, by its id: "3" of "3-1f/7". Null where every worker has to be asked
/// ("q17") or nobody can know it.
[[nodiscard]] std::optional<unsigned> worker_of(std::string_view id);

}  // namespace gatepost::admin
