#include "config/rules.h"

#include <fmt/format.h>

#include <map>
#include <string>

namespace gatepost::config {

namespace {

bool is_local(const Endpoint& endpoint) {
  if (endpoint.is_unix() || endpoint.host == "localhost") return true;
  const auto address = IpAddress::parse(endpoint.host);
  if (!address) return false;
  static const std::vector<IpNetwork> kLoopback{IpNetwork::parse("127.0.0.0/8").value(),
                                                IpNetwork::parse("::1").value()};
  return any_contains(kLoopback, *address);
}

std::string listener_path(std::size_t index) { return fmt::format("/listeners/{}", index); }

void check_listener(const Listener& listener, bool has_address, const std::string& path,
                    Findings& findings) {
  if (!listener.cleartext_login_networks.empty()) {
    const std::string where = path + "/cleartext_login_networks";
    if (listener.tls != ListenerTls::starttls) {
      findings.error(where, "only a listener with tls \"starttls\" can exempt networks from it");
    } else if (listener.address.is_unix()) {
      findings.error(where, "the clients of a Unix socket have no network");
    }
  }
  if (!has_address) return;
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

void check_certificate(const Built& built, Findings& findings) {
  const Tls& tls = built.config.tls;
  for (std::size_t i = 0; i < built.config.listeners.size(); ++i) {
    const Listener& listener = built.config.listeners[i];
    if (listener.tls == ListenerTls::none) continue;
    const std::string who =
        built.listener_has_address[i] ? quote(listener.name) : std::to_string(i + 1);
    const auto need = [&](const std::string& value, const char* path, const char* flag) {
      if (!value.empty()) return;
      findings.error(path,
                     fmt::format("missing (or the flag {}): listener {} speaks TLS", flag, who));
    };
    const Certificate first = tls.certificates.empty() ? Certificate() : tls.certificates.front();
    need(first.certificate, "/tls/certificate", "--cert");
    need(first.key, "/tls/key", "--key");
    return;
  }
}

void check_upstream(const Built& built, Findings& findings) {
  const Pool& upstream = built.config.pools.front();
  const Endpoint& address = upstream.servers.front().address;
  if (!built.upstream_has_address) return;
  if (upstream.tls == UpstreamTls::none) {
    if (!is_local(address)) {
      findings.warning("/upstream/tls", fmt::format("passwords and mail travel in plain text to {}",
                                                    address.to_string()));
    }
    const auto idle = [&](bool set, const char* path) {
      if (set) findings.warning(path, "has no effect: upstream.tls is \"none\"");
    };
    idle(!upstream.verify, "/upstream/verify");
    idle(!upstream.ca_file.empty(), "/upstream/ca_file");
    idle(!upstream.server_name.empty(), "/upstream/server_name");
    return;
  }
  if (!upstream.verify) {
    findings.warning("/upstream/verify",
                     "the upstream's certificate is not checked: whoever takes "
                     "its place reads passwords and mail");
  } else if (address.is_unix() && upstream.server_name.empty()) {
    findings.error("/upstream/server_name",
                   "missing (or the flag --upstream-name): a Unix socket has no name to verify");
  }
}

void check_server_name(const Pool& upstream, Findings& findings) {
  const std::string& name = upstream.server_name;
  if (name.empty() || IpAddress::parse(name)) return;
  const auto endpoint = Endpoint::parse(name, 1);
  if (!endpoint || endpoint->host != name) {
    findings.error("/upstream/server_name", quote(name) + " is no host name and no IP address");
  }
}

void check_admin(const Admin& admin, Findings& findings) {
  const auto endpoint = Endpoint::parse(admin.address);
  if (endpoint && !is_local(*endpoint)) {
    findings.warning(
        "/admin/address",
        fmt::format("metrics are readable from other machines at {}, without a password",
                    endpoint->to_string()));
  }
}

}  // namespace

void check_rules(const Built& built, Findings& findings) {
  check_listeners(built, findings);
  check_certificate(built, findings);
  check_upstream(built, findings);
  check_server_name(built.config.pools.front(), findings);
  check_admin(built.config.admin, findings);
}

}  // namespace gatepost::config
