#include "config/build.h"

#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "config/units.h"

namespace gatepost::config {

namespace {

template <class T>
using Choices = std::initializer_list<std::pair<const char*, T>>;

/// Reads members of one object into fields. A key that is not there leaves the default.
class Reader {
 public:
  Reader(const Json& object, std::string path, Findings& findings)
      : object_(object), path_(std::move(path)), findings_(findings) {}

  [[nodiscard]] Reader section(const char* key) const {
    static const Json kNothing = Json::object();
    const Json* value = find(key);
    return {value == nullptr ? kNothing : *value, path_of(key), findings_};
  }
  [[nodiscard]] const Json* find(const char* key) const {
    if (!object_.is_object()) return nullptr;
    const auto member = object_.find(key);
    return member == object_.end() ? nullptr : &*member;
  }
  [[nodiscard]] std::string path_of(const char* key) const { return path_ + pointer_step(key); }
  void error(const char* key, std::string text) const {
    findings_.error(path_of(key), std::move(text));
  }

  [[nodiscard]] std::optional<std::string> text(const char* key) const {
    const Json* value = find(key);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return value->get<std::string>();
  }
  void read(const char* key, std::string& field) const {
    if (auto value = text(key)) field = std::move(*value);
  }
  void read(const char* key, bool& field) const {
    const Json* value = find(key);
    if (value != nullptr && value->is_boolean()) field = value->get<bool>();
  }
  template <std::unsigned_integral Number>
    requires(!std::same_as<Number, bool>)
  void read(const char* key, Number& field) const {
    const Json* value = find(key);
    if (value == nullptr || !value->is_number_unsigned()) return;
    const auto number = value->get<std::uint64_t>();
    if (number <= std::numeric_limits<Number>::max()) field = static_cast<Number>(number);
  }
  template <class Rep, class Period>
  void read(const char* key, std::chrono::duration<Rep, Period>& field) const {
    const auto value = text(key);
    const auto duration = value ? parse_duration(*value) : std::nullopt;
    if (duration) field = std::chrono::duration_cast<std::chrono::duration<Rep, Period>>(*duration);
  }
  template <class T>
  void read(const char* key, T& field, Choices<T> choices) const {
    const auto value = text(key);
    for (const auto& [name, choice] : choices) {
      if (value && *value == name) field = choice;
    }
  }
  /// Whether `field` holds an address now.
  [[nodiscard]] bool read(const char* key, Endpoint& field, std::uint16_t default_port) const {
    const auto value = text(key);
    if (!value) return false;
    auto endpoint = Endpoint::parse(*value, default_port);
    if (!endpoint) {
      error(key, endpoint.error().detail);
      return false;
    }
    field = std::move(*endpoint);
    return true;
  }

 private:
  const Json& object_;
  std::string path_;
  Findings& findings_;
};

/// The pool and the last route that the document's "upstream" makes.
constexpr const char* kUpstream = "upstream";

constexpr Choices<TlsVersion> kVersions{{"1.2", TlsVersion::tls1_2}, {"1.3", TlsVersion::tls1_3}};

void build_listener(const Reader& in, Built& built, Findings& findings) {
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
  const Json* networks = in.find("cleartext_login_networks");
  for (std::size_t i = 0; networks != nullptr && networks->is_array() && i < networks->size();
       ++i) {
    if (!(*networks)[i].is_string()) continue;
    auto network = IpNetwork::parse((*networks)[i].get<std::string>());
    if (network) {
      listener.cleartext_login_networks.push_back(*network);
    } else {
      findings.error(in.path_of("cleartext_login_networks") + "/" + std::to_string(i),
                     network.error().detail);
    }
  }
  built.config.listeners.push_back(std::move(listener));
}

void build_tls(const Reader& in, Tls& tls) {
  Certificate first;
  in.read("certificate", first.certificate);
  in.read("key", first.key);
  if (!first.certificate.empty() || !first.key.empty()) {
    tls.certificates.push_back(std::move(first));
  }
  in.read("min_version", tls.min_version, kVersions);
  in.read("ticket_rotation", tls.ticket_rotation);
}

void build_upstream(const Reader& in, Built& built) {
  Pool pool;
  pool.name = kUpstream;
  in.read<UpstreamTls>("tls", pool.tls,
                       {{"none", UpstreamTls::none},
                        {"starttls", UpstreamTls::starttls},
                        {"implicit", UpstreamTls::implicit}});
  const std::uint16_t port = pool.tls == UpstreamTls::implicit ? 995 : 110;
  PoolServer server;
  built.upstream_has_address = in.read("address", server.address, port);
  if (built.upstream_has_address && !server.address.is_unix()) {
    if (server.address.host.empty()) {
      in.error("address", "names no host; for a server on this machine write 127.0.0.1:" +
                              std::to_string(server.address.port));
    } else if (server.address.port == 0) {
      in.error("address", "port 0 is no port to connect to");
    }
  }
  pool.servers.push_back(std::move(server));
  in.read("verify", pool.verify);
  in.read("ca_file", pool.ca_file);
  in.read("server_name", pool.server_name);
  in.read("min_version", pool.min_version, kVersions);
  in.read("resolve_every", pool.resolve_every);
  Route route;
  route.name = pool.name;
  route.pool = pool.name;
  built.config.routes.push_back(std::move(route));
  built.config.pools.push_back(std::move(pool));
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
}

void build_limits(const Reader& in, Limits& limits) {
  in.read("connections", limits.connections);
  in.read("login_attempts", limits.login_attempts);
  in.read("pipeline", limits.pipeline);
  in.read("bad_commands", limits.bad_commands);
  in.read("memory", limits.memory);
  if (const auto size = in.text("memory"))
    limits.memory = parse_size(*size).value_or(limits.memory);
}

void build_admin(const Reader& in, Admin& admin) {
  in.read("address", admin.address);
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

}  // namespace

Built build(const Json& document, Findings& findings) {
  Built built;
  Config& config = built.config;
  const Reader root(document, "", findings);
  root.read("workers", config.workers);
  const Json* listeners = root.find("listeners");
  // More than the schema allows were reported by it; there is no need to look at each.
  constexpr std::size_t kMaxListeners = 64;
  for (std::size_t i = 0; listeners != nullptr && listeners->is_array() &&
                          i < std::min(listeners->size(), kMaxListeners);
       ++i) {
    build_listener({(*listeners)[i], "/listeners/" + std::to_string(i), findings}, built, findings);
  }
  build_tls(root.section("tls"), config.tls);
  build_upstream(root.section("upstream"), built);
  build_timeouts(root.section("timeouts"), config.timeouts);
  build_limits(root.section("limits"), config.limits);
  build_admin(root.section("admin"), config.admin);
  build_log(root.section("log"), config.log);
  return built;
}

}  // namespace gatepost::config
