#include "config/build.h"

#include <cstddef>
#include <string>
#include <utility>

#include "config/build_parts.h"
#include "config/reader.h"
#include "config/units.h"

namespace gatepost::config {

namespace {

void build_listener(const Reader& in, Built& built) {
  Listener listener;
  built.listener_has_address.push_back(in.read("address", listener.address, 0));
  listener.name = listener.address.to_string();
  in.read("name", listener.name);
  in.read<ListenerTls>("tls", listener.tls,
                       {{"implicit", ListenerTls::implicit},
                        {"starttls", ListenerTls::starttls},
                        {"none", ListenerTls::none}});
  if (const auto mode = in.text("unix_mode")) {
    listener.unix_mode = parse_mode(*mode).value_or(listener.unix_mode);
  }
  in.read("cleartext_login_networks", listener.cleartext_login_networks);
  in.read("legacy_tls_networks", listener.legacy_tls_networks);
  in.read("proxy_protocol", listener.proxy_protocol);
  in.read("xclient", listener.xclient);
  in.read("trusted_networks", listener.trusted_networks);
  in.read("apop", listener.apop);
  in.read("implementation", listener.implementation);
  in.read("chain", listener.chain);
  in.read("retention", listener.retention);
  built.config.listeners.push_back(std::move(listener));
}

void build_timeouts(const Reader& in, Timeouts& timeouts) {
  in.read("handshake", timeouts.handshake);
  in.read("login", timeouts.login);
  in.read("inactivity", timeouts.inactivity);
  in.read("upstream_connect", timeouts.upstream_connect);
  in.read("upstream_greeting", timeouts.upstream_greeting);
  in.read("upstream_login", timeouts.upstream_login);
  in.read("upstream_reply", timeouts.upstream_reply);
  in.read("drain", timeouts.drain);
  in.read("upgrade", timeouts.upgrade);
}

void build_limits(const Reader& in, Limits& limits) {
  in.read("connections", limits.connections);
  in.read("login_attempts", limits.login_attempts);
  in.read("pipeline", limits.pipeline);
  in.read("bad_commands", limits.bad_commands);
  in.read("memory", limits.memory);
  if (const auto size = in.text("memory"))
    limits.memory = parse_size(*size).value_or(limits.memory);
  in.read("connections_per_network", limits.connections_per_network);
  in.read("network_prefix_v4", limits.network_prefix_v4);
  in.read("network_prefix_v6", limits.network_prefix_v6);
  in.read("accept_rate", limits.accept_rate);
  in.read("free_failed_logins", limits.free_failed_logins);
  in.read("failed_login_delay_max", limits.failed_login_delay_max);
  in.read("failed_login_memory", limits.failed_login_memory);
  in.read("exempt_networks", limits.exempt_networks);
}

void build_admin(const Reader& in, Admin& admin) {
  in.read("address", admin.address);
  in.read("token_file", admin.token_file);
  in.read("control", admin.control);
  if (const auto mode = in.text("control_mode")) {
    admin.control_mode = parse_mode(*mode).value_or(admin.control_mode);
  }
  if (admin.address == "off") admin.address.clear();
  if (admin.address.empty()) return;
  const auto endpoint = Endpoint::parse(admin.address);
  if (!endpoint) {
    in.error("address", endpoint.error().detail);
  } else if (endpoint->is_unix()) {
    in.error("address", "the admin listener speaks HTTP over TCP only");
  }
}

void build_log(const Reader& in, LogOptions& log) {
  in.read<LogLevel>("level", log.level,
                    {{"debug", LogLevel::debug},
                     {"info", LogLevel::info},
                     {"warning", LogLevel::warning},
                     {"error", LogLevel::error}});
  in.read<LogFormat>("format", log.format, {{"text", LogFormat::text}, {"json", LogFormat::json}});
  in.read("file", log.file);
}

void build_process(const Reader& in, Process& process) {
  in.read("user", process.user);
  in.read("group", process.group);
  in.read("core_dumps", process.core_dumps);
  in.read<Seccomp>("seccomp", process.seccomp,
                   {{"off", Seccomp::off}, {"log", Seccomp::log}, {"on", Seccomp::on}});
  if (process.user.empty() && !process.group.empty()) {
    in.error("group", "has no effect without a user");
  }
}

}  // namespace

Built build(const Json& document, Findings& findings) {
  Built built;
  Config& config = built.config;
  const Reader root(document, "", findings);
  root.read("workers", config.workers);
  constexpr std::size_t kMaxListeners = 64;
  root.for_each("listeners", kMaxListeners, [&](const Json& listener, const std::string& path) {
    build_listener({listener, path, findings}, built);
  });
  build_tls(root.section("tls"), config.tls, findings);
  build_pools(root, built, findings);
  build_routes(root, built, findings);
  build_filters(root, built, findings);
  build_retention(root, built, findings);
  build_timeouts(root.section("timeouts"), config.timeouts);
  build_limits(root.section("limits"), config.limits);
  build_admin(root.section("admin"), config.admin);
  build_log(root.section("log"), config.log);
  build_process(root.section("process"), config.process);
  return built;
}

}  // namespace gatepost::config
