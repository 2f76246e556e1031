#include "proxy/base/virtual_time.h"

#include <algorithm>

namespace gatepost {

class VirtualTime::Alarm final : public Timer {
 public:
  using Callback = std::move_only_function<void()>;
  Alarm(VirtualTime& time, Callback on_expiry)
      : time_(time), on_expiry_(std::make_shared<Callback>(std::move(on_expiry))) {}
  ~Alarm() override { Alarm::stop(); }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  void start(Duration delay) override {
    stop();
    key_ = Key(time_.now_ + delay, time_.order_++);
    time_.alarms_.emplace(*key_, this);
  }
  void stop() override {
    if (key_) time_.alarms_.erase(*key_);
    key_.reset();
  }
  void go_off() {
    key_.reset();
    // Its own reference: the owner may destroy the timer inside the callback.
    const std::shared_ptr<Callback> callback = on_expiry_;
    (*callback)();
  }

 private:
  VirtualTime& time_;
  std::shared_ptr<Callback> on_expiry_;
  std::optional<Key> key_;
};

std::unique_ptr<Timer> VirtualTime::make_timer(std::move_only_function<void()> on_expiry) {
  return std::make_unique<Alarm>(*this, std::move(on_expiry));
}

void VirtualTime::advance_to(Instant target) {
  while (!alarms_.empty() && alarms_.begin()->first.first <= target) {
    const auto at = alarms_.begin();
    now_ = std::max(now_, at->first.first);
    Alarm* const alarm = at->second;
    alarms_.erase(at);
    alarm->go_off();
  }
  now_ = std::max(now_, target);
}

std::optional<Duration> VirtualTime::next() const {
  if (alarms_.empty()) return std::nullopt;
  return alarms_.begin()->first.first - now_;
}

}  // namespace gatepost
