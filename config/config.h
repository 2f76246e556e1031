#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "config/filtering.h"
#include "config/retention.h"
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
  /// Clients of these networks are served with TLS 1.0 and up and old cipher suites, for devices
  /// that know no better. Empty: nobody.
  std::vector<IpNetwork> legacy_tls_networks;
  /// Every connection begins with a PROXY protocol header, version 1 or 2. Then only
  /// trusted_networks may connect.
  bool proxy_protocol = false;
  bool xclient = false;  ///< XCLIENT is offered to trusted_networks
  /// Not empty with either of the two, but for a Unix socket: there it is empty, and whoever may
  /// open the socket is trusted.
  std::vector<IpNetwork> trusted_networks;
  bool apop = false;           ///< upstream is asked before the greeting, for its APOP timestamp
  std::string implementation;  ///< what CAPA says as IMPLEMENTATION; empty: nothing
  std::string chain;           ///< what messages go through; empty: nothing
  std::string retention;       ///< a policy's name; empty: the client decides
};

/// A chain with its key, both PEM. The key may stand in the certificate's file.
struct Certificate {
  std::string certificate;  ///< leaf first, then the chain
  std::string key;          ///< empty: in the file of the certificate
  std::string ocsp;         ///< a DER OCSP response to staple; empty: none
};

enum class ClientCertificates : std::uint8_t {
  off,       ///< not asked for
  optional,  ///< asked for; who has none may log in all the same, a wrong one is refused
  required,
};

/// TLS towards clients.
struct Tls {
  /// The first is for clients that name no server, or one that no certificate carries. In the
  /// document: "certificate", "key", "ocsp" are the first; "certificates" are more.
  std::vector<Certificate> certificates;
  /// Folders of certificates: every NAME.pem or NAME.crt with NAME.key beside it or its key
  /// inside, and every subfolder with tls.crt and tls.key. NAME.ocsp is stapled.
  std::vector<std::string> certificate_folders;
  TlsVersion min_version = TlsVersion::tls1_2;
  std::chrono::seconds ticket_rotation{12 * 3600};  ///< a ticket is good for two of these
  /// Shared by replicas: lines of base64 or hex of 80 octets, the newest first. Empty: random
  /// keys that are rotated.
  std::string ticket_key_file;
  ClientCertificates client_certificates = ClientCertificates::off;
  std::string client_ca_file;  ///< PEM: who may have signed them
  /// How often the files named here are looked at for changes; 0: only at SIGHUP.
  std::chrono::seconds watch_every{5};
};

enum class Balance : std::uint8_t {
  least_connections,  ///< the server with the fewest sessions for its weight
  user_hash,          ///< always the same server for a user, while it is up
};

enum class ProxyProtocol : std::uint8_t { off, v1, v2 };

/// Who says UTF8 (RFC 6856) to the servers of a pool.
enum class Utf8 : std::uint8_t {
  client,     ///< the client, if it does; its command is relayed
  downgrade,  ///< else Gatepost, and messages are made fit for the client (RFC 6857)
};

struct PoolServer {
  Endpoint address;
  std::uint32_t weight = 1;           ///< share of the sessions
  std::uint32_t max_connections = 0;  ///< sessions at once, all workers together; 0: no limit
  /// Asked only when all servers with a smaller one are down, full or were asked.
  std::uint32_t priority = 0;
  bool operator==(const PoolServer&) const = default;
};

