#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "proxy/upstream/opening.h"
#include "proxy/upstream/pool.h"

namespace gatepost::upstream {

/// Asks every server of some pools regularly: connection, TLS, greeting, CAPA, then QUIT. One for
/// the process, in the main loop; what it finds is in the servers' states. Servers are asked at
/// once after the start and then spread over the interval.
class HealthChecker {
 public:
  /// Told when a server goes up or down: pool, server, the problem ("" when it is up).
  using Changed =
      std::move_only_function<void(const Pool&, const Server&, std::string_view problem)>;

  HealthChecker(const Environment& environment, Changed changed);
  ~HealthChecker();

  /// Checks these from now on. A server that was checked before keeps its turn.
  void watch(std::vector<std::shared_ptr<const Pool>> pools, const config::Timeouts& timeouts);

 private:
  class Check;
  const Environment environment_;
  Changed changed_;
  std::vector<std::shared_ptr<const Pool>> pools_;
  config::Timeouts timeouts_;
  std::vector<std::unique_ptr<Check>> checks_;
};

}  // namespace gatepost::upstream
