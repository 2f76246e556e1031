#include "tests/support/fake_timers.h"

#include <algorithm>

namespace gatepost::testing {

class FakeTimers::FakeTimer : public Timer {
 public:
  using Callback = std::move_only_function<void()>;

  FakeTimer(FakeTimers& timers, Callback on_expiry)
      : timers_(timers), on_expiry_(std::make_shared<Callback>(std::move(on_expiry))) {}
  ~FakeTimer() override { FakeTimer::stop(); }
  FakeTimer(const FakeTimer&) = delete;
  FakeTimer& operator=(const FakeTimer&) = delete;

  void start(Duration delay) override {
    stop();
    key_ = Key(timers_.now_ + delay, timers_.order_++);
    timers_.alarms_.emplace(*key_, this);
  }
  void stop() override {
    if (key_) timers_.alarms_.erase(*key_);
    key_.reset();
  }
  void go_off() {
    key_.reset();
    // Its own reference: the owner may destroy the timer inside the callback.
    const std::shared_ptr<Callback> callback = on_expiry_;
    (*callback)();
  }

 private:
  FakeTimers& timers_;
  std::shared_ptr<Callback> on_expiry_;
  std::optional<Key> key_;
  LiveCount live_{"FakeTimer"};
};

std::unique_ptr<Timer> FakeTimers::make_timer(std::move_only_function<void()> on_expiry) {
  return std::make_unique<FakeTimer>(*this, std::move(on_expiry));
}

void FakeTimers::advance(Duration by) {
  const Instant target = now_ + by;
  while (!alarms_.empty() && alarms_.begin()->first.first <= target) {
    const auto alarm = alarms_.begin();
    now_ = std::max(now_, alarm->first.first);
    FakeTimer* timer = alarm->second;
    alarms_.erase(alarm);
    timer->go_off();
  }
  now_ = target;
}

std::optional<Duration> FakeTimers::next() const {
  if (alarms_.empty()) return std::nullopt;
  return alarms_.begin()->first.first - now_;
}

}  // namespace gatepost::testing
