#pragma once

#include <functional>
#include <utility>

#include "proxy/base/ticket.h"
#include "proxy/base/timer.h"

namespace gatepost::filters {

/// Calls `tell` in the next turn of the loop; not at all once the ticket is gone, which `tell` may
/// destroy.
[[nodiscard]] inline Ticket tell_later(TimerService& timers, std::move_only_function<void()> tell) {
  auto teller = timers.make_timer([tell = std::move(tell)]() mutable {
    auto told = std::move(tell);
    told();
  });
  teller->start(Duration(0));
  return Ticket([held = std::move(teller)]() mutable { held.reset(); });
}

}  // namespace gatepost::filters
