#include "proxy/server/discovery.h"

#include <algorithm>
#include <utility>

#include "proxy/net/srv_lookup.h"

namespace gatepost::server {

namespace {

/// For one look-up; the resolver's own patience may be longer.
constexpr Duration kLimit{30'000};

net::SrvQuery query(const config::Pool& pool) {
  const bool implicit = pool.tls == config::UpstreamTls::implicit;
  return {.service = implicit ? "pop3s" : "pop3", .domain = pool.srv};
}

std::vector<config::PoolServer> servers_of(const net::SrvTargets& targets) {
  std::vector<config::PoolServer> servers;
  for (const net::SrvTarget& target : targets) {
    config::PoolServer server;
    server.address.host = target.host;
    server.address.port = target.port;
    server.weight = std::max<std::uint32_t>(target.weight, 1);
    server.priority = target.priority;
    const bool twice =
        std::ranges::find(servers, server.address, &config::PoolServer::address) != servers.end();
    if (!twice) servers.push_back(std::move(server));
  }
  return servers;
}

}  // namespace

Result<std::vector<config::PoolServer>> look_up_servers(const config::Pool& pool) {
  const auto targets = net::lookup_srv(query(pool));
  if (!targets) return std::unexpected(targets.error());
  return servers_of(*targets);
}

/// One pool that is looked up again and again.
class Discovery::Watched {
 public:
  Watched(Discovery& home, config::Pool pool, Discovered& found)
      : home_(home),
        pool_(std::move(pool)),
        found_(found),
        timer_(home.loop_.make_timer([this] { look_up(); })) {
    timer_->start(pool_.resolve_every);
  }
  [[nodiscard]] bool asks_as(const config::Pool& pool) const {
    return pool_.srv == pool.srv && pool_.tls == pool.tls &&
           pool_.resolve_every == pool.resolve_every;
  }

 private:
  void look_up() {
    timer_->start(pool_.resolve_every + kLimit);  // should no answer come at all
    auto lookup = net::lookup_srv(home_.loop_, query(pool_), kLimit,
                                  [this](auto targets) { answered(std::move(targets)); });
    if (lookup) {
      lookup_ = std::move(*lookup);
    } else {
      home_.failed(pool_, lookup.error());
    }
  }

  void answered(Result<net::SrvTargets> targets) {
    timer_->start(pool_.resolve_every);
    if (!targets) return home_.failed(pool_, targets.error());
    std::vector<config::PoolServer> servers = servers_of(*targets);
    std::vector<config::PoolServer>& known = found_[pool_.name];
    if (servers == known) return;
    known = std::move(servers);
    home_.changed_();  // may destroy this
  }

  Discovery& home_;
  const config::Pool pool_;
  Discovered& found_;
  std::unique_ptr<Timer> timer_;
  Ticket lookup_;
};

Discovery::Discovery(net::Loop& loop, Log& log, std::move_only_function<void()> changed)
    : log_(log), loop_(loop), changed_(std::move(changed)) {}

Discovery::~Discovery() = default;

void Discovery::find_now(const config::Config& config, Discovered& found) {
  for (const config::Pool& pool : config.pools) {
    if (pool.srv.empty() || found.contains(pool.name)) continue;
    auto servers = look_up_servers(pool);
    if (servers) {
      found[pool.name] = std::move(*servers);
    } else {
      failed(pool, servers.error());
    }
  }
}

void Discovery::watch(const config::Config& config, Discovered& found) {
  std::map<std::string, std::unique_ptr<Watched>> before = std::exchange(watched_, {});
  for (const config::Pool& pool : config.pools) {
    if (pool.srv.empty()) continue;
    std::unique_ptr<Watched>& watched = watched_[pool.name];
    watched = std::move(before[pool.name]);
    // One that stays keeps its turn: reloads must not put it off again and again.
    if (watched && watched->asks_as(pool)) continue;
    watched = std::make_unique<Watched>(*this, pool, found);
  }
}

void Discovery::failed(const config::Pool& pool, const Error& error) {
  log_.warning("srv_failed",
               {{"pool", pool.name}, {"domain", pool.srv}, {"problem", error.detail}});
}

}  // namespace gatepost::server
