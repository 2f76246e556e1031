#pragma once

#include <functional>

#include "proxy/base/ticket.h"

namespace gatepost {

/// Runs what may block (files, a database, compression) in threads of its own, and reports on the
/// loop of one worker. Lives as long as the loop.
class Background {
 public:
  virtual ~Background() = default;
  /// `work` runs in another thread, soon, several at a time in any order; then `done` on the loop's
  /// thread, never from inside this call, and not at all once the ticket is gone. Work that has
  /// begun is not interrupted. Both closures are destroyed on the loop's thread after `work` has
  /// ended or was given up: they may own slices that `work` only reads.
  [[nodiscard]] virtual Ticket run(std::move_only_function<void()> work,
                                   std::move_only_function<void()> done) = 0;
};

}  // namespace gatepost
