#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/admin/facts.h"
#include "proxy/base/error.h"
#include "proxy/base/log.h"
#include "proxy/http/responder.h"

namespace gatepost::admin {

/// A trace that somebody wants.
struct TraceWish {
  std::string user;  ///< pattern, not empty
  std::chrono::seconds lasts{600};
  bool full = false;  ///< messages as they are
};

/// What an administrator may ask of the running process and have it do; the status page and
/// `gatepost ctl` come with their wishes here. Main thread. Whatever is done is logged, with
/// `by`: who asked ("uid 1000", "status page").
class Office {
 public:
  template <class T>
  using Then = std::move_only_function<void(T)>;

  /// Sessions that are told of at most, whatever a query says.
  static constexpr std::size_t kMaxSessions = 10'000;
  /// How long is waited for a worker that does not turn.
  static constexpr Duration kPatience{2'000};

  [[nodiscard]] virtual Status status() const = 0;
  /// `then` is called once, later or at once.
  virtual void sessions(SessionQuery query, Then<SessionList> then) = 0;

  /// Ends sessions now, without QUIT upstream: by id, or all that `user` matches (patterns; not
  /// empty). `then` gets how many there were.
  virtual void kick(std::vector<std::string> ids, std::string_view by, Then<std::size_t> then) = 0;
  virtual void kick_user(std::string user, std::string_view by, Then<std::size_t> then) = 0;
  /// As SIGTERM. Fails with `refused` while it is draining already.
  virtual Result<void> drain(std::string_view by) = 0;
  /// As SIGHUP. The error has what is wrong, a problem a line.
  virtual Result<void> reload(std::string_view by) = 0;
  /// As SIGUSR2. `then` is called when the new process is ready, or with why it is not.
  virtual void upgrade(std::string_view by, Then<Result<void>> then) = 0;
  /// What was decided for a session or a message, and by which rules: text, or JSON. `id` is
  /// "0-1f", "0-1f/3" or "q17".
  virtual void explain(std::string id, bool json, Then<std::string> then) = 0;
  /// The last sessions of a user, in the same way.
  virtual void explain_user(std::string user, bool json, Then<std::string> then) = 0;
  /// Until the next reload or restart.
  virtual void set_log_level(LogLevel level, std::string_view by) = 0;
  /// Takes down the sessions that begin from now on, as proxy/trace writes them, for as long as is
  /// wished or until the client goes. Answers `responder`, unless it fails: with `limit` while
  /// there are too many traces.
  virtual Result<void> trace(TraceWish wish, std::string_view by, http::Responder& responder) = 0;

 protected:
  ~Office() = default;
};

}  // namespace gatepost::admin
