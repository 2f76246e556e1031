#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/build_parts.h"
#include "config/names.h"
#include "config/rules_parts.h"

namespace gatepost::config {

namespace {

bool depends_on_user(const Route& route) { return !route.domains.empty() || !route.users.empty(); }

/// Whether every login at its listeners fits.
bool takes_all(const Route& route) {
  return route.server_names.empty() && route.networks.empty() && route.certificates.empty() &&
         !depends_on_user(route);
}

bool is_for_everybody(const Route& route) { return route.listeners.empty() && takes_all(route); }

/// Where a trusted peer in front may end TLS, and say what it saw.
bool is_told_of_clients(const Config& config) {
  return std::ranges::any_of(config.listeners, [](const Listener& listener) {
    return listener.proxy_protocol || listener.xclient;
  });
}

void check_dns_names(const std::vector<std::string>& names, bool wildcards, const std::string& path,
                     Findings& findings) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::string_view name = names[i];
    if (wildcards && name.starts_with("*.")) name.remove_prefix(2);
    if (is_dns_name(name)) continue;
    findings.error(fmt::format("{}/{}", path, i),
                   fmt::format("{} is no DNS name{} (write letters beyond ASCII as \"xn--\")",
                               quote(names[i]), wildcards ? ", with or without \"*.\"" : ""));
  }
}

void check_user_form(const Route& route, const std::string& path, Findings& findings) {
  std::string fault = fault_of_user_form(route.user);
  if (!fault.empty()) findings.error(path + "/user", std::move(fault));
  if (route.default_domain.empty()) return;
  if (!is_dns_name(route.default_domain)) {
    findings.error(path + "/default_domain", quote(route.default_domain) + " is no DNS name");
  } else if (route.domains.empty() && route.user.find("{domain}") == std::string::npos) {
    findings.warning(path + "/default_domain",
                     R"(has no effect: there is no "domains", and no {domain} in "user")");
  }
}

void check_names(const Built& built, std::size_t index, Findings& findings) {
  const Config& config = built.config;
  const Route& route = config.routes[index];
  const std::string& path = built.routes[index];
  for (std::size_t i = 0; i < route.listeners.size(); ++i) {
    if (std::ranges::find(config.listeners, route.listeners[i], &Listener::name) ==
        config.listeners.end()) {
      findings.error(fmt::format("{}/listeners/{}", path, i),
                     "no listener has the name " + quote(route.listeners[i]));
    }
  }
  // One that is missing has been reported.
  if (!route.pool.empty() &&
      std::ranges::find(config.pools, route.pool, &Pool::name) == config.pools.end()) {
    findings.error(path + "/pool", "there is no pool " + quote(route.pool));
  }
}

void check_reach(const Built& built, Findings& findings) {
  const std::vector<Route>& routes = built.config.routes;
  const auto everybody = std::ranges::find_if(routes, is_for_everybody);
  const auto last = static_cast<std::size_t>(everybody - routes.begin());
  std::set<std::string_view> used;
  for (std::size_t i = 0; i < routes.size(); ++i) {
    if (i <= last) used.insert(routes[i].pool);
    // What "upstream" adds is judged as a pool, below.
    if (i <= last || built.routes[i] == pointer_step(kUpstream)) continue;
    findings.warning(built.routes[i], fmt::format("is never used: {}, before it, is for everybody",
                                                  built.routes[last]));
  }
  for (std::size_t i = 0; i < built.config.pools.size(); ++i) {
    if (used.contains(built.config.pools[i].name)) continue;
    findings.warning(built.pools[i].path, "no route leads here");
  }
}

void check_apop(const Built& built, Findings& findings) {
  for (std::size_t i = 0; i < built.config.listeners.size(); ++i) {
    const Listener& listener = built.config.listeners[i];
    if (!listener.apop) continue;
    for (std::size_t k = 0; k < built.config.routes.size(); ++k) {
      const Route& route = built.config.routes[k];
      if (!route.listeners.empty() &&
          std::ranges::find(route.listeners, listener.name) == route.listeners.end()) {
        continue;
      }
      if (takes_all(route)) break;
      if (!depends_on_user(route)) continue;
      findings.warning(fmt::format("/listeners/{}/apop", i),
                       fmt::format("before the greeting no user is known: who might be for {} is "
                                   "offered no APOP",
                                   built.routes[k]));
      break;
    }
  }
}

}  // namespace

void check_routes(const Built& built, Findings& findings) {
  const Config& config = built.config;
  if (config.routes.empty()) {
    findings.error("/routes", "missing: without \"upstream\", it is routes that lead to pools");
    return;
  }
  std::map<std::string_view, std::size_t> names;
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    const Route& route = config.routes[i];
    const std::string& path = built.routes[i];
    // What "upstream" adds has a name that was not asked for.
    const bool is_given = path != pointer_step(kUpstream);
    if (const auto [same, is_new] = names.emplace(route.name, i); !is_new && is_given) {
      findings.error(path + "/name",
                     fmt::format("{} already has this name", built.routes[same->second]));
    }
    check_names(built, i, findings);
    check_dns_names(route.server_names, true, path + "/server_names", findings);
    check_dns_names(route.domains, false, path + "/domains", findings);
    check_user_form(route, path, findings);
    if (!route.certificates.empty() && config.tls.client_certificates == ClientCertificates::off &&
        !is_told_of_clients(config)) {
      findings.warning(path + "/certificates",
                       "no client has a certificate: tls.client_certificates is \"off\"");
    }
  }
  check_reach(built, findings);
  check_apop(built, findings);
}

}  // namespace gatepost::config
