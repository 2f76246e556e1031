#include "proxy/server/snapshot.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "proxy/admin/token.h"
#include "proxy/tls/server_context.h"
#include "proxy/tls/ticket_keys.h"

namespace gatepost::server {

namespace {

/// Says which part of the configuration named the file that an error is about.
std::unexpected<Error> at(std::string_view path, const Error& error) {
  return fail(error.code, fmt::format("{}: {}", path, error.detail));
}

tls::PeerCertificate peer_certificate(config::ClientCertificates mode) {
  switch (mode) {
    case config::ClientCertificates::off:
      return tls::PeerCertificate::off;
    case config::ClientCertificates::optional:
      return tls::PeerCertificate::optional;
    case config::ClientCertificates::required:
      return tls::PeerCertificate::required;
  }
  return tls::PeerCertificate::off;
}

Result<ClientTls> make_client_tls(const config::Config& config, const Holdings& holdings,
                                  const Snapshot& snapshot) {
  ClientTls made;
  if (!config.needs_certificate()) return made;
  tls::ServerOptions options;
  options.identities = snapshot.identities;
  options.min_version = config.tls.min_version == config::TlsVersion::tls1_3 ? tls::Version::tls1_3
                                                                             : tls::Version::tls1_2;
  options.client_certificates = peer_certificate(config.tls.client_certificates);
  options.client_ca_file = config.tls.client_ca_file;
  options.tickets = holdings.tickets;
  auto modern = tls::ServerContext::create(options);
  if (!modern) return at("/tls", modern.error());
  made.modern = std::move(*modern);
  const bool legacy_wanted = std::ranges::any_of(
      config.listeners, [](const auto& listener) { return !listener.legacy_tls_networks.empty(); });
  if (!legacy_wanted) return made;
  options.profile = tls::Profile::legacy;
  auto legacy = tls::ServerContext::create(options);
  if (!legacy) return at("/tls", legacy.error());
  made.legacy = std::move(*legacy);
  return made;
}

/// The same, or what was made last.
Result<ClientTls> client_tls_for(const config::Config& config, Holdings& holdings,
                                 OnBroken on_broken, Snapshot& snapshot) {
  auto made = make_client_tls(config, holdings, snapshot);
  if (made) return holdings.client_tls = std::move(*made);
  if (on_broken == OnBroken::refuse || !holdings.client_tls.modern) return made;
  snapshot.problems.push_back({config.tls.client_ca_file, made.error().detail});
  return holdings.client_tls;
}

Result<void> read_identities(const config::Config& config, Holdings& holdings, OnBroken on_broken,
                             Snapshot& snapshot) {
  if (!config.needs_certificate()) return {};
  auto loaded = holdings.identities.load(config.tls, on_broken);
  if (!loaded) return std::unexpected(loaded.error());
  snapshot.identities = std::move(loaded->identities);
  snapshot.problems = std::move(loaded->problems);
  return {};
}

Result<void> load_ticket_keys(const config::Config& config, OnBroken on_broken,
                              Snapshot& snapshot) {
  const std::string& file = config.tls.ticket_key_file;
  if (file.empty() || !config.needs_certificate()) return {};
  auto keys = tls::read_ticket_keys(file);
  if (keys) {
    snapshot.ticket_keys = std::move(*keys);
    return {};
  }
  if (on_broken == OnBroken::refuse) return at("/tls/ticket_key_file", keys.error());
  snapshot.problems.push_back({file, keys.error().detail});
  return {};
}

Result<void> load_admin_token(const config::Config& config, Holdings& holdings, OnBroken on_broken,
                              Snapshot& snapshot) {
  const std::string& file = config.admin.token_file;
  if (file.empty()) return {};
  auto token = admin::read_token(file);
  if (token) {
    holdings.admin_token = *token;
  } else if (on_broken == OnBroken::refuse || !holdings.admin_token) {
    return at("/admin/token_file", token.error());
  } else {
    snapshot.problems.push_back({file, token.error().detail});
  }
  snapshot.admin_token = holdings.admin_token;
  return {};
}

Result<std::shared_ptr<const filters::Chain>> find_chain(const std::string& name,
                                                         const Chains& chains) {
  const auto chain = chains.by_name.find(name);
  if (chain != chains.by_name.end()) return chain->second;
  return fail(ErrorCode::config, fmt::format("no chain is called {}", name));
}

/// Not set where the listener's counts.
Result<std::optional<std::shared_ptr<const filters::Chain>>> chain_of(const config::Route& route,
                                                                      const Chains& chains) {
  if (route.chain.empty()) return std::nullopt;
  if (route.chain == "none") return nullptr;
  return find_chain(route.chain, chains);
}

/// The same of policies.
Result<std::optional<Policies::Policy>> policy_of(const config::Route& route,
                                                  const Policies& policies) {
  if (route.retention.empty()) return std::nullopt;
  return policies.find(route.retention);
}

Result<std::shared_ptr<const upstream::Router>> make_router(const config::Config& config,
                                                            Holdings& holdings, OnBroken on_broken,
                                                            Snapshot& snapshot) {
  for (const config::Pool& pool : config.pools) {
    auto made = holdings.pools.make(pool, holdings.discovered, on_broken, snapshot.problems);
    if (!made) return std::unexpected(made.error());
    snapshot.pools.push_back(std::move(*made));
  }
  // The loader puts a last route behind those of the document: see config::Config::routes.
  const bool has_usual = !config.pools.empty() && config.pools.front().name == "upstream";
  std::vector<upstream::Route> routes;
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    const config::Route& route = config.routes[i];
    const auto pool = std::ranges::find(snapshot.pools, route.pool, &upstream::Pool::name);
    if (pool == snapshot.pools.end()) {
      return fail(ErrorCode::config, fmt::format("/routes: no pool is called {}", route.pool));
    }
    auto chain = chain_of(route, snapshot.chains);
    if (!chain) return at(fmt::format("/routes/{}/chain", i), chain.error());
    auto policy = policy_of(route, snapshot.policies);
    if (!policy) return at(fmt::format("/routes/{}/retention", i), policy.error());
    routes.push_back({.conditions = route,
                      .form = upstream::UserForm(route.user, route.lower_case, route.default_domain,
                                                 route.device_suffix),
                      .pool = *pool,
                      .chain = std::move(*chain),
                      .retention = std::move(*policy),
                      .path = has_usual && i + 1 == config.routes.size()
                                  ? std::string("/upstream")
                                  : fmt::format("/routes/{}", i)});
  }
  return std::make_shared<const upstream::Router>(std::move(routes));
}

std::shared_ptr<const session::Settings> make_settings(
    const config::Listener& listener, std::string path, const config::Config& config,
    const ClientTls& client_tls, std::shared_ptr<const upstream::Router> router,
    std::shared_ptr<const filters::Chain> chain, Policies::Policy policy) {
  auto settings = std::make_shared<session::Settings>();
  settings->listener = listener.name;
  settings->path = std::move(path);
  settings->client_tls_mode = listener.tls;
  if (listener.tls != config::ListenerTls::none) {
    settings->client_tls = client_tls.modern;
    settings->legacy_tls = client_tls.legacy;
    settings->legacy_tls_networks = listener.legacy_tls_networks;
  }
  settings->cleartext_login_networks = listener.cleartext_login_networks;
  settings->xclient = listener.xclient;
  settings->trusted_networks = listener.trusted_networks;
  settings->apop = listener.apop;
  settings->implementation = listener.implementation;
  settings->router = std::move(router);
  settings->chain = std::move(chain);
  settings->retention = std::move(policy);
  settings->timeouts = config.timeouts;
  settings->limits = config.limits;
  return settings;
}

}  // namespace

