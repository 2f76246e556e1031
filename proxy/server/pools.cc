#include "proxy/server/pools.h"

#include <utility>

#include <fmt/format.h>

#include "proxy/tls/client_context.h"

namespace gatepost::server {

namespace {

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

/// TLS towards servers: one for each name that is expected of them.
Result<std::shared_ptr<const net::TlsLayer>> PoolMaker::layer(const config::Pool& pool,
                                                              const std::string& host,
                                                              OnBroken on_broken, Layers& made,
                                                              std::vector<FileProblem>& problems) {
  const std::string& name = pool.server_name.empty() ? host : pool.server_name;
  if (const auto known = made.find(name); known != made.end()) return known->second;
  auto context = tls::ClientContext::create(
      {.verify = pool.verify,
       .ca_file = pool.ca_file,
       .server_name = name,
       .min_version = pool.min_version == config::TlsVersion::tls1_3 ? tls::Version::tls1_3
                                                                     : tls::Version::tls1_2,
       .pins = pool.pins,
       .certificate_file = pool.certificate,
       .key_file = pool.key});
  if (context) return made.emplace(name, std::move(*context)).first->second;
  const Layers& before = layers_[pool.name];
  const auto good = before.find(name);
  if (on_broken == OnBroken::refuse || good == before.end()) {
    return fail(context.error().code,
                fmt::format("{}: {}", path_of(pool.name), context.error().detail));
  }
  problems.push_back({path_of(pool.name), context.error().detail});
  return made.emplace(*good).first->second;
}

Result<std::shared_ptr<const upstream::Pool>> PoolMaker::make(const config::Pool& pool,
                                                              const Discovered& discovered,
                                                              OnBroken on_broken,
                                                              std::vector<FileProblem>& problems) {
  std::erase_if(states_, [](const auto& entry) { return entry.second.expired(); });
  const auto found = discovered.find(pool.name);
  const std::vector<config::PoolServer>& listed =
      pool.srv.empty() || found == discovered.end() ? pool.servers : found->second;
  Layers layers;
  std::vector<upstream::Server> servers;
  for (const config::PoolServer& one : listed) {
    upstream::Server server;
    server.address = one.address;
    server.security = security(pool.tls);
    server.proxy_protocol = pool.proxy_protocol;
    server.xclient = pool.xclient;
    server.initial_response = pool.initial_response;
    server.utf8 = pool.utf8;
    server.weight = one.weight;
    server.max_connections = one.max_connections;
    server.priority = one.priority;
    server.state =
        state(fmt::format("{}/{}", pool.name, one.address.to_string()), pool.health_check);
    if (server.security != upstream::Security::none) {
      auto tls = layer(pool, one.address.host, on_broken, layers, problems);
      if (!tls) return std::unexpected(tls.error());
      server.tls = std::move(*tls);
    }
    servers.push_back(std::move(server));
  }
  layers_[pool.name] = std::move(layers);
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
