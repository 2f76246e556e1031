#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "filters/scan/scanner.h"
#include "tests/support/leak_check.h"

namespace gatepost::testing {

/// A scanner whose every scan waits until the test answers it. Answer outside of calls of the desk.
class FakeScanner : public filters::Scanner {
 public:
  /// Outlives the scanner; what the test looks at.
  struct Hand {
    struct Scan {
      filters::ScanJob job;
      Done done;
      LiveCount live{"FakeScanner scan"};
    };
    std::deque<std::shared_ptr<Scan>> scans;  // under way, oldest first
    std::size_t started = 0;
    std::size_t cancelled = 0;
    Result<std::string> version = std::string("1");
    VersionDone version_done;
    std::size_t versions_asked = 0;

    [[nodiscard]] std::string text() const {  // of the oldest, when it is in memory
      return std::string(scans.front()->job.message->memory());
    }
    void answer(filters::Verdict verdict) {
      const auto oldest = std::move(scans.front());
      scans.pop_front();
      oldest->done(std::move(verdict));
    }
    /// Bad and good sample, as an effective scanner would.
    void pass_self_test() {
      answer(filters::Verdict::of(filters::Cause::infected, "Sample"));
      answer(filters::Verdict::clean());
      tell_version();
    }
    void tell_version() {
      if (version_done) std::exchange(version_done, nullptr)(version);
    }
  };

  explicit FakeScanner(std::shared_ptr<Hand> hand) : hand_(std::move(hand)) {}

  [[nodiscard]] Ticket scan(filters::ScanJob job, Done done) override {
    auto scan = std::make_shared<Hand::Scan>();
    scan->job = std::move(job);
    scan->done = std::move(done);
    hand_->scans.push_back(scan);
    ++hand_->started;
    return Ticket([hand = hand_, weak = std::weak_ptr(scan)] {
      const auto gone = weak.lock();
      if (gone && std::erase(hand->scans, gone) > 0) ++hand->cancelled;
    });
  }
  [[nodiscard]] Ticket ask_version(VersionDone done) override {
    hand_->version_done = std::move(done);
    return Ticket([hand = hand_, asked = ++hand_->versions_asked] {
      if (asked == hand->versions_asked) hand->version_done = nullptr;
    });
  }

 private:
  std::shared_ptr<Hand> hand_;
};

}  // namespace gatepost::testing
