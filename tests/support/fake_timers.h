#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "proxy/base/virtual_time.h"
#include "tests/support/leak_check.h"

namespace gatepost::testing {

/// A clock that stands still until the test moves it; no timer may be forgotten.
class FakeTimers : public VirtualTime {
 public:
  [[nodiscard]] std::unique_ptr<Timer> make_timer(
      std::move_only_function<void()> on_expiry) override {
    return std::make_unique<CountedTimer>(VirtualTime::make_timer(std::move(on_expiry)));
  }
  /// Moves the clock; alarms go off in their order, each at its own time.
  void advance(Duration by) { advance_to(now() + by); }

 private:
  class CountedTimer final : public Timer {
   public:
    explicit CountedTimer(std::unique_ptr<Timer> timer) : timer_(std::move(timer)) {}
    void start(Duration delay) override { timer_->start(delay); }
    void stop() override { timer_->stop(); }

   private:
    std::unique_ptr<Timer> timer_;
    LiveCount live_{"FakeTimer"};
  };
};

}  // namespace gatepost::testing
