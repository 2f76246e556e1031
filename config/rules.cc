#include "config/rules.h"

#include <fmt/format.h>

#include <vector>

#include "config/local.h"
#include "config/rules_parts.h"

namespace gatepost::config {

namespace {

void check_admin(const Admin& admin, Findings& findings) {
  const auto endpoint = Endpoint::parse(admin.address);
  if (endpoint && !is_local(*endpoint)) {
    findings.warning(
        "/admin/address",
        fmt::format("metrics are readable from other machines at {}, without a password",
                    endpoint->to_string()));
  }
  if (!admin.token_file.empty() && admin.address.empty()) {
    findings.error("/admin/token_file", "has no effect without an admin listener");
  }
  if (!admin.token_file.empty() && endpoint && !is_local(*endpoint)) {
    findings.warning("/admin/token_file",
                     fmt::format("the token, and what it allows, crosses the network unencrypted "
                                 "at {}: put a proxy with TLS in front, or listen on loopback",
                                 endpoint->to_string()));
  }
  if (admin.control.empty() && admin.control_mode != Admin().control_mode) {
    findings.warning("/admin/control_mode", "has no effect without control");
  }
}

}  // namespace

bool is_local(const Endpoint& endpoint) {
  if (endpoint.is_unix() || endpoint.host == "localhost") return true;
  const auto address = IpAddress::parse(endpoint.host);
  if (!address) return false;
  static const std::vector<IpNetwork> kLoopback{IpNetwork::parse("127.0.0.0/8").value(),
                                                IpNetwork::parse("::1").value()};
  return any_contains(kLoopback, *address);
}

void check_rules(const Built& built, Findings& findings) {
  check_listeners(built, findings);
  check_tls(built, findings);
  check_pools(built, findings);
  check_routes(built, findings);
  check_filters(built, findings);
  check_retention(built, findings);
  check_admin(built.config.admin, findings);
}

}  // namespace gatepost::config
