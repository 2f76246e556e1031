#include "proxy/process/fd_watch.h"

#include <uv.h>

#include <utility>

namespace gatepost::process {

FdWatch::FdWatch(net::Loop& loop, int descriptor, std::function<void()> ready)
    : poll_(new uv_poll_t), ready_(std::move(ready)) {
  uv_poll_init(loop.raw(), poll_, descriptor);
  poll_->data = this;
  watch(UV_READABLE);
}

FdWatch::~FdWatch() {
  uv_poll_stop(poll_);
  uv_close(reinterpret_cast<uv_handle_t*>(poll_),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_poll_t*>(handle); });
}

void FdWatch::want_room(bool wanted) { watch(wanted ? UV_READABLE | UV_WRITABLE : UV_READABLE); }

void FdWatch::stop() { uv_poll_stop(poll_); }

void FdWatch::watch(int events) {
  uv_poll_start(poll_, events, [](uv_poll_t* poll, int /*status*/, int /*events*/) {
    const auto ready = static_cast<FdWatch*>(poll->data)->ready_;  // may destroy the watch
    ready();
  });
}

}  // namespace gatepost::process
