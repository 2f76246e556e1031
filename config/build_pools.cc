#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "config/build_parts.h"

namespace gatepost::config {

namespace {

constexpr std::size_t kMaxServers = 256;
constexpr std::size_t kMaxPools = 64;
constexpr std::size_t kMaxRoutes = 1000;
constexpr std::size_t kMaxPoolName = 64;

/// One server of `pool`, from the text at `path`. Says what is wrong with the address, and then
/// leaves the server out.
void add_server(const std::string& address, const std::string& path, PoolServer server, Pool& pool,
                PoolPlace& place, Findings& findings) {
  const std::uint16_t port = pool.tls == UpstreamTls::implicit ? 995 : 110;
  auto endpoint = build_peer(address, path, port, findings);
  if (!endpoint) return;
  server.address = std::move(*endpoint);
  pool.servers.push_back(std::move(server));
  place.servers.push_back(path);
}

void build_servers(const Reader& in, Pool& pool, PoolPlace& place, Findings& findings) {
  if (const auto address = in.text("address")) {
    add_server(*address, in.path_of("address"), {}, pool, place, findings);
  }
  in.for_each("servers", kMaxServers, [&](const Json& item, const std::string& path) {
    if (item.is_string()) {
      add_server(item.get<std::string>(), path, {}, pool, place, findings);
      return;
    }
    const Reader object(item, path, findings);
    PoolServer server;
    object.read("weight", server.weight);
    object.read("max_connections", server.max_connections);
    object.read("priority", server.priority);
    if (const auto address = object.text("address")) {
      add_server(*address, object.path_of("address"), server, pool, place, findings);
    }
  });
  in.read("srv", pool.srv);
}

/// Exactly one of the three ways to name servers.
void check_ways(const Reader& in, const Pool& pool) {
  const char* given = nullptr;
  for (const char* way : {"address", "servers", "srv"}) {
    if (in.find(way) == nullptr) continue;
    if (given != nullptr) {
      in.error(way, R"(only one of "address", "servers" and "srv" may be given, and )" +
                        quote(given) + " is");
    }
    given = way;
  }
  if (given != nullptr) return;
  in.error("address", pool.name == kUpstream
                          ? R"(missing (or the flag --upstream), or "servers", or "srv")"
                          : R"(missing, or "servers", or "srv")");
}

void build_pool(const Reader& in, std::string name, Built& built, Findings& findings) {
  Pool pool;
  PoolPlace place{in.path(), {}};
  pool.name = std::move(name);
  in.read<UpstreamTls>("tls", pool.tls,
                       {{"none", UpstreamTls::none},
                        {"starttls", UpstreamTls::starttls},
                        {"implicit", UpstreamTls::implicit}});
  if (in.is_object()) check_ways(in, pool);
  build_servers(in, pool, place, findings);
  in.read("verify", pool.verify);
  in.read("ca_file", pool.ca_file);
  in.read("server_name", pool.server_name);
  in.read("min_version", pool.min_version, kVersions);
  in.read("pins", pool.pins);
  in.read("certificate", pool.certificate);
  in.read("key", pool.key);
  in.read("resolve_every", pool.resolve_every);
  in.read<Balance>(
      "balance", pool.balance,
      {{"least_connections", Balance::least_connections}, {"user_hash", Balance::user_hash}});
  in.read("retries", pool.retries);
  in.read("slow_start", pool.slow_start);
  const Reader health = in.section("health_check");
  health.read("interval", pool.health_check.interval);
  health.read("rise", pool.health_check.rise);
  health.read("fall", pool.health_check.fall);
  in.read<ProxyProtocol>(
      "proxy_protocol", pool.proxy_protocol,
      {{"off", ProxyProtocol::off}, {"v1", ProxyProtocol::v1}, {"v2", ProxyProtocol::v2}});
  in.read("xclient", pool.xclient);
  in.read("initial_response", pool.initial_response);
  in.read<Utf8>("utf8", pool.utf8, {{"client", Utf8::client}, {"downgrade", Utf8::downgrade}});
  in.read("master_user", pool.master_user);
  in.read("master_password_file", pool.master_password_file);
  built.config.pools.push_back(std::move(pool));
  built.pools.push_back(std::move(place));
}

void build_route(const Reader& in, std::size_t number, Built& built) {
  Route route;
  route.name = "route " + std::to_string(number);
  in.read("name", route.name);
  in.read("listeners", route.listeners);
  in.read("server_names", route.server_names);
  in.read("networks", route.networks);
  in.read("certificates", route.certificates);
  in.read("domains", route.domains);
  in.read("users", route.users);
  in.read("pool", route.pool);
  in.read("user", route.user);
  in.read("lower_case", route.lower_case);
  in.read("default_domain", route.default_domain);
  in.read("chain", route.chain);
  in.read("retention", route.retention);
  in.read("device_suffix", route.device_suffix);
  built.config.routes.push_back(std::move(route));
  built.routes.push_back(in.path());
}

}  // namespace

std::optional<Endpoint> build_peer(const std::string& text, const std::string& path,
                                   std::uint16_t usual_port, Findings& findings) {
  const auto wrong = [&](const std::string& why) -> std::optional<Endpoint> {
    findings.error(path, why);
    return std::nullopt;
  };
  auto endpoint = Endpoint::parse(text, usual_port);
  if (!endpoint) return wrong(endpoint.error().detail);
  if (!endpoint->is_unix() && endpoint->host.empty()) {
    return wrong("names no host; for a server on this machine write 127.0.0.1:" +
                 std::to_string(endpoint->port));
  }
  if (!endpoint->is_unix() && endpoint->port == 0) return wrong("port 0 is no port to connect to");
  return *std::move(endpoint);
}

void build_pools(const Reader& root, Built& built, Findings& findings) {
  if (root.find(kUpstream) != nullptr || root.find("pools") == nullptr) {
    build_pool(root.section(kUpstream), kUpstream, built, findings);
  }
  const Json* pools = root.find("pools");
  if (pools == nullptr || !pools->is_object()) return;
  for (const auto& [name, pool] : pools->items()) {
    if (built.config.pools.size() > kMaxPools) break;
    if (name.size() > kMaxPoolName) continue;  // reported, and no text is to repeat it
    const std::string path = root.path_of("pools") + pointer_step(name);
    if (name == kUpstream) {
      findings.error(path, R"(this name is taken by the key "upstream" outside of "pools")");
    } else {
      build_pool({pool, path, findings}, name, built, findings);
    }
  }
}

void build_routes(const Reader& root, Built& built, Findings& findings) {
  root.for_each("routes", kMaxRoutes, [&](const Json& route, const std::string& path) {
    build_route({route, path, findings}, built.routes.size() + 1, built);
  });
  if (built.config.pools.empty() || built.config.pools.front().name != kUpstream) return;
  Route last;
  last.name = kUpstream;
  last.pool = kUpstream;
  built.config.routes.push_back(std::move(last));
  built.routes.push_back(root.path_of(kUpstream));
}

}  // namespace gatepost::config
