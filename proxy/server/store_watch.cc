#include "proxy/server/store_watch.h"

#include <utility>

namespace gatepost::server {

StoreWatch::StoreWatch(TimerService& timers, Log& log, unsigned worker,
                       const filters::RetentionCounters& counters)
    : timers_(timers),
      log_(log),
      worker_(worker),
      counters_(counters),
      timer_(timers.make_timer([this] { glance(); })) {}

void StoreWatch::watch(WorkerStore store) {
  question_.reset();
  asked_ = false;
  store_ = std::move(store);
  timer_->stop();
  state_.set(std::to_underlying(store_.store ? State::unknown : State::none));
  if (store_.store) look();
}

/// Sessions find out sooner than the next look: it is asked again at once.
void StoreWatch::glance() {
  const bool due = timers_.now() - asked_at_ >= kLook;
  if (due || (counters_.store_errors.get() != errors_ && !asked_)) return look();
  timer_->start(kGlance);
}

void StoreWatch::look() {
  timer_->start(kGlance);
  asked_at_ = timers_.now();
  errors_ = counters_.store_errors.get();
  // Whatever it waits for: sessions would wait for the same.
  if (asked_) return enter(State::down, "it does not answer");
  asked_ = true;
  question_.reset();  // answered long ago, and not to be taken for the next one
  question_ = store_.store->check([this](Result<void> answer) { answered(std::move(answer)); });
}

void StoreWatch::answered(Result<void> answer) {
  asked_ = false;
  if (answer) {
    enter(State::up, {});
  } else {
    enter(State::down, answer.error().detail);
  }
}

void StoreWatch::enter(State state, const std::string& problem) {
  const State before = this->state();
  if (before == state) return;
  state_.set(std::to_underlying(state));
  if (state == State::down) {
    log_.error("retention_store_down", {{"worker", worker_},
                                        {"problem", problem},
                                        {"effect", "nothing is removed; logins are put off"}});
    return;
  }
  if (before == State::down) log_.info("retention_store_up", {{"worker", worker_}});
  // Another server, perhaps: it may have other settings.
  if (const std::string warning = store_.warning(); !warning.empty()) {
    log_.warning("retention_store_forgetful", {{"worker", worker_}, {"problem", warning}});
  }
}

}  // namespace gatepost::server
