#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "proxy/base/timer.h"
#include "tests/support/leak_check.h"

namespace gatepost::testing {

/// A clock that stands still until the test moves it. Must outlive its timers.
class FakeTimers : public TimerService {
 public:
  [[nodiscard]] Instant now() const override { return now_; }
  [[nodiscard]] std::unique_ptr<Timer> make_timer(
      std::move_only_function<void()> on_expiry) override;

  /// Moves the clock; alarms go off in their order, each at its own time.
  void advance(Duration by);
  /// How long until the next alarm; nothing when none is set.
  [[nodiscard]] std::optional<Duration> next() const;
  [[nodiscard]] std::size_t armed() const { return alarms_.size(); }

 private:
  class FakeTimer;
  using Key = std::pair<Instant, std::uint64_t>;  // equal times: in the order they were set
  Instant now_{std::chrono::hours(1)};
  std::uint64_t order_ = 0;
  std::map<Key, FakeTimer*> alarms_;
};

}  // namespace gatepost::testing
