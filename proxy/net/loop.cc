#include "proxy/net/loop.h"

#include <uv.h>

#include <cassert>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace gatepost::net {
namespace {

void must(int status, const char* what) {
  if (status == 0) return;
  std::fprintf(stderr, "gatepost: %s: %s\n", what, uv_strerror(status));
  std::abort();
}

// libuv wants a handle's memory until its close callback; the Timer may die any time before.
struct TimerShell {
  uv_timer_t handle;
  class LoopTimer* owner;
};

class LoopTimer : public Timer {
 public:
  LoopTimer(uv_loop_t* loop, std::move_only_function<void()> on_expiry)
      : shell_(new TimerShell{{}, this}), on_expiry_(std::move(on_expiry)) {
    must(uv_timer_init(loop, &shell_->handle), "uv_timer_init");
    shell_->handle.data = shell_;
  }
  ~LoopTimer() override {
    shell_->owner = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&shell_->handle),
             [](uv_handle_t* handle) { delete static_cast<TimerShell*>(handle->data); });
  }
  void start(Duration delay) override {
    const auto ms = delay.count() > 0 ? static_cast<std::uint64_t>(delay.count()) : 0;
    uv_timer_start(
        &shell_->handle,
        [](uv_timer_t* handle) {
          if (auto* owner = static_cast<TimerShell*>(handle->data)->owner) owner->expire();
        },
        ms, 0);
  }
  void stop() override { uv_timer_stop(&shell_->handle); }

 private:
  void expire() {
    // The callback may destroy this timer, and with it the function that is running.
    auto callback = std::move(on_expiry_);
    TimerShell* shell = shell_;
    callback();
    if (shell->owner == this) on_expiry_ = std::move(callback);
  }
  TimerShell* shell_;
  std::move_only_function<void()> on_expiry_;
};

}  // namespace

Loop::Loop() : loop_(std::make_unique<uv_loop_t>()), wake_(new uv_async_t) {
  must(uv_loop_init(loop_.get()), "uv_loop_init");
  must(uv_async_init(loop_.get(), wake_,
                     [](uv_async_t* handle) { static_cast<Loop*>(handle->data)->run_posted(); }),
       "uv_async_init");
  wake_->data = this;
  // Writing to a connection that the peer has left is that connection's error, not our end.
  std::signal(SIGPIPE, SIG_IGN);
  // A file that may not grow any more (RLIMIT_FSIZE) is the error of that write.
  std::signal(SIGXFSZ, SIG_IGN);
}

Loop::~Loop() {
  {
    const std::scoped_lock lock(mutex_);
    uv_close(reinterpret_cast<uv_handle_t*>(std::exchange(wake_, nullptr)),
             [](uv_handle_t* handle) { delete reinterpret_cast<uv_async_t*>(handle); });
  }
  posted_.clear();                     // what was never done may have handles of ours
  uv_run(loop_.get(), UV_RUN_NOWAIT);  // uses up a stop() that came after run()
  uv_run(loop_.get(), UV_RUN_DEFAULT);
  [[maybe_unused]] const int status = uv_loop_close(loop_.get());
  assert(status == 0 && "something made from the loop outlives it");
}

void Loop::run() { uv_run(loop_.get(), UV_RUN_DEFAULT); }

void Loop::stop() { uv_stop(loop_.get()); }

void Loop::post(std::move_only_function<void()> task) {
  const std::scoped_lock lock(mutex_);
  if (wake_ == nullptr) return;
  posted_.push_back(std::move(task));
  uv_async_send(wake_);
}

void Loop::run_posted() {
  std::vector<std::move_only_function<void()>> tasks;
  {
    const std::scoped_lock lock(mutex_);
    tasks.swap(posted_);
  }
  for (auto& task : tasks) task();
}

Instant Loop::now() const { return Instant(Duration(uv_now(loop_.get()))); }

std::unique_ptr<Timer> Loop::make_timer(std::move_only_function<void()> on_expiry) {
  return std::make_unique<LoopTimer>(loop_.get(), std::move(on_expiry));
}

}  // namespace gatepost::net
