#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "proxy/base/error.h"
#include "proxy/upstream/pool.h"

namespace gatepost::server {

/// Servers found by DNS SRV records, by pool.
using Discovered = std::map<std::string, std::vector<config::PoolServer>>;

/// Makes pools ready for use, and keeps what is known of their servers over reloads.
class PoolMaker {
 public:
  /// Reads the files that the pool names. Fails with `config`, the JSON path in front.
  [[nodiscard]] Result<std::shared_ptr<const upstream::Pool>> make(const config::Pool& pool,
                                                                   const Discovered& discovered);

 private:
  [[nodiscard]] std::shared_ptr<upstream::ServerState> state(const std::string& key,
                                                             config::HealthCheck rules);
  std::map<std::string, std::weak_ptr<upstream::ServerState>> states_;  // by pool and address
};

/// Where the document says what the pool is: "/upstream" or "/pools/NAME".
[[nodiscard]] std::string path_of(const std::string& pool);

}  // namespace gatepost::server
