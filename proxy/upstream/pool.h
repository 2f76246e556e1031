#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "proxy/pop3/capa.h"
#include "proxy/upstream/server.h"

namespace gatepost::upstream {

/// Servers that know the same users. Immutable but for the servers' states; shared by all workers.
class Pool {
 public:
  Pool(const config::Pool& config, std::vector<Server> servers);

  struct Choice {
    const Server* server;  ///< valid as long as the pool
    Lease lease;
  };
  /// The server to ask next for `user` ("" when it is not known yet), none of `tried`: by the
  /// pool's balance among those of the smallest priority that are not down and not full, a server
  /// in its slow start getting less; when all of those were tried, one that is down, because that
  /// may be out of date. Nothing when all were tried or are full. With user_hash the same users
  /// (case-blind) come to the same servers in every process that names the servers alike, and one
  /// that is taken away moves only its own users.
  [[nodiscard]] std::optional<Choice> choose(std::string_view user,
                                             std::span<const Server* const> tried,
                                             Instant now) const;

  /// Why choose() took this server, for people: the balance, and for each other one that was not
  /// tried what kept it back, as of now. The first line is about the server.
  [[nodiscard]] std::string explain(const Server& chosen,
                                    std::span<const Server* const> tried) const;
  /// Other servers that explain() names; further ones it counts.
  static constexpr std::size_t kMaxServersTold = 8;
  /// Where the pool stands in the configuration: "/upstream", "/pools/NAME".
  [[nodiscard]] std::string path() const;

  /// What every server of the pool is known to offer; null when one that is not down was never
  /// asked. Before a login this is what clients may be promised.
  [[nodiscard]] std::optional<pop3::Capabilities> known_capabilities() const;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::span<const Server> servers() const { return servers_; }
  /// How many servers may be asked for one login.
  [[nodiscard]] std::size_t attempts() const { return attempts_; }
  [[nodiscard]] const config::HealthCheck& health_check() const { return health_check_; }

 private:
  [[nodiscard]] double share(const Server& server, Instant now) const;

  std::string name_;
  std::vector<Server> servers_;
  config::Balance balance_;
  Duration slow_start_;
  std::size_t attempts_;
  config::HealthCheck health_check_;
  mutable std::atomic<std::uint32_t> turn_;  // whose turn it is among equals
};

}  // namespace gatepost::upstream
