#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/error.h"
#include "proxy/base/ticket.h"
#include "proxy/base/timer.h"
#include "proxy/net/client_facts.h"
#include "proxy/session/services.h"
#include "proxy/session/tape.h"
#include "proxy/trace/event.h"

namespace gatepost::trace {

/// Whom a trace is of, and how.
struct Order {
  std::string user;                 ///< pattern with * and ? for the name; empty: any
  std::optional<IpNetwork> client;  ///< only clients from there
  Options options;
  std::chrono::seconds lasts{600};  ///< 1 … TraceDesk::kMaxTime
};

/// Where a trace goes. Called in the worker's thread; must not call back, and not wait.
class Sink {
 public:
  virtual ~Sink() = default;
  /// One event as a line, with its line end. False: there is no room; the line is lost, and the
  /// trace says so as soon as there is room again.
  [[nodiscard]] virtual bool take(std::string_view line) = 0;
  /// The trace is over by itself: "time", "octets" or "sessions" (its limit). Nothing follows.
  virtual void over(std::string_view why) = 0;
};

namespace detail {
struct Trace;
}  // namespace detail

/// Takes one session down for all traces that may want it. What it hears before it is known whose
/// session it is, it keeps; if it is somebody else's, it forgets it and listens no longer.
class Recording : public session::Tape {
 public:
  /// Octets of lines that are kept of a session until it is known whose it is.
  static constexpr std::size_t kMaxBacklog = 256 * 1024;
  /// Octets that wait for the end of the line they are in, or for a line before them; then that
  /// line becomes asterisks.
  static constexpr std::size_t kMaxHeld = 256 * 1024;
  /// `tape` is this.
  [[nodiscard]] virtual const session::Services& services() const = 0;
};

/// The traces of one worker, and what of its sessions goes into them. For the worker's thread.
class TraceDesk {
 public:
  /// At once.
  static constexpr std::size_t kMaxTraces = 4;
  /// Octets of the lines of one trace, of this worker.
  static constexpr std::size_t kMaxOctets = 16 * 1024 * 1024;
  /// Sessions that one trace follows to their end, of this worker.
  static constexpr std::size_t kMaxSessions = 100;
  static constexpr std::chrono::seconds kMaxTime{24 * 3600};

  explicit TraceDesk(TimerService& timers) : timers_(timers) {}
  ~TraceDesk();
  TraceDesk(const TraceDesk&) = delete;
  TraceDesk& operator=(const TraceDesk&) = delete;

  /// Begins a trace, of sessions that begin from now on. It ends when the ticket goes, or by
  /// itself. Fails with `limit` when there are kMaxTraces already.
  [[nodiscard]] Result<Ticket> begin(Order order, std::shared_ptr<Sink> sink);
  /// A session that is about to begin: null when no trace may want it. Otherwise the session is to
  /// be given the recording's services() in place of `services`, and outlived by it; it keeps a
  /// copy of them.
  [[nodiscard]] std::unique_ptr<Recording> record(std::string_view id,
                                                  const session::Services& services,
                                                  const session::Settings& settings,
                                                  const net::ClientFacts& facts);

 private:
  TimerService& timers_;
  std::vector<std::shared_ptr<detail::Trace>> traces_;
};

}  // namespace gatepost::trace
