#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/cells.h"

namespace gatepost::filters {

/// What was decided about a message. Every value is a label of a metric and a word of the log.
enum class RetentionDecision : std::uint8_t {
  hidden,     ///< DELE: kept, and not shown any more
  kept,       ///< DELE: kept, and shown again
  refused,    ///< DELE: -ERR
  due,        ///< may go, and goes with this QUIT
  removed,    ///< upstream has removed it
  failed,     ///< was to go, but upstream or the store would not
  undeleted,  ///< brought back by the administrator, seen by a session
  count_,
};
[[nodiscard]] std::string_view to_string(RetentionDecision decision);

/// What kept a message that was to go.
enum class RetentionGuard : std::uint8_t {
  not_retrieved,
  not_allowed,  ///< in quarantine, replaced by a notice, or without a verdict
  brake,
  hold,
  ambiguous,  ///< two messages have the same UIDL
  changed,    ///< its record was changed meanwhile
  count_,
};
[[nodiscard]] std::string_view to_string(RetentionGuard guard);

/// Of one policy, all workers together: decisions are rare enough for locked instructions. With
/// `dry_run`, what it would have decided.
struct PolicyCounters {
  using Number = std::atomic<std::uint64_t>;
  std::string name;
  bool dry_run = false;
  std::array<Number, static_cast<std::size_t>(RetentionDecision::count_)> decisions = {};
  std::array<Number, static_cast<std::size_t>(RetentionGuard::count_)> guards = {};

  void add(RetentionDecision decision, std::uint64_t n = 1) {
    decisions[static_cast<std::size_t>(decision)] += n;
  }
  void add(RetentionGuard guard, std::uint64_t n = 1) {
    guards[static_cast<std::size_t>(guard)] += n;
  }
};

/// Cells of one worker.
struct RetentionCounters {
  DurationCells store_load;
  DurationCells store_commit;
  Cell store_errors;
  Cell hidden_messages;  ///< not shown, of the mailboxes opened so far
};

}  // namespace gatepost::filters
