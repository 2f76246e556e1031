#include "proxy/server/worker_watch.h"

#include <chrono>

#include <fmt/format.h>

namespace gatepost::server {

namespace {
constexpr auto kLookSeconds = static_cast<std::uint64_t>(
    std::chrono::duration_cast<std::chrono::seconds>(WorkerWatch::kLook).count());
}  // namespace

WorkerWatch::WorkerWatch(TimerService& timers, Log& log, const std::vector<const Cell*>& turns)
    : log_(log), timer_(timers.make_timer([this] { look(); })) {
  workers_.reserve(turns.size());
  for (const Cell* cell : turns) workers_.push_back({cell});
  timer_->start(kLook);
}

void WorkerWatch::look() {
  timer_->start(kLook);
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    Watched& worker = workers_[i];
    const std::uint64_t turns = worker.turns->get();
    if (turns == worker.seen) {
      if (++worker.looks == kPatience) {
        log_.error("worker_blocked", {{"worker", i}, {"seconds", worker.looks * kLookSeconds}});
      }
      continue;
    }
    if (worker.looks >= kPatience) {
      log_.warning("worker_turns", {{"worker", i}, {"seconds", worker.looks * kLookSeconds}});
    }
    worker.seen = turns;
    worker.looks = 0;
  }
}

std::vector<std::uint64_t> WorkerWatch::silent_seconds() const {
  std::vector<std::uint64_t> all;
  all.reserve(workers_.size());
  for (const Watched& worker : workers_) {
    all.push_back(worker.looks >= kPatience ? worker.looks * kLookSeconds : 0);
  }
  return all;
}

std::vector<std::string> WorkerWatch::complaints() const {
  std::vector<std::string> all;
  const std::vector<std::uint64_t> silent = silent_seconds();
  for (std::size_t i = 0; i < silent.size(); ++i) {
    if (silent[i] == 0) continue;
    all.push_back(fmt::format("worker {} has not turned for {} s", i, silent[i]));
  }
  return all;
}

}  // namespace gatepost::server
