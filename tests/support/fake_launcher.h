#pragma once

#include <deque>
#include <memory>
#include <utility>

#include "proxy/net/process_launcher.h"
#include "tests/support/leak_check.h"

namespace gatepost::testing {

/// A launcher whose every program runs until the test says how it ended.
class FakeLauncher : public net::ProcessLauncher {
 public:
  [[nodiscard]] Ticket run(const net::Program& program, UniqueFd input, Done done) override {
    auto process = std::make_shared<Process>(program, std::move(input), std::move(done));
    processes_.push_back(process);
    return Ticket([this, weak = std::weak_ptr(process)] {
      const auto killed = weak.lock();
      if (killed && std::erase(processes_, killed) > 0) ++killed_;
    });
  }

  [[nodiscard]] std::size_t running() const { return processes_.size(); }
  [[nodiscard]] std::size_t killed() const { return killed_; }
  /// Of the oldest one that runs.
  [[nodiscard]] const net::Program& program() const { return processes_.front()->program; }
  [[nodiscard]] int input() const { return processes_.front()->input.get(); }

  /// The oldest one ends so.
  void end(Result<net::ProgramEnd> how) {
    const auto process = std::move(processes_.front());
    processes_.pop_front();
    process->done(std::move(how));
  }

 private:
  struct Process {
    Process(net::Program what, UniqueFd reads, Done callback)
        : program(std::move(what)), input(std::move(reads)), done(std::move(callback)) {}
    net::Program program;
    UniqueFd input;
    Done done;
    LiveCount live{"FakeLauncher process"};
  };
  std::deque<std::shared_ptr<Process>> processes_;
  std::size_t killed_ = 0;
};

}  // namespace gatepost::testing
