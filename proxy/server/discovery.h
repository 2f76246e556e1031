#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "proxy/base/log.h"
#include "proxy/base/ticket.h"
#include "proxy/net/loop.h"
#include "proxy/server/pools.h"

namespace gatepost::server {

/// The servers that DNS names for `pool.srv`: `_pop3s._tcp` with implicit TLS, `_pop3._tcp`
/// otherwise. Blocks.
[[nodiscard]] Result<std::vector<config::PoolServer>> look_up_servers(const config::Pool& pool);

/// Keeps the servers of pools that are named by DNS SRV records (RFC 6186). When a look-up fails,
/// the servers found before stay in use.
class Discovery {
 public:
  Discovery(net::Loop& loop, Log& log, std::move_only_function<void()> changed);
  ~Discovery();

  /// Looks up what `found` does not have yet. Blocks; a failure is logged, and the pool is empty
  /// until a later look-up.
  void find_now(const config::Config& config, Discovered& found);
  /// From now on every pool is looked up again after its resolve_every. When the answer differs
  /// from what is in `found`, that is changed and `changed` called. `found` outlives this.
  void watch(const config::Config& config, Discovered& found);

 private:
  class Watched;
  void failed(const config::Pool& pool, const Error& error);
  Log& log_;
  net::Loop& loop_;
  std::move_only_function<void()> changed_;
  std::map<std::string, std::unique_ptr<Watched>> watched_;
};

}  // namespace gatepost::server
