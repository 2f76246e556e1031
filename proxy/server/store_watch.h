#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "filters/retention/counters.h"
#include "proxy/base/cells.h"
#include "proxy/base/log.h"
#include "proxy/base/ticket.h"
#include "proxy/base/timer.h"
#include "proxy/server/retention_stores.h"

namespace gatepost::server {

/// Notices that the store of one worker cannot be used, before a client is told so: /readyz says it
/// then. On the worker's loop; logs when the store goes and comes, and if it may forget things.
class StoreWatch {
 public:
  /// How often the store is asked.
  static constexpr Duration kLook{5'000};
  /// How soon after a session could not use it.
  static constexpr Duration kGlance{500};

  enum class State : std::uint8_t {
    none,     ///< there is no store to watch
    unknown,  ///< it has not answered yet
    up,
    down,
  };

  /// `counters`: where sessions count the store's errors. All of it outlives the watch.
  StoreWatch(TimerService& timers, Log& log, unsigned worker,
             const filters::RetentionCounters& counters);

  /// This one from now on.
  void watch(WorkerStore store);

  /// For any thread.
  [[nodiscard]] State state() const { return static_cast<State>(state_.get()); }

 private:
  void glance();
  void look();
  void answered(Result<void> answer);
  void enter(State state, const std::string& problem);

  TimerService& timers_;
  Log& log_;
  const unsigned worker_;
  const filters::RetentionCounters& counters_;
  WorkerStore store_;
  Cell state_;
  std::uint64_t errors_ = 0;  // of sessions, as last seen
  Instant asked_at_;
  bool asked_ = false;  // and there is no answer yet
  Ticket question_;
  std::unique_ptr<Timer> timer_;
};

}  // namespace gatepost::server
