#pragma once

#include <cstddef>

#include "proxy/base/background.h"
#include "proxy/net/loop.h"

namespace gatepost::net {

/// Background over libuv's pool of threads, which all loops of the process share (four of them,
/// unless UV_THREADPOOL_SIZE says otherwise). What is asked for beyond them waits in turn: its
/// bound is that of the askers, each of whom has one piece of work under way.
class LoopBackground final : public Background {
 public:
  /// `loop` outlives it, and its destructor waits for work that has begun.
  explicit LoopBackground(Loop& loop) : loop_(loop) {}

  [[nodiscard]] Ticket run(std::move_only_function<void()> work,
                           std::move_only_function<void()> done) override;

 private:
  Loop& loop_;
};

}  // namespace gatepost::net
