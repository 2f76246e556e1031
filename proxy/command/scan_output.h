#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "proxy/command/scan_text.h"

namespace gatepost::command {

/// Where all workers of `gatepost scan` tell what they found: prints it in the order in which the
/// messages stand, on standard output; what else is to be said goes to standard error. Thread-safe.
class ScanOutput {
 public:
  /// Messages after one that takes its time that may be done before it is.
  static constexpr std::uint64_t kMaxAhead = 256;
  /// How often the progress is shown.
  static constexpr Duration kShowEvery{200};

  struct Options {
    bool json = false;
    bool progress = false;  ///< on standard error, which is a terminal
    std::uint64_t octets = 0;
    std::function<std::uint64_t()> octets_done;
  };
  explicit ScanOutput(Options options) : options_(std::move(options)) {}

  /// Waits until message `index` is not too far ahead. False: nobody reads any more, it is over.
  [[nodiscard]] bool may_begin(std::uint64_t index);
  /// Once for each index.
  void add(std::uint64_t index, const ScanReport& report);
  /// A line on standard error, once, however often it is said.
  void complain(const std::string& text);
  /// After the last: says what it was all together, if `summary`, and whether there was trouble.
  [[nodiscard]] bool finish(bool summary, Duration took);

 private:
  void print_ready();
  void print(const std::string& text);
  void show_progress();
  void clear_progress();
  void say(const std::string& text);

  Options options_;
  std::mutex mutex_;
  std::condition_variable moved_;
  std::map<std::uint64_t, std::string> ready_;  // by index
  std::uint64_t next_ = 0;                      // to be printed
  ScanTally tally_;
  std::set<std::string> said_;
  bool broken_ = false;
  bool complained_ = false;
  bool bar_ = false;  // one is to be seen
  Instant shown_{};
};

}  // namespace gatepost::command
