#include "proxy/base/stepped_background.h"

#include <utility>

namespace gatepost {

Ticket SteppedBackground::run(std::move_only_function<void()> work,
                              std::move_only_function<void()> done) {
  auto job = std::make_shared<Job>();
  job->work = std::move(work);
  job->done = std::move(done);
  jobs_.push_back(job);
  return Ticket([weak = std::weak_ptr(job)] {
    if (const auto cancelled = weak.lock()) cancelled->cancelled = true;
  });
}

bool SteppedBackground::turn() {
  if (jobs_.empty()) return false;
  const auto job = std::move(jobs_.front());
  jobs_.pop_front();
  job->work();
  if (!job->cancelled) job->done();
  return true;
}

}  // namespace gatepost
