#pragma once

#include <deque>
#include <memory>
#include <utility>

#include "proxy/base/background.h"
#include "tests/support/leak_check.h"

namespace gatepost::testing {

/// Work that is done when the test says so, in the test's own thread.
class FakeBackground : public Background {
 public:
  [[nodiscard]] Ticket run(std::move_only_function<void()> work,
                           std::move_only_function<void()> done) override {
    auto job = std::make_shared<Job>();
    job->work = std::move(work);
    job->done = std::move(done);
    jobs_.push_back(job);
    return Ticket([weak = std::weak_ptr(job)] {
      if (const auto cancelled = weak.lock()) cancelled->cancelled = true;
    });
  }

  [[nodiscard]] std::size_t pending() const { return jobs_.size(); }
  /// Nothing gets done meanwhile.
  bool hold = false;

  /// Does the oldest piece of work, and reports it. False: there was none.
  bool turn() {
    if (hold || jobs_.empty()) return false;
    const auto job = std::move(jobs_.front());
    jobs_.pop_front();
    job->work();
    if (!job->cancelled) job->done();
    return true;
  }
  void run_all() {
    while (turn()) {
    }
  }

 private:
  struct Job {
    std::move_only_function<void()> work;
    std::move_only_function<void()> done;
    bool cancelled = false;
    LiveCount live{"FakeBackground job"};
  };
  std::deque<std::shared_ptr<Job>> jobs_;
};

}  // namespace gatepost::testing
