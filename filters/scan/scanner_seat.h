#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "filters/scan/scan_desk.h"

namespace gatepost::filters {

/// One scanner at the desk of one worker: a limit of scans at once, a queue, the self-test, the
/// breaker. A scanner is asked only while its last self-test found the known-bad sample and called
/// the known-good one clean. Trouble makes that doubtful: then messages wait for another self-test,
/// and after too much trouble in a row nobody is asked for a while.
class ScannerSeat {
 public:
  /// After a self-test failed scans are answered without asking for so long.
  static constexpr Duration kRetest{1'000};
  /// How old the version may be that remembered verdicts depend on.
  static constexpr Duration kVersionEvery{10'000};

  using Done = std::move_only_function<void(Verdict)>;

  ScannerSeat(std::shared_ptr<const ScannerKind> kind, std::unique_ptr<Scanner> scanner,
              const ScannerTools& tools, Log& log);
  ~ScannerSeat();
  ScannerSeat(const ScannerSeat&) = delete;
  ScannerSeat& operator=(const ScannerSeat&) = delete;

  /// `done` is called once, later, within `limit` and the scanner's own time-out; waiting for a
  /// place counts. Not at all once the ticket is gone, which may outlive the seat.
  [[nodiscard]] Ticket ask(const ScanJob& job, Duration limit, Done done);
  /// Set while effective and known.
  [[nodiscard]] const std::optional<std::string>& version() const { return version_; }
  [[nodiscard]] bool effective() const { return standing_ == Standing::effective; }
  /// Nobody waits for a verdict.
  [[nodiscard]] bool idle() const { return scans_.empty(); }

 private:
  enum class Standing : std::uint8_t {
    testing,
    effective,
    failed,  ///< the last self-test did
    open,    ///< the breaker: not even tested until its pause is over
  };
  struct Scan;
  struct Tests;

  void start(const std::shared_ptr<Scan>& scan);
  void finish(const std::shared_ptr<Scan>& scan, Verdict verdict);
  void leave(const std::shared_ptr<Scan>& scan);
  void note(const Verdict& verdict);
  void fill_places();
  void begin_test();
  void on_bad_sample(const Verdict& verdict);
  void on_good_sample(const Verdict& verdict);
  void test_ended(Standing standing, std::string problem);
  void ask_version();
  void answer_all(const Verdict& verdict);

  const std::shared_ptr<const ScannerKind> kind_;
  const ScannerTools tools_;
  Log& log_;
  std::unique_ptr<Scanner> scanner_;
  const std::size_t places_;
  const std::size_t queue_;
  Standing standing_ = Standing::testing;
  std::string problem_;             // of the last self-test
  std::optional<bool> known_good_;  // what the log and the counters say
  std::uint32_t failures_ = 0;      // in a row
  std::size_t running_ = 0;
  std::deque<std::shared_ptr<Scan>> waiting_;
  std::vector<std::shared_ptr<Scan>> scans_;  // waiting, running, or about to be told
  std::unique_ptr<Tests> tests_;
  std::unique_ptr<Timer> tester_;
  Instant tested_;
  std::optional<std::string> version_;
  Instant version_asked_;
  Ticket version_ticket_;
};

}  // namespace gatepost::filters
