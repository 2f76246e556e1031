#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "proxy/base/background.h"

namespace gatepost {

/// Runs `work`, which returns a value, in the background, and hands the value to `done` on the
/// loop: Background::run() for work that has a result. A value can be made of nothing.
template <class Work, class Done>
[[nodiscard]] Ticket compute(Background& background, Work work, Done done) {
  // Both closures share it: one writes it, then the other reads it.
  auto value = std::make_shared<std::invoke_result_t<Work&>>();
  return background.run([value, run = std::move(work)]() mutable { *value = run(); },
                        [value, next = std::move(done)]() mutable { next(std::move(*value)); });
}

}  // namespace gatepost
