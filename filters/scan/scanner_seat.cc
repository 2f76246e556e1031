#include "filters/scan/scanner_seat.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "filters/scan/samples.h"

namespace gatepost::filters {

namespace {

std::size_t share(std::uint32_t all, unsigned workers) {
  return std::max<std::size_t>(1, all / std::max(1U, workers));
}

}  // namespace

struct ScannerSeat::Scan {
  enum class Stage : std::uint8_t { waiting, running, told } stage = Stage::waiting;
  ScanJob job;
  Done done;
  Instant began;  // when it got its place
  std::unique_ptr<Timer> timer;
  std::optional<Verdict> verdict;  // told when the timer goes off, else that is the time-out
  Ticket ticket;
};

/// The samples; their own messages in memory.
struct ScannerSeat::Tests {
  std::shared_ptr<SpoolRoom> room = std::make_shared<SpoolRoom>("", 64 * 1024, 64 * 1024);
  std::shared_ptr<const Spool> bad;
  std::shared_ptr<const Spool> good;
  Ticket ticket;
  std::unique_ptr<Timer> limit;
};

ScannerSeat::ScannerSeat(std::shared_ptr<const ScannerKind> kind, std::unique_ptr<Scanner> scanner,
                         const ScannerTools& tools, Log& log)
    : kind_(std::move(kind)),
      tools_(tools),
      log_(log),
      scanner_(std::move(scanner)),
      places_(share(kind_->config.concurrency, kind_->workers)),
      queue_(share(kind_->config.queue, kind_->workers)),
      tests_(std::make_unique<Tests>()),
      tester_(tools.timers.make_timer([this] { begin_test(); })) {
  ++kind_->counters->ineffective;
  const auto sample = [this](const std::string& text) {
    auto spool = std::make_shared<Spool>(tests_->room, tools_.pool, tools_.background, [] {});
    spool->append(ByteChain(tools_.pool, text));
    spool->seal();
    return spool;
  };
  tests_->bad = sample(known_bad_sample(kind_->config.type));
  tests_->good = sample(known_good_sample());
  begin_test();
}

ScannerSeat::~ScannerSeat() {
  ScannerCounters& counters = *kind_->counters;
  counters.running -= running_;
  counters.waiting -= waiting_.size();
  if (!known_good_.value_or(false)) --counters.ineffective;
  if (standing_ == Standing::open) --counters.breaker_open;
  for (const auto& scan : scans_) {  // their tickets may outlive the seat
    scan->stage = Scan::Stage::told;
    scan->ticket.reset();
    scan->timer.reset();
  }
}

Ticket ScannerSeat::ask(const ScanJob& job, Duration limit, Done done) {
  auto scan = std::make_shared<Scan>();
  scan->job = job;
  scan->done = std::move(done);
  scan->timer = tools_.timers.make_timer([this, weak = std::weak_ptr(scan)] {
    const auto due = weak.lock();
    if (!due || due->stage == Scan::Stage::told) return;
    finish(due, due->verdict ? *due->verdict : Verdict::of(Cause::timeout, "no verdict in time"));
  });
  const auto answer = [&scan](Cause cause, std::string_view detail) {
    scan->verdict = Verdict::of(cause, detail);
    scan->timer->start(Duration(0));
  };
  const Instant now = tools_.timers.now();
  if (standing_ == Standing::failed && now - tested_ >= kRetest) begin_test();
  if (job.message->size() > kind_->config.max_size) {
    answer(Cause::oversize, fmt::format("larger than {} octets", kind_->config.max_size));
  } else if (standing_ == Standing::open) {
    answer(Cause::unreachable, "too many failures, asked again later: " + problem_);
  } else if (standing_ == Standing::failed) {
    answer(Cause::unreachable, problem_);
  } else if (waiting_.size() >= queue_ && (running_ >= places_ || !effective())) {
    answer(Cause::unreachable, "queue full");
  } else {
    scan->timer->start(std::min(limit, kind_->config.timeout));
    waiting_.push_back(scan);
    ++kind_->counters->waiting;
    fill_places();
  }
  scans_.push_back(scan);
  return Ticket([this, scan] {
    if (scan->stage != Scan::Stage::told) leave(scan);
  });
}

/// Gives the places that are free to those who wait.
void ScannerSeat::fill_places() {
  while (effective() && running_ < places_ && !waiting_.empty()) {
    const std::shared_ptr<Scan> next = waiting_.front();
    waiting_.pop_front();
    --kind_->counters->waiting;
    start(next);
  }
  if (effective() && tools_.timers.now() - version_asked_ >= kVersionEvery) ask_version();
}

void ScannerSeat::start(const std::shared_ptr<Scan>& scan) {
  scan->stage = Scan::Stage::running;
  scan->began = tools_.timers.now();
  ++running_;
  ++kind_->counters->running;
  kind_->counters->octets += scan->job.message->size();
  scan->ticket =
      scanner_->scan(scan->job, [this, weak = std::weak_ptr(scan)](const Verdict& verdict) {
        if (const auto done = weak.lock()) finish(done, verdict);
      });
}

/// Takes it off every list.
void ScannerSeat::leave(const std::shared_ptr<Scan>& scan) {
  const auto stage = std::exchange(scan->stage, Scan::Stage::told);
  scan->timer->stop();
  scan->ticket.reset();
  if (std::erase(waiting_, scan) > 0) --kind_->counters->waiting;
  std::erase(scans_, scan);
  if (stage != Scan::Stage::running) return;
  --running_;
  --kind_->counters->running;
  fill_places();
}

void ScannerSeat::finish(const std::shared_ptr<Scan>& scan, Verdict verdict) {
  const bool ran = scan->stage == Scan::Stage::running;
  // It may have been asked before doubts arose: what it calls clean must have been effective.
  if (ran && verdict.cause == Cause::clean && !effective()) {
    verdict = Verdict::of(Cause::not_understood, "clean, but the self-test failed: " + problem_);
  }
  ++kind_->counters->verdicts[static_cast<std::size_t>(verdict.cause)];
  if (ran) {
    const auto took = tools_.timers.now() - scan->began;
    kind_->counters->microseconds +=
        static_cast<std::uint64_t>(std::chrono::microseconds(took).count());
    note(verdict);
  }
  Done done = std::move(scan->done);
  leave(scan);
  done(std::move(verdict));
}

/// Whether the scanner is still to be trusted after that.
void ScannerSeat::note(const Verdict& verdict) {
  if (!verdict.passing() || verdict.cause == Cause::spool_full) {
    failures_ = 0;
    return;
  }
  if (++failures_ >= kind_->config.breaker_failures && effective()) {
    ++kind_->counters->breaker_trips;
    ++kind_->counters->breaker_open;
    test_ended(Standing::open, verdict.detail);
  } else if (effective() && verdict.cause == Cause::unreachable) {
    begin_test();
  }
}

void ScannerSeat::begin_test() {
  if (standing_ == Standing::open) --kind_->counters->breaker_open;
  // An effective scanner stays in use while it is tested again at its time.
  const bool in_doubt = standing_ != Standing::effective || failures_ > 0;
  if (in_doubt) standing_ = Standing::testing;
  tests_->limit = tools_.timers.make_timer(
      [this] { on_bad_sample(Verdict::of(Cause::timeout, "no verdict in time")); });
  tests_->limit->start(kind_->config.timeout);
  tests_->ticket = scanner_->scan({.message = tests_->bad, .facts = {}},
                                  [this](const Verdict& verdict) { on_bad_sample(verdict); });
}

void ScannerSeat::on_bad_sample(const Verdict& verdict) {
  if (verdict.cause == Cause::infected || verdict.cause == Cause::spam) {
    tests_->ticket = scanner_->scan({.message = tests_->good, .facts = {}},
                                    [this](const Verdict& good) { on_good_sample(good); });
    return;
  }
  test_ended(Standing::failed,
             verdict.cause == Cause::clean
                 ? "the known-bad sample was called clean"
                 : fmt::format("{}: {}", to_string(verdict.cause), verdict.detail));
}

void ScannerSeat::on_good_sample(const Verdict& verdict) {
  if (verdict.cause == Cause::clean) return test_ended(Standing::effective, {});
  test_ended(Standing::failed, fmt::format("the known-good sample was called {}: {}",
                                           to_string(verdict.cause), verdict.detail));
}

void ScannerSeat::test_ended(Standing standing, std::string problem) {
  ScannerCounters& counters = *kind_->counters;
  const bool tested = standing != Standing::open;
  tests_->limit.reset();
  tests_->ticket.reset();
  tested_ = tools_.timers.now();
  standing_ = standing;
  problem_ = std::move(problem);
  const bool good = standing == Standing::effective;
  if (tested) ++(good ? counters.self_tests_passed : counters.self_tests_failed);
  if (good) {
    failures_ = 0;
    if (kind_->config.self_test > Duration(0)) tester_->start(kind_->config.self_test);
    ask_version();
  } else {
    version_.reset();
    tester_->start(kind_->config.breaker_pause);
  }
  if (known_good_ != good) {
    if (good) {
      --counters.ineffective;
      log_.info("scanner_effective", {{"scanner", kind_->config.name}});
    } else {
      if (known_good_) ++counters.ineffective;  // until then it is counted, too
      log_.error("scanner_not_effective", {{"scanner", kind_->config.name}, {"problem", problem_}});
    }
    known_good_ = good;
  }
  if (good) return fill_places();
  answer_all(Verdict::of(Cause::unreachable, problem_));
}

/// Those who waited for the self-test.
void ScannerSeat::answer_all(const Verdict& verdict) {
  for (const auto& scan : std::exchange(waiting_, {})) {
    --kind_->counters->waiting;
    scan->verdict = verdict;
    scan->timer->start(Duration(0));
  }
}

void ScannerSeat::ask_version() {
  version_asked_ = tools_.timers.now();
  version_ticket_ = scanner_->ask_version([this](Result<std::string> version) {
    if (version) {
      version_ = std::move(*version);
    } else {
      version_.reset();
    }
  });
}

}  // namespace gatepost::filters
