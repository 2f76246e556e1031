#include "proxy/process/signals.h"

#include <uv.h>

#include <csignal>
#include <utility>

namespace gatepost::process {

struct Signals::Shell {
  uv_signal_t handle;
  Signals* owner;
};

Signals::Signals(net::Loop& loop, std::initializer_list<int> signals,
                 std::move_only_function<void(int)> on_signal)
    : on_signal_(std::move(on_signal)) {
  std::signal(SIGPIPE, SIG_IGN);
  for (const int number : signals) {
    auto* shell = new Shell{{}, this};
    uv_signal_init(loop.raw(), &shell->handle);
    shell->handle.data = shell;
    uv_signal_start(
        &shell->handle,
        [](uv_signal_t* handle, int n) {
          if (auto* owner = static_cast<Shell*>(handle->data)->owner) owner->on_signal_(n);
        },
        number);
    shells_.push_back(shell);
  }
}

Signals::~Signals() {
  for (Shell* shell : shells_) {
    shell->owner = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&shell->handle),
             [](uv_handle_t* handle) { delete static_cast<Shell*>(handle->data); });
  }
}

}  // namespace gatepost::process
