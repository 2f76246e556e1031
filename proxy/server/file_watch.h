#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/timer.h"

namespace gatepost::server {

/// Notices that files have changed, by looking at them now and then: written anew, renamed over,
/// or reached through a link that points elsewhere now (as Kubernetes swaps Secrets). Folders count
/// with what they hold, one level of subfolders included.
class FileWatch {
 public:
  /// After a change: until nothing changes any more, looks come so often. What is half written is
  /// not worth a look.
  static constexpr Duration kSettle{1'000};
  /// Entries of one folder that are looked at.
  static constexpr std::size_t kMaxEntries = 4096;

  FileWatch(TimerService& timers, std::move_only_function<void()> changed);

  /// From now on these, every `every`; 0 stops watching. What they are now counts as seen.
  /// Call it before the files are read.
  void watch(std::vector<std::string> paths, Duration every);
  /// What was seen was not put to use: the next look tells of a change, whether there is one or
  /// not.
  void forget() { seen_ = "nothing"; }

 private:
  void look();
  [[nodiscard]] std::string signature() const;

  std::move_only_function<void()> changed_;
  std::vector<std::string> paths_;
  Duration every_{0};
  std::string seen_;      // as of the last watch() or changed_()
  std::string settling_;  // as of the last look, while it differs from seen_
  std::unique_ptr<Timer> timer_;
};

}  // namespace gatepost::server
