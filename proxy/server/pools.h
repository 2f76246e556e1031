#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "proxy/base/error.h"
#include "proxy/net/transport.h"
#include "proxy/server/identities.h"
#include "proxy/upstream/pool.h"

namespace gatepost::server {

/// Servers found by DNS SRV records, by pool.
using Discovered = std::map<std::string, std::vector<config::PoolServer>>;

/// Makes pools ready for use, and keeps what is known of their servers over reloads.
class PoolMaker {
 public:
  /// Reads the files that the pool names. Fails with `config`, the JSON path in front. With
  /// OnBroken::keep TLS towards a server stays as it was made last when that fails, which
  /// `problems` tells; what was never made fails all the same.
  [[nodiscard]] Result<std::shared_ptr<const upstream::Pool>> make(
      const config::Pool& pool, const Discovered& discovered, OnBroken on_broken,
      std::vector<FileProblem>& problems);

 private:
  using Layers = std::map<std::string, std::shared_ptr<const net::TlsLayer>>;
  [[nodiscard]] Result<std::shared_ptr<const net::TlsLayer>> layer(
      const config::Pool& pool, const std::string& host, OnBroken on_broken, Layers& made,
      std::vector<FileProblem>& problems);
  [[nodiscard]] std::shared_ptr<upstream::ServerState> state(const std::string& key,
                                                             config::HealthCheck rules);
  std::map<std::string, std::weak_ptr<upstream::ServerState>> states_;  // by pool and address
  std::map<std::string, Layers> layers_;  // by pool and expected name, as made last
};

/// Where the document says what the pool is: "/upstream" or "/pools/NAME".
[[nodiscard]] std::string path_of(const std::string& pool);

}  // namespace gatepost::server
