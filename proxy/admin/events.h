#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <optional>

#include "proxy/admin/figures.h"
#include "proxy/admin/office.h"
#include "proxy/base/timer.h"
#include "proxy/http/responder.h"

namespace gatepost::admin {

/// Live figures for pages that watch (server-sent events, HTML Standard section 9.2). While nobody
/// watches nothing is counted.
class Events {
 public:
  /// Pages that watch at once; one more gets 503.
  static constexpr std::size_t kMaxStreams = 16;
  /// Between two events.
  static constexpr Duration kInterval{2'000};
  /// Of one stream, then it ends. Browsers connect again.
  static constexpr Duration kMaxAge{10 * 60'000};

  /// Both outlive it.
  Events(const Office& office, TimerService& clock);

  /// Answers with events from now on, the first at once.
  void watch(http::Responder responder);
  /// Ends all streams. Browsers connect again: to whom they reach then.
  void end_all() { streams_.clear(); }
  [[nodiscard]] std::size_t streams() const { return streams_.size(); }

 private:
  struct Watching {
    http::Stream stream;
    Instant since;
  };
  struct Seen {
    Status status;
    Instant at;
  };
  void tick();

  const Office& office_;
  TimerService& clock_;
  std::list<Watching> streams_;
  std::optional<Seen> seen_;  // at the last tick, for rates
  std::unique_ptr<Timer> timer_;
};

}  // namespace gatepost::admin