/// Asks a server regularly whether it is well: connection, TLS, greeting.
struct HealthCheck {
  Duration interval{10'000};  ///< 0: never asked; then only failed logins count
  std::uint32_t rise = 2;     ///< good answers in a row until a server is up again
  std::uint32_t fall = 3;     ///< failures in a row, of checks or logins, until it is down
};

/// POP3 servers that are all asked in the same way and know the same users.
struct Pool {
  std::string name;
  std::vector<PoolServer> servers;  ///< one of `servers` and `srv` is given
  std::string srv;                  ///< a domain: servers from DNS SRV records (RFC 6186)
  UpstreamTls tls = UpstreamTls::none;
  bool verify = true;       ///< check the certificate; false only for tests and odd devices
  std::string ca_file;      ///< PEM; empty: the system's
  std::string server_name;  ///< expected name and SNI; empty: the server's host
  TlsVersion min_version = TlsVersion::tls1_2;
  /// Base64 of SHA-256 of the SubjectPublicKeyInfo: one certificate of the chain must have one of
  /// them (RFC 7469 section 2.4), whatever `verify` says. Empty: not looked at.
  std::vector<std::string> pins;
  std::string certificate;                 ///< PEM: ours towards the server; empty: none
  std::string key;                         ///< PEM; empty: in the file of the certificate
  std::chrono::seconds resolve_every{30};  ///< names are looked up again after this time
  Balance balance = Balance::least_connections;
  std::uint32_t retries = 2;  ///< further servers asked while nothing has been answered
  Duration slow_start{0};     ///< a server that came up gets its full share after so long
  HealthCheck health_check;
  ProxyProtocol proxy_protocol = ProxyProtocol::off;  ///< header sent ahead of everything
  bool xclient = false;          ///< XCLIENT is sent to a server that offers it (Dovecot)
  bool initial_response = true;  ///< false: AUTH and its first response in two lines
  Utf8 utf8 = Utf8::client;
  /// How a master user of these servers is named that may open every mailbox, with {user} for the
  /// mailbox ("{user}*master"): for `gatepost retention sweep` alone. Empty: there is none.
  std::string master_user;
  std::string master_password_file;  ///< its first line
};

/// Which pool serves a login, and under what name. All conditions that are given must hold; an
/// empty one holds always.
struct Route {
  std::string name;                       ///< for logs; default: "route N"
  std::vector<std::string> listeners;     ///< names
  std::vector<std::string> server_names;  ///< SNI, "*.example.com" too
  std::vector<IpNetwork> networks;        ///< of the client
  std::vector<std::string> certificates;  ///< patterns for the subject of the client's certificate
  std::vector<std::string> domains;       ///< of the user: what follows the last @
  std::vector<std::string> users;         ///< patterns for the whole name: * and ?
  std::string pool;                       ///< its name
  /// What upstream gets as user name: text with {user}, {local}, {domain}.
  std::string user = "{user}";
  bool lower_case = false;     ///< of the name sent upstream
  std::string default_domain;  ///< of a user without one, for {domain} and for `domains`
  /// What its messages go through, in place of the listener's; empty: the listener's; "none".
  std::string chain;
  /// The policy in place of the listener's; empty: the listener's; "client".
  std::string retention;
  /// What follows the last of these in the local part of the name tells the client's device, and is
  /// cut off before anything else looks at it: "+" makes joe of joe+phone. Empty: nothing is.
  std::string device_suffix;
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
  Duration upgrade{3'600'000};       ///< the same after an upgrade, in the process before
};

struct Limits {
  std::uint32_t connections = 10'000;        ///< all workers together
  std::uint32_t login_attempts = 3;          ///< on one connection
  std::uint32_t pipeline = 16;               ///< commands outstanding upstream
  std::uint32_t bad_commands = 20;           ///< in a row, then the session ends
  std::uint64_t memory = 256 * 1024 * 1024;  ///< of I/O blocks, per worker; then accepting pauses
  /// Connections of one network (network_prefix_v4 and _v6) at once; 0: no limit.
  std::uint32_t connections_per_network = 0;
  std::uint32_t network_prefix_v4 = 32;  ///< bits that make "one network" here and below
  std::uint32_t network_prefix_v6 = 64;
  std::uint32_t accept_rate = 0;  ///< new connections a second, all workers; 0: no limit
  /// So many failed logins of one network, or for one user, are free; each further one doubles
  /// the time until the next attempt is passed on: 1 s, 2 s, … up to failed_login_delay_max.
  std::uint32_t free_failed_logins = 5;
  Duration failed_login_delay_max{60'000};        ///< 0: never delayed
  std::chrono::seconds failed_login_memory{900};  ///< without a further failure all is forgotten
  std::vector<IpNetwork> exempt_networks;         ///< neither counted nor delayed
};

struct Admin {
  std::string address = "127.0.0.1:9110";  ///< empty: no admin listener
  /// Its first line is the token that actions on the status page need. Empty: it has no actions.
  std::string token_file;
  std::string control;                ///< path of the Unix socket of `gatepost ctl`; empty: none
  std::uint32_t control_mode = 0600;  ///< its permissions
};

/// What happens when the process makes a system call that a gateway has no use for.
enum class Seccomp : std::uint8_t {
  off,
  log,  ///< the kernel notes it and lets it happen
  on,   ///< it fails; one that only an intruder has a use for ends the process
};

struct Process {
  std::string user;         ///< name or number that root gives way to; empty: stays who it is
  std::string group;        ///< name or number; empty: the user's own
  bool core_dumps = false;  ///< and debuggers
  Seccomp seccomp = Seccomp::on;
  bool operator==(const Process&) const = default;
};

struct Config {
  std::uint32_t workers = 0;  ///< 0: one for each core
  std::vector<Listener> listeners;
  Tls tls;
  std::vector<Pool> pools;    ///< "upstream" of the document is the pool "upstream"
  std::vector<Route> routes;  ///< first match wins. With "upstream" the last one is for all.
  std::vector<Scanner> scanners;
  std::vector<Chain> chains;
  Spool spool;
  Quarantine quarantine;
  VerdictMemory verdict_memory;
  Retention retention;
  Timeouts timeouts;
  Limits limits;
  Admin admin;
  LogOptions log;
  Process process;

  [[nodiscard]] bool needs_certificate() const {
    return std::ranges::any_of(
        listeners, [](const Listener& listener) { return listener.tls != ListenerTls::none; });
  }
};

}  // namespace gatepost::config
