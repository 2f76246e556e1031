#include "proxy/server/pools.h"

#include <utility>

#include <fmt/format.h>

#include "proxy/tls/client_context.h"

namespace gatepost::server {

namespace {

/// TLS towards servers, one for each name that is expected of them.
class Contexts {
 public:
  explicit Contexts(const config::Pool& pool) : pool_(pool) {}

  Result<std::shared_ptr<const net::TlsLayer>> expecting(const std::string& host) {
    const std::string& name = pool_.server_name.empty() ? host : pool_.server_name;
    if (const auto known = made_.find(name); known != made_.end()) return known->second;
    auto context = tls::ClientContext::create(
        {.verify = pool_.verify,
         .ca_file = pool_.ca_file,
         .server_name = name,
         .min_version = pool_.min_version == config::TlsVersion::tls1_3 ? tls::Version::tls1_3
                                                                        : tls::Version::tls1_2,
         .pins = pool_.pins,
         .certificate_file = pool_.certificate,
         .key_file = pool_.key});
    if (!context) return std::unexpected(context.error());
    made_.emplace(name, *context);
    return *context;
  }

 private:
  const config::Pool& pool_;
  std::map<std::string, std::shared_ptr<const net::TlsLayer>> made_;
};

upstream::Security security(config::UpstreamTls tls) {
  switch (tls) {
    case config::UpstreamTls::none:
      return upstream::Security::none;
    case config::UpstreamTls::starttls:
      return upstream::Security::stls;
    case config::UpstreamTls::implicit:
      return upstream::Security::implicit;
  }
  return upstream::Security::none;
}

}  // namespace

std::string path_of(const std::string& pool) {
  return pool == "upstream" ? "/upstream" : "/pools/" + pool;
}

Result<std::shared_ptr<const upstream::Pool>> PoolMaker::make(const config::Pool& pool,
                                                              const Discovered& discovered) {
  std::erase_if(states_, [](const auto& entry) { return entry.second.expired(); });
  const auto found = discovered.find(pool.name);
  const std::vector<config::PoolServer>& listed =
      pool.srv.empty() || found == discovered.end() ? pool.servers : found->second;
  Contexts contexts(pool);
  std::vector<upstream::Server> servers;
  for (const config::PoolServer& one : listed) {
    upstream::Server server;
    server.address = one.address;
    server.security = security(pool.tls);
    server.proxy_protocol = pool.proxy_protocol;
    server.xclient = pool.xclient;
    server.initial_response = pool.initial_response;
    server.weight = one.weight;
    server.max_connections = one.max_connections;
    server.priority = one.priority;
    server.state =
        state(fmt::format("{}/{}", pool.name, one.address.to_string()), pool.health_check);
    if (server.security != upstream::Security::none) {
      auto context = contexts.expecting(one.address.host);
      if (!context) {
        return fail(context.error().code,
                    fmt::format("{}: {}", path_of(pool.name), context.error().detail));
      }
      server.tls = std::move(*context);
    }
    servers.push_back(std::move(server));
  }
  return std::make_shared<const upstream::Pool>(pool, std::move(servers));
}

std::shared_ptr<upstream::ServerState> PoolMaker::state(const std::string& key,
                                                        config::HealthCheck rules) {
  std::weak_ptr<upstream::ServerState>& known = states_[key];
  std::shared_ptr<upstream::ServerState> state = known.lock();
  if (state) {
    state->set_rules(rules);
  } else {
    known = state = std::make_shared<upstream::ServerState>(rules);
  }
  return state;
}

}  // namespace gatepost::server
