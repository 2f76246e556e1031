#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "config/local.h"
#include "config/rules_parts.h"

namespace gatepost::config {

namespace {

std::string listener_path(std::size_t index) { return fmt::format("/listeners/{}", index); }

/// Clients whose address is known, so that a list of networks can name them.
bool has_networks(const Listener& listener) {
  return !listener.address.is_unix() || listener.proxy_protocol;
}

void check_tls_networks(const Listener& listener, const std::string& path, Findings& findings) {
  constexpr const char* kNoNetwork = "the clients of a Unix socket have no network";
  if (!listener.cleartext_login_networks.empty()) {
    const std::string where = path + "/cleartext_login_networks";
    if (listener.tls != ListenerTls::starttls) {
      findings.error(where, "only a listener with tls \"starttls\" can exempt networks from it");
    } else if (!has_networks(listener)) {
      findings.error(where, kNoNetwork);
    }
  }
  if (!listener.legacy_tls_networks.empty()) {
    const std::string where = path + "/legacy_tls_networks";
    if (listener.tls == ListenerTls::none) {
      findings.error(where, "this listener speaks no TLS, neither old nor new");
    } else if (!has_networks(listener)) {
      findings.error(where, kNoNetwork);
    } else {
      findings.warning(where, "TLS 1.0, TLS 1.1 and old cipher suites are offered to these");
    }
  }
}

/// Who may say that a client is somebody else.
void check_trust(const Listener& listener, const std::string& path, Findings& findings) {
  const bool believes = listener.proxy_protocol || listener.xclient;
  const std::string where = path + "/trusted_networks";
  if (listener.trusted_networks.empty()) {
    if (believes && !listener.address.is_unix()) {
      findings.error(where, fmt::format("missing (or the flag --trusted-network): {} believes what "
                                        "it is told of the client, but not by just anybody",
                                        listener.proxy_protocol ? "proxy_protocol" : "xclient"));
    }
    return;
  }
  if (listener.address.is_unix()) {
    findings.error(where,
                   "the clients of a Unix socket have no network; whoever may open it is "
                   "trusted");
  } else if (!believes) {
    findings.warning(where, "has no effect without proxy_protocol or xclient");
  } else if (std::ranges::any_of(listener.trusted_networks, [](const IpNetwork& network) {
               return network.to_string().ends_with("/0");
             })) {
    findings.warning(where, "everybody may claim to be any client");
  }
}

void check_listener(const Listener& listener, bool has_address, const std::string& path,
                    Findings& findings) {
  check_tls_networks(listener, path, findings);
  if (!has_address) return;
  check_trust(listener, path, findings);
  if (listener.unix_mode != Listener().unix_mode && !listener.address.is_unix()) {
    findings.error(path + "/unix_mode", "only a Unix socket (unix:/path) has permissions");
  }
  if (listener.tls == ListenerTls::none && !is_local(listener.address)) {
    findings.warning(path + "/tls", fmt::format("passwords and mail travel in plain text on {}",
                                                listener.address.to_string()));
  }
}

/// The addresses that a listener takes. With SO_REUSEPORT the kernel would give one to two
/// listeners without a word; and the server knows a listener by its address, port 0 or not.
std::vector<std::string> claims(const Endpoint& address) {
  if (!address.is_unix() && address.host.empty() && address.port != 0) {
    return {fmt::format("0.0.0.0:{}", address.port), fmt::format("[::]:{}", address.port)};
  }
  return {address.to_string()};
}

}  // namespace

void check_listeners(const Built& built, Findings& findings) {
  std::map<std::string, std::size_t> addresses;
  std::map<std::string, std::size_t> names;
  for (std::size_t i = 0; i < built.config.listeners.size(); ++i) {
    const Listener& listener = built.config.listeners[i];
    const bool has_address = built.listener_has_address[i];
    check_listener(listener, has_address, listener_path(i), findings);
    if (!has_address) continue;
    for (const std::string& claim : claims(listener.address)) {
      const auto [other, is_new] = addresses.emplace(claim, i);
      if (is_new || other->second == i) continue;
      findings.error(
          listener_path(i) + "/address",
          fmt::format("{} already listens at this address", listener_path(other->second)));
    }
    // A name that was not given is the address, whose doubles are found above.
    if (listener.name == listener.address.to_string()) continue;
    if (const auto [same, is_new] = names.emplace(listener.name, i); !is_new) {
      findings.error(listener_path(i) + "/name",
                     fmt::format("{} already has this name", listener_path(same->second)));
    }
  }
  const auto admin = Endpoint::parse(built.config.admin.address);
  for (const std::string& claim : admin ? claims(*admin) : std::vector<std::string>()) {
    const auto other = addresses.find(claim);
    if (other == addresses.end() || admin->port == 0) continue;
    findings.error("/admin/address",
                   fmt::format("{} already listens at this address", listener_path(other->second)));
  }
}

}  // namespace gatepost::config
