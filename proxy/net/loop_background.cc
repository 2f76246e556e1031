#include "proxy/net/loop_background.h"

#include <uv.h>

#include <memory>
#include <utility>

namespace gatepost::net {

namespace {

struct Job {
  uv_work_t request{};
  std::move_only_function<void()> work;
  std::move_only_function<void()> done;
  bool cancelled = false;
};

}  // namespace

Ticket LoopBackground::run(std::move_only_function<void()> work,
                           std::move_only_function<void()> done) {
  auto job = std::make_shared<Job>();
  job->work = std::move(work);
  job->done = std::move(done);
  // Until libuv is through with it the job is its own; the ticket only looks at it.
  auto held = std::make_unique<std::shared_ptr<Job>>(job);
  job->request.data = held.get();
  const int outcome = uv_queue_work(
      loop_.raw(), &job->request,
      [](uv_work_t* request) { (*static_cast<std::shared_ptr<Job>*>(request->data))->work(); },
      [](uv_work_t* request, int status) {
        const std::unique_ptr<std::shared_ptr<Job>> own(
            static_cast<std::shared_ptr<Job>*>(request->data));
        Job& ended = **own;
        if (status == 0 && !ended.cancelled) ended.done();
      });
  // libuv refuses only a missing function.
  if (outcome == 0) static_cast<void>(held.release());
  return Ticket([weak = std::weak_ptr(job)] {
    const auto abandoned = weak.lock();
    if (!abandoned) return;
    abandoned->cancelled = true;
    // Not begun yet: it need not begin. Otherwise it goes on, and nobody hears of it.
    uv_cancel(reinterpret_cast<uv_req_t*>(&abandoned->request));
  });
}

}  // namespace gatepost::net
