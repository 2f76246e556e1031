#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/log.h"
#include "proxy/base/timer.h"

/// The configuration as plain data, handed down to whoever needs a part of it. config/schema.json
/// is the contract: defaults here and there are the same (a test compares them). Everything is
/// validated when it is loaded, nothing when it is used.
namespace gatepost::config {

enum class ListenerTls : std::uint8_t {
  implicit,  ///< POP3S: TLS from the first byte (RFC 8314)
  starttls,  ///< STLS (RFC 2595), required before login but for exempt networks
  none,      ///< never any TLS
};

enum class UpstreamTls : std::uint8_t {
  none,      ///< plain text
  starttls,  ///< STLS, required: without it there is no login
  implicit,  ///< TLS from the first byte
};

enum class TlsVersion : std::uint8_t { tls1_2, tls1_3 };

struct Listener {
  std::string name;  ///< for logs and metrics; default: the address
  Endpoint address;
  ListenerTls tls = ListenerTls::implicit;
  /// starttls: clients of these networks may log in without TLS. Unix sockets: see `none`.
  std::vector<IpNetwork> cleartext_login_networks;
  std::uint32_t unix_mode = 0660;  ///< permissions of a Unix socket
};

/// TLS towards clients.
struct Tls {
  std::string certificate;  ///< PEM: leaf first, then the chain
  std::string key;          ///< PEM
  TlsVersion min_version = TlsVersion::tls1_2;
  std::chrono::seconds ticket_rotation{12 * 3600};  ///< a ticket is good for two of these
};

struct Upstream {
  Endpoint address;
  UpstreamTls tls = UpstreamTls::none;
  bool verify = true;       ///< check the certificate; false only for tests and odd devices
  std::string ca_file;      ///< PEM; empty: the system's
  std::string server_name;  ///< expected name and SNI; empty: the address' host
  TlsVersion min_version = TlsVersion::tls1_2;
  std::chrono::seconds resolve_every{30};  ///< names are looked up again after this time
};

struct Timeouts {
  Duration handshake{15'000};         ///< client: TLS
  Duration login{60'000};             ///< client: time to log in, anew after a failed login
  Duration inactivity{600'000};       ///< client: silence allowed after login (RFC 1939: 10 min)
  Duration upstream_connect{10'000};  ///< name, TCP and TLS
  Duration upstream_greeting{30'000};
  Duration upstream_login{60'000};   ///< each reply during login
  Duration upstream_reply{300'000};  ///< each reply, and silence inside one, after login
  Duration drain{30'000};            ///< SIGTERM: sessions may go on for so long
};

struct Limits {
  std::uint32_t connections = 10'000;        ///< all workers together
  std::uint32_t login_attempts = 3;          ///< on one connection
  std::uint32_t pipeline = 16;               ///< commands outstanding upstream
  std::uint32_t bad_commands = 20;           ///< in a row, then the session ends
  std::uint64_t memory = 256 * 1024 * 1024;  ///< of I/O blocks, per worker; then accepting pauses
};

struct Admin {
  std::string address = "127.0.0.1:9110";  ///< empty: no admin listener
};

struct Config {
  std::uint32_t workers = 0;  ///< 0: one for each core
  std::vector<Listener> listeners;
  Tls tls;
  Upstream upstream;
  Timeouts timeouts;
  Limits limits;
  Admin admin;
  LogOptions log;

  [[nodiscard]] bool needs_certificate() const {
    return std::ranges::any_of(
        listeners, [](const Listener& listener) { return listener.tls != ListenerTls::none; });
  }
};

}  // namespace gatepost::config
