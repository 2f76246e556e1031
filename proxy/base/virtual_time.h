#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "proxy/base/timer.h"

namespace gatepost {

/// A clock that stands still until its owner moves it: for replays and tests. Outlives its timers.
class VirtualTime : public TimerService {
 public:
  [[nodiscard]] Instant now() const override { return now_; }
  [[nodiscard]] std::unique_ptr<Timer> make_timer(
      std::move_only_function<void()> on_expiry) override;

  /// Alarms go off in their order, each at its own time. Not backwards.
  void advance_to(Instant target);
  /// How long until the next alarm; nothing when none is set.
  [[nodiscard]] std::optional<Duration> next() const;
  /// How many alarms are set.
  [[nodiscard]] std::size_t armed() const { return alarms_.size(); }

 private:
  class Alarm;
  using Key = std::pair<Instant, std::uint64_t>;  // equal times: in the order they were set
  Instant now_{std::chrono::hours(1)};
  std::uint64_t order_ = 0;
  std::map<Key, Alarm*> alarms_;
};

}  // namespace gatepost
