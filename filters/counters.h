#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "config/config.h"
#include "proxy/base/cells.h"

namespace gatepost::filters {

/// How a verdict came about, of messages.
struct MessageCounters {
  CellsBy<config::Cause> causes;    ///< messages by the worst of their verdicts
  CellsBy<config::Action> actions;  ///< by what was done with them
  Cell octets_scanned;              ///< of messages that went through a chain
  Cell remembered;                  ///< verdicts that were known
  Cell not_remembered;              ///< looked up and not known
  Cell ladder_started;              ///< retrievals in which +OK went ahead of the verdict
  Cell ladder_lines;                ///< header lines said while waiting
  Cell refused_again;               ///< refused because the scan had timed out before
  Cell broken_off;                  ///< connections broken because no answer was possible any more
  Cell read_ahead_used;             ///< messages that were ready when they were asked for
  Cell read_ahead_wasted;
  Cell spool_failures;
  Cell quarantine_failures;
  Cell rewrite_held;  ///< octets that the rules have written and hold now
  Cell shadow_same;   ///< messages of which a shadow thought the same
  Cell shadow_differs;
  Cell shadow_left_out;        ///< that no shadow had time for
  DurationCells verdict_time;  ///< from RETR sent upstream to the verdict
};

/// Of one scanner, all workers together: scans are rare enough for locked instructions.
struct ScannerCounters {
  using Number = std::atomic<std::uint64_t>;
  std::string name;
  std::array<Number, static_cast<std::size_t>(config::Cause::count_)> verdicts = {};
  Number octets = 0;
  Number microseconds = 0;  ///< of all scans, waiting for a place not included
  Number running = 0;       ///< now
  Number waiting = 0;       ///< now
  Number breaker_open = 0;  ///< workers for which it is open now
  Number breaker_trips = 0;
  Number self_tests_passed = 0;
  Number self_tests_failed = 0;
  Number ineffective = 0;  ///< workers whose last self-test failed, or that have not had one yet
};

}  // namespace gatepost::filters