Result<std::shared_ptr<const Snapshot>> make_snapshot(const config::Config& config,
                                                      Holdings& holdings, OnBroken on_broken) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->config = config;
  if (auto read = read_identities(config, holdings, on_broken, *snapshot); !read) {
    return std::unexpected(read.error());
  }
  if (auto read = load_ticket_keys(config, on_broken, *snapshot); !read) {
    return std::unexpected(read.error());
  }
  if (auto read = load_admin_token(config, holdings, on_broken, *snapshot); !read) {
    return std::unexpected(read.error());
  }
  const auto client_tls = client_tls_for(config, holdings, on_broken, *snapshot);
  if (!client_tls) return std::unexpected(client_tls.error());
  auto chains = holdings.chains.make(config, on_broken, snapshot->problems);
  if (!chains) return std::unexpected(chains.error());
  snapshot->chains = std::move(*chains);
  snapshot->policies = holdings.policies.make(config);
  const auto router = make_router(config, holdings, on_broken, *snapshot);
  if (!router) return std::unexpected(router.error());
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const config::Listener& listener = config.listeners[i];
    std::shared_ptr<const filters::Chain> chain;
    if (!listener.chain.empty()) {
      auto found = find_chain(listener.chain, snapshot->chains);
      if (!found) return at(fmt::format("/listeners/{}/chain", i), found.error());
      chain = std::move(*found);
    }
    auto policy = snapshot->policies.find(listener.retention);
    if (!policy) return at(fmt::format("/listeners/{}/retention", i), policy.error());
    snapshot->listeners.push_back(
        {listener, make_settings(listener, fmt::format("/listeners/{}", i), config, *client_tls,
                                 *router, std::move(chain), *std::move(policy))});
  }
  return snapshot;
}

std::vector<std::string> watched_files(const config::Config& config) {
  std::vector<std::string> files;
  const auto add = [&files](const std::string& file) {
    if (!file.empty()) files.push_back(file);
  };
  if (config.needs_certificate()) {
    for (const config::Certificate& one : config.tls.certificates) {
      add(one.certificate);
      add(one.key);
      add(one.ocsp);
    }
    for (const std::string& folder : config.tls.certificate_folders) add(folder);
    add(config.tls.ticket_key_file);
    add(config.tls.client_ca_file);
  }
  add(config.admin.token_file);
  for (const config::Pool& pool : config.pools) {
    add(pool.ca_file);
    add(pool.certificate);
    add(pool.key);
  }
  for (const config::Scanner& scanner : config.scanners) {
    if (scanner.tls) add(scanner.ca_file);
  }
  for (const config::Chain& chain : config.chains) {
    add(chain.notice.text_file);
    add(chain.notice.html_file);
  }
  return files;
}

std::vector<std::string> files_read_again(const Snapshot& snapshot) {
  std::vector<std::string> files = watched_files(snapshot.config);
  const std::string& key_file = snapshot.config.retention.key_file;
  if (!key_file.empty() && retention_needs(snapshot.config).books) files.push_back(key_file);
  for (const auto& identity : snapshot.identities) {
    const tls::IdentityFiles& found = identity->files();
    for (const std::string& file : {found.certificate, found.key, found.ocsp}) {
      if (!file.empty() && std::ranges::find(files, file) == files.end()) files.push_back(file);
    }
  }
  return files;
}

}  // namespace gatepost::server
