#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>

#include "proxy/base/background.h"

namespace gatepost {

/// Work for another thread, done in this one, a piece at a time, when the owner says so: for
/// replays and tests.
class SteppedBackground : public Background {
 public:
  [[nodiscard]] Ticket run(std::move_only_function<void()> work,
                           std::move_only_function<void()> done) override;

  [[nodiscard]] std::size_t pending() const { return jobs_.size(); }
  /// Does the oldest piece of work, and reports it. False: there was none.
  bool turn();

 private:
  struct Job {
    std::move_only_function<void()> work;
    std::move_only_function<void()> done;
    bool cancelled = false;
  };
  std::deque<std::shared_ptr<Job>> jobs_;
};

}  // namespace gatepost
