#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "proxy/base/timer.h"

struct uv_loop_s;
struct uv_async_s;

namespace gatepost::net {

/// The event loop of one worker: clock, alarms, and the way in for other threads. Everything made
/// from it must be gone before it; handles still closing are waited for in the destructor.
/// Ignores SIGPIPE in the whole process.
class Loop : public TimerService {
 public:
  Loop();
  ~Loop() override;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs until stop(). May be called again afterwards.
  void run();
  /// From the loop's own thread.
  void stop();
  /// From any thread: `task` runs on the loop's thread, in the order posted. Tasks posted after the
  /// loop stopped for good are dropped.
  void post(std::move_only_function<void()> task);

  [[nodiscard]] Instant now() const override;
  [[nodiscard]] std::unique_ptr<Timer> make_timer(
      std::move_only_function<void()> on_expiry) override;

  /// For the other files of net/, for process/ and command/ only.
  [[nodiscard]] uv_loop_s* raw() { return loop_.get(); }

 private:
  void run_posted();
  std::unique_ptr<uv_loop_s> loop_;
  uv_async_s* wake_ = nullptr;  // freed by its close callback
  std::mutex mutex_;
  std::vector<std::move_only_function<void()>> posted_;
};

}  // namespace gatepost::net
