#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "proxy/upstream/opening.h"
#include "proxy/upstream/pool.h"

namespace gatepost::upstream {

/// Asks every server of some pools regularly: connection, TLS, greeting, CAPA, then QUIT. One for
/// the process, in the main loop; what it finds is in the servers' states. Servers are asked at
/// once after the start and then spread over the interval. With an interval of 0 a server is asked
/// once; only when that failed, or when logins have brought it down, it is asked again every
/// kLookAgain until it is up, because nothing else would bring it back.
class HealthChecker {
 public:
  /// Servers asked at the same time; others wait for their turn.
  static constexpr std::size_t kMaxAtOnce = 8;
  /// For a server to answer QUIT.
  static constexpr Duration kFarewell{5'000};
  static constexpr Duration kLookAgain{30'000};

  /// Told when a server goes up or down: pool, server, the problem ("" when it is up; otherwise it
  /// may hold the server's text). Called once for each change, also for one that logins have
  /// brought about (then at the server's next turn), never from inside watch(). Must not call
  /// watch() or destroy the checker.
  using Changed =
      std::move_only_function<void(const Pool&, const Server&, std::string_view problem)>;

  HealthChecker(const Environment& environment, Changed changed);
  ~HealthChecker();
  HealthChecker(const HealthChecker&) = delete;
  HealthChecker& operator=(const HealthChecker&) = delete;

  /// Checks these from now on. A server that was checked before keeps its turn. Servers that share
  /// their state are one.
  void watch(const std::vector<std::shared_ptr<const Pool>>& pools,
             const config::Timeouts& timeouts);

 private:
  class Check;
  void start_waiting();

  const Environment environment_;
  Changed changed_;
  config::Timeouts timeouts_;
  std::uint64_t turns_ = 0;  // given out to those who wait
  std::vector<std::unique_ptr<Check>> checks_;
};

}  // namespace gatepost::upstream
