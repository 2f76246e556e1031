#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "filters/retention/account_book.h"
#include "filters/retention/account_records.h"
#include "filters/retention/judge.h"

namespace gatepost::filters {

/// When a session is settled, and what of that does not stand in records.
struct SettlementMoment {
  std::int64_t now = 0;
  std::int64_t opened = 0;  ///< when its records were looked at
  bool held = false;        ///< whether the account is under a legal hold by now
};

struct Removal {
  std::uint32_t index = 0;
  RemovalCause cause = RemovalCause::client;
};

/// What was decided about one message, for people who ask.
struct RetentionFinding {
  enum class What : std::uint8_t {
    hidden,   ///< DELE: kept, and not shown any more
    kept,     ///< DELE: kept, and shown again
    refused,  ///< DELE: it cannot be done
    goes,     ///< it is removed
    guarded,  ///< it is due, and stays
    later,    ///< it is not due yet
  };
  What what = What::kept;
  std::uint32_t index = 0;
  std::optional<RetentionGuard> guard = {};   ///< refused, guarded; null: see AccountBook
  RemovalCause cause = RemovalCause::client;  ///< goes
  std::int64_t due = 0;                       ///< guarded, later: since or from when
};

/// What becomes of what a session did, as the records are at this moment.
struct SettlementPlan {
  std::vector<Removal> removals;  ///< what the client deleted first, then what is due, oldest first
  std::size_t refused = 0;        ///< DELEs that got +OK and cannot be done
  std::vector<store::Write> writes;
  RetentionTally tally;  ///< of what is written
  /// About what was asked for first, then about the others. At most kMaxFindings.
  std::vector<RetentionFinding> findings;
  static constexpr std::size_t kMaxFindings = 100;
};

/// Decides by the policy alone: for a dry run it says what would have been done, and notes that as
/// though it had been. With a policy of type `client` there are no records.
[[nodiscard]] SettlementPlan plan_settlement(const BookView& view,
                                             std::vector<store::Entry> entries,
                                             const AccountBook::Facts& facts, std::size_t messages,
                                             const SettlementMoment& moment);

/// Notes that upstream has removed messages.
[[nodiscard]] std::vector<store::Write> plan_removed(const BookView& view,
                                                     std::vector<store::Entry> entries,
                                                     const std::vector<Removal>& removals,
                                                     std::int64_t now);

}  // namespace gatepost::filters
