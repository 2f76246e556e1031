#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "proxy/net/loop.h"

namespace gatepost::server {

/// Answers of several workers, brought together in the main loop.
template <class Answer>
class Gathering {
 public:
  /// Called once, in the main loop, when all have answered or the time is up: the answers that came
  /// and the number of those that did not. Not at all if the process ends first.
  using Done = std::move_only_function<void(std::vector<Answer>, std::size_t missing)>;
  /// Takes one answer; from any thread, once.
  using Sink = std::move_only_function<void(Answer)>;

  /// Calls `ask` for each of `count`, so that it answers to the sink.
  static void start(net::Loop& loop, std::size_t count, Duration patience,
                    const std::function<void(std::size_t, Sink)>& ask, Done done) {
    const auto gathering = std::make_shared<Gathering>();
    gathering->missing_ = count;
    gathering->done_ = std::move(done);
    // Held by those who are to answer: when all of them are gone nobody waits any more.
    gathering->timer_ = loop.make_timer([weak = std::weak_ptr(gathering)] {
      if (const auto self = weak.lock()) self->finish();
    });
    for (std::size_t i = 0; i < count; ++i) {
      // What is posted takes the gathering along: its timer must not go in a worker's thread.
      ask(i, [&loop, self = gathering](Answer answer) mutable {
        loop.post([self = std::move(self), answer = std::move(answer)]() mutable {
          self->take(std::move(answer));
        });
      });
    }
    gathering->timer_->start(patience);
    if (count == 0) gathering->finish();
  }

 private:
  void take(Answer answer) {
    if (!done_) return;  // too late
    answers_.push_back(std::move(answer));
    if (--missing_ == 0) finish();
  }
  void finish() {
    if (!done_) return;
    timer_->stop();
    std::exchange(done_, nullptr)(std::move(answers_), missing_);
  }

  std::vector<Answer> answers_;
  std::size_t missing_ = 0;
  Done done_;
  std::unique_ptr<Timer> timer_;
};

}  // namespace gatepost::server
