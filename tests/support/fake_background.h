#pragma once

#include <memory>
#include <utility>

#include "proxy/base/stepped_background.h"
#include "tests/support/leak_check.h"

namespace gatepost::testing {

/// Work that is done when the test says so, in the test's own thread.
class FakeBackground : public SteppedBackground {
 public:
  [[nodiscard]] Ticket run(std::move_only_function<void()> work,
                           std::move_only_function<void()> done) override {
    return SteppedBackground::run(
        std::move(work), [done = std::move(done), live = std::make_unique<LiveCount>(
                                                      "FakeBackground job")]() mutable { done(); });
  }

  /// Nothing gets done meanwhile.
  bool hold = false;

  /// Does the oldest piece of work, and reports it. False: there was none.
  bool turn() { return !hold && SteppedBackground::turn(); }
  void run_all() {
    while (turn()) {
    }
  }
};

}  // namespace gatepost::testing
