#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config/build_parts.h"
#include "config/local.h"
#include "config/names.h"
#include "config/rules_parts.h"

namespace gatepost::config {

namespace {

void check_servers(const Pool& pool, const PoolPlace& place, Findings& findings) {
  std::map<std::string, std::size_t> known;
  for (std::size_t i = 0; i < pool.servers.size(); ++i) {
    std::string address = pool.servers[i].address.to_string();
    if (!pool.servers[i].address.is_unix()) {
      std::ranges::transform(address, address.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      });
    }
    if (const auto [other, is_new] = known.emplace(std::move(address), i); !is_new) {
      findings.error(place.servers[i],
                     fmt::format("{} is this server already", place.servers[other->second]));
    }
  }
  if (!pool.srv.empty() && !is_dns_name(pool.srv)) {
    findings.error(place.path + "/srv",
                   quote(pool.srv) + " is no domain; \"_pop3._tcp\" is put in front of it later");
  }
}

void check_plain_text(const Pool& pool, const std::string& path, Findings& findings) {
  const auto remote = std::ranges::find_if(
      pool.servers, [](const auto& server) { return !is_local(server.address); });
  if (remote != pool.servers.end() || !pool.srv.empty()) {
    findings.warning(path + "/tls",
                     fmt::format("passwords and mail travel in plain text to {}",
                                 pool.srv.empty() ? remote->address.to_string()
                                                  : "the servers of " + quote(pool.srv)));
  }
  const Pool usual;
  const auto idle = [&](bool set, const char* key) {
    if (set) findings.warning(path + key, R"(has no effect: "tls" is "none")");
  };
  idle(!pool.verify, "/verify");
  idle(!pool.ca_file.empty(), "/ca_file");
  idle(!pool.server_name.empty(), "/server_name");
  idle(pool.min_version != usual.min_version, "/min_version");
  idle(!pool.pins.empty(), "/pins");
  idle(!pool.certificate.empty(), "/certificate");
}

/// Whom a pool with TLS takes for its server.
void check_verification(const Pool& pool, const std::string& path, Findings& findings) {
  if (!pool.verify) {
    if (!pool.pins.empty()) return;
    findings.warning(path + "/verify",
                     "the upstream's certificate is not checked: whoever takes its place reads "
                     "passwords and mail");
    return;
  }
  if (!pool.server_name.empty()) return;
  const bool any_unix = std::ranges::any_of(
      pool.servers, [](const auto& server) { return server.address.is_unix(); });
  if (any_unix) {
    findings.error(path + "/server_name",
                   fmt::format("missing{}: a Unix socket has no name to verify",
                               pool.name == kUpstream ? " (or the flag --upstream-name)" : ""));
  } else if (!pool.srv.empty() && pool.pins.empty()) {
    findings.warning(path + "/server_name",
                     "missing: whoever forges DNS answers also chooses the name that is verified "
                     "(RFC 6186 section 6)");
  }
}

void check_texts(const Pool& pool, const std::string& path, Findings& findings) {
  const std::string& name = pool.server_name;
  if (!name.empty() && !IpAddress::parse(name)) {
    const auto endpoint = Endpoint::parse(name, 1);
    if (!endpoint || endpoint->host != name) {
      findings.error(path + "/server_name", quote(name) + " is no host name and no IP address");
    }
  }
  for (std::size_t i = 0; i < pool.pins.size(); ++i) {
    if (is_pin(pool.pins[i])) continue;
    findings.error(fmt::format("{}/pins/{}", path, i),
                   quote(pool.pins[i]) + " is not the base64 of 32 octets");
  }
  if (pool.certificate.empty() && !pool.key.empty()) {
    findings.error(path + "/key", "there is no \"certificate\" that it belongs to");
  }
}

void check_master(const Pool& pool, const std::string& path, Findings& findings) {
  const std::string& form = pool.master_user;
  const std::string& file = pool.master_password_file;
  if (form.empty() && !file.empty()) {
    findings.error(path + "/master_user", "missing: whose is the password of the master user?");
  }
  if (form.empty()) return;
  if (file.empty()) {
    findings.error(path + "/master_password_file", "missing: \"master_user\" needs a password");
  }
  std::string fault = fault_of_user_form(form);
  if (fault.empty() && !form.contains("{user}")) {
    fault = "holds no {user}: the server could not tell whose mailbox is meant";
  }
  if (!fault.empty()) findings.error(path + "/master_user", std::move(fault));
}

}  // namespace

void check_pools(const Built& built, Findings& findings) {
  for (std::size_t i = 0; i < built.config.pools.size(); ++i) {
    const Pool& pool = built.config.pools[i];
    const PoolPlace& place = built.pools[i];
    check_servers(pool, place, findings);
    if (pool.tls == UpstreamTls::none) {
      check_plain_text(pool, place.path, findings);
    } else {
      check_verification(pool, place.path, findings);
    }
    check_texts(pool, place.path, findings);
    check_master(pool, place.path, findings);
    constexpr std::chrono::milliseconds kLeastInterval{100};
    if (const Duration interval = pool.health_check.interval;
        interval.count() != 0 && interval < kLeastInterval) {
      findings.error(
          place.path + "/health_check/interval",
          fmt::format("must be at least {}ms, or \"0s\" for never", kLeastInterval.count()));
    }
  }
}

}  // namespace gatepost::config
