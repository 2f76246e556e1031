#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/cells.h"
#include "proxy/base/log.h"
#include "proxy/base/timer.h"

namespace gatepost::server {

/// Notices workers whose loop does not turn any more, because something in it blocks or never
/// ends: their sessions get nothing, and a metric of their own could not tell. Lives in the main
/// loop. Logs when one is found, and when it turns again.
class WorkerWatch {
 public:
  /// How often it looks. Silence is counted in looks, so that a process that was stopped as a
  /// whole is not taken for a blocked worker.
  static constexpr Duration kLook{1'000};
  /// Looks without a turn after which a worker counts as blocked.
  static constexpr std::uint64_t kPatience = 5;

  /// `turns`: for each worker a number that grows while its loop turns, at least once in kLook;
  /// they outlive the watch, as `log` does. Starts looking with the loop.
  WorkerWatch(TimerService& timers, Log& log, const std::vector<const Cell*>& turns);

  /// Seconds for which each worker has not turned, 0 for those that are well.
  [[nodiscard]] std::vector<std::uint64_t> silent_seconds() const;
  /// One sentence for each blocked worker.
  [[nodiscard]] std::vector<std::string> complaints() const;

 private:
  struct Watched {
    const Cell* turns = nullptr;
    std::uint64_t seen = 0;
    std::uint64_t looks = 0;  // since it was last seen to turn
  };
  void look();

  Log& log_;
  std::vector<Watched> workers_;
  std::unique_ptr<Timer> timer_;
};

}  // namespace gatepost::server
