#include "tests/bench/generator/conductor.h"

#include <thread>

#include "tests/bench/common/clock.h"
#include "tests/bench/generator/shared.h"

namespace gatepost::bench {
namespace {

constexpr double kMaxRamp = 120;  // seconds until all must be logged in
constexpr std::uint64_t kCheckEvery = 500'000'000;

/// Scripts whose connections stay.
bool stays() { return options.script == Script::idle || options.script == Script::pingpong; }
bool all_ready() { return run.ready >= options.connections; }

}  // namespace

Usage usage_now() {
  Usage usage;
  for (const auto& [label, pid] : options.pids) usage.processes.push_back(tree_cpu_seconds(pid));
  usage.cpus = cpu_times();
  usage.own = own_cpu_seconds();
  usage.at_ns = now_ns();
  return usage;
}

Outcome Conductor::conduct() {
  outcome_.kernel_before = kernel_kib();
  if (options.mem_pid != 0) outcome_.memory_before = tree_memory(options.mem_pid);
  began_ = now_ns();
  if (!stays() && options.warmup <= 0) {
    outcome_.begin = usage_now();
    run.phase = Phase::window;
  }
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < workers_.size(); i++)
    threads.emplace_back([this, i] { work(*workers_[i], false); });
  work(*workers_[0], true);
  for (std::thread& thread : threads) thread.join();
  if (run.phase != Phase::stop) outcome_.end = usage_now();
  if (outcome_.end.at_ns == 0) outcome_.end = usage_now();
  if (outcome_.begin.at_ns == 0) outcome_.begin = outcome_.end;
  return outcome_;
}

void Conductor::work(Worker& worker, bool lead) {
  if (!stays())
    for (auto& session : worker.sessions)
      if (worker.may_start()) worker.restart.push_back(session.get());
  std::size_t opened = 0;
  bool started = false;
  std::uint64_t checked = now_ns();
  while (true) {
    open_more(worker, opened);
    worker.counting = run.phase == Phase::window;
    if (run.phase == Phase::stop) worker.stopping = true;
    if (worker.stopping || run.aborted) return;
    start_held(worker, started);
    worker.loop_once(lead ? 5 : 20);
    const std::uint64_t now = now_ns();
    if (now - checked > kCheckEvery) {
      worker.check_timeouts();
      checked = now;
    }
    if (finished(worker, started)) return;
    if (lead) move_on(now);
  }
}

void Conductor::open_more(Worker& worker, std::size_t& opened) const {
  if (!stays() || opened == worker.sessions.size()) return;
  int logging_in = 0;
  for (std::size_t i = 0; i < opened; i++) logging_in += worker.sessions[i]->held ? 0 : 1;
  for (; opened < worker.sessions.size() && logging_in < options.ramp; logging_in++)
    worker.restart.push_back(worker.sessions[opened++].get());
}

void Conductor::start_held(Worker& worker, bool& started) const {
  const bool ping = options.script == Script::pingpong && run.ping_started;
  const bool retr = options.script == Script::idle && run.retr_phase == 1;
  if (started || (!ping && !retr)) return;
  started = true;
  for (auto& session : worker.sessions) {
    if (session->fd < 0 || session->dead) continue;
    if (ping)
      worker.ping(*session);
    else
      worker.advance(*session);
    worker.after(*session);
  }
}

bool Conductor::finished(const Worker& worker, bool started) const {
  if (!stays()) return worker.restart.empty() && worker.live == 0;
  return options.script == Script::pingpong && options.pings > 0 && started && worker.live == 0;
}

void Conductor::move_on(std::uint64_t now) {
  if (options.script == Script::idle) return move_idle_on(now);
  if (options.script == Script::pingpong && !run.ping_started) {
    if (all_ready()) {
      began_ = now;
      run.ping_started = true;
    } else if (seconds_of(now - began_) > kMaxRamp) {
      run.aborted = true;
    }
    return;
  }
  if (run.phase == Phase::warmup && seconds_of(now - began_) >= options.warmup) {
    outcome_.begin = usage_now();
    run.phase = Phase::window;
  } else if (run.phase == Phase::window && options.seconds > 0 &&
             seconds_of(now - outcome_.begin.at_ns) >= options.seconds) {
    outcome_.end = usage_now();
    run.phase = Phase::stop;
  }
}

void Conductor::move_idle_on(std::uint64_t now) {
  if (!all_ready()) {
    if (seconds_of(now - began_) > kMaxRamp + options.hold) run.aborted = true;
    return;
  }
  if (all_ready_ == 0) all_ready_ = now;
  if (seconds_of(now - all_ready_) < options.hold) return;
  const bool first = run.retr_phase == 0;
  if (options.mem_pid != 0)
    (first ? outcome_.memory_idle : outcome_.memory_after_retr) = tree_memory(options.mem_pid);
  if (first) outcome_.kernel_idle = kernel_kib();
  if (first && options.idle_retr > 0) {
    run.ready = 0;
    all_ready_ = 0;
    run.retr_phase = 1;
  } else {
    run.phase = Phase::stop;
  }
}

}  // namespace gatepost::bench
