#include "proxy/server/snapshot.h"

#include <utility>

#include <fmt/format.h>

#include "proxy/tls/client_context.h"
#include "proxy/tls/server_context.h"

namespace gatepost::server {

namespace {

tls::Version version(config::TlsVersion v) {
  return v == config::TlsVersion::tls1_3 ? tls::Version::tls1_3 : tls::Version::tls1_2;
}

/// Says which part of the configuration named the file that an error is about.
std::unexpected<Error> at(std::string_view path, const Error& error) {
  return fail(error.code, fmt::format("{}: {}", path, error.detail));
}

Result<upstream::Server> make_server(const config::Upstream& upstream) {
  upstream::Server server;
  server.address = upstream.address;
  if (upstream.tls == config::UpstreamTls::none) return server;
  server.security = upstream.tls == config::UpstreamTls::starttls ? upstream::Security::stls
                                                                  : upstream::Security::implicit;
  auto context = tls::ClientContext::create(
      {.verify = upstream.verify,
       .ca_file = upstream.ca_file,
       .server_name = upstream.server_name.empty() ? upstream.address.host : upstream.server_name,
       .min_version = version(upstream.min_version)});
  if (!context) return at("/upstream", context.error());
  server.tls = std::move(*context);
  return server;
}

}  // namespace

Result<std::shared_ptr<const Snapshot>> make_snapshot(
    const config::Config& config, const std::shared_ptr<const tls::TicketKeys>& tickets) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->config = config;

  std::shared_ptr<const net::TlsLayer> client_tls;
  if (config.needs_certificate()) {
    auto info = tls::inspect(config.tls.certificate, config.tls.key);
    if (!info) return at("/tls", info.error());
    snapshot->certificates.push_back({config.tls.certificate, std::move(*info)});
    auto context = tls::ServerContext::create({.certificate_file = config.tls.certificate,
                                               .key_file = config.tls.key,
                                               .min_version = version(config.tls.min_version),
                                               .tickets = tickets});
    if (!context) return at("/tls", context.error());
    client_tls = std::move(*context);
  }

  auto server = make_server(config.upstream);
  if (!server) return std::unexpected(server.error());
  const auto router = std::make_shared<const upstream::Router>(std::move(*server));

  for (const config::Listener& listener : config.listeners) {
    auto settings = std::make_shared<session::Settings>();
    settings->listener = listener.name;
    settings->client_tls_mode = listener.tls;
    if (listener.tls != config::ListenerTls::none) settings->client_tls = client_tls;
    settings->cleartext_login_networks = listener.cleartext_login_networks;
    settings->router = router;
    settings->timeouts = config.timeouts;
    settings->limits = config.limits;
    snapshot->listeners.push_back({listener, std::move(settings)});
  }
  return snapshot;
}

}  // namespace gatepost::server
