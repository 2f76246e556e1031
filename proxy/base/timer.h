#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace gatepost {

using Duration = std::chrono::milliseconds;
/// Monotonic time of a loop or of a test; only differences mean something.
using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;

/// One alarm, started and stopped any number of times; destroying it stops it.
class Timer {
 public:
  virtual ~Timer() = default;
  /// Goes off once, `delay` from now, in place of whatever was set before.
  virtual void start(Duration delay) = 0;
  virtual void stop() = 0;
};

/// The clock and the alarms of one worker; tests inject their own.
class TimerService {
 public:
  virtual ~TimerService() = default;
  [[nodiscard]] virtual Instant now() const = 0;
  /// The owner may destroy the timer inside `on_expiry`.
  [[nodiscard]] virtual std::unique_ptr<Timer> make_timer(
      std::move_only_function<void()> on_expiry) = 0;
};

}  // namespace gatepost
