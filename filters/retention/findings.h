#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "filters/retention/policy.h"
#include "filters/retention/settlement.h"
#include "proxy/base/journal.h"

/// What an AccountBook tells the journal.
namespace gatepost::filters {

/// Notes what a settlement decided: about what was asked for, or goes, message by message; in one
/// note what stays that is due, or will be. `marks`: see MessageMark; empty: all are shown.
void note_findings(Journal::Page& page, const RetentionPolicy& policy,
                   const std::vector<std::uint8_t>& marks,
                   const std::vector<RetentionFinding>& findings);

/// Notes that a session had nothing to settle, and when the next message may go.
void note_idle(Journal::Page& page, const RetentionPolicy& policy, std::int64_t next_due);

/// Notes that upstream has removed these.
void note_gone(Journal::Page& page, const RetentionPolicy& policy,
               const std::vector<std::uint8_t>& marks, const std::vector<Removal>& removals);

}  // namespace gatepost::filters
