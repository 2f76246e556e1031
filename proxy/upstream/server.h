#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "proxy/base/address.h"
#include "proxy/base/timer.h"
#include "proxy/net/transport.h"
#include "proxy/pop3/capa.h"

namespace gatepost::upstream {

enum class Security : std::uint8_t {
  none,      ///< plain text
  stls,      ///< STLS, required before any credential
  implicit,  ///< TLS from the first byte
};

/// What is known of a server at run time. Shared by all workers and by every configuration that
/// names the server, so that a reload forgets nothing. Thread-safe.
class ServerState {
 public:
  enum class Health : std::uint8_t { unknown, up, down };

  explicit ServerState(config::HealthCheck rules) : rules_(rules) {}

  [[nodiscard]] Health health() const { return health_.load(std::memory_order_relaxed); }
  /// When it came up last; the beginning of time for one that was never down.
  [[nodiscard]] Instant up_since() const;
  /// Sessions at the server, all workers together.
  [[nodiscard]] std::uint32_t sessions() const { return sessions_.load(std::memory_order_relaxed); }

  /// A check or a login reached the server, or did not. Returns whether health() changed by it.
  bool succeeded(Instant now);
  bool failed(Instant now);

  /// What the server announced last, in the state in which clients log in; empty capabilities for
  /// a server without CAPA; null when it was never asked.
  [[nodiscard]] std::shared_ptr<const pop3::Capabilities> capabilities() const;
  /// The same, if the server that announced them greeted with `greeting` (its timestamp taken out)
  /// and nobody doubts that it pipelines what comes before a login; else null.
  [[nodiscard]] std::shared_ptr<const pop3::Capabilities> capabilities_behind(
      std::string_view greeting, Instant now) const;
  /// What those would be made of, to be given to learned() of another state: for a trace.
  struct Announcement {
    std::string body;
    std::optional<std::string> greeting;
  };
  /// Nothing when the server was never asked. Without a greeting also while it is doubted.
  [[nodiscard]] std::optional<Announcement> announcement(Instant now) const;
  /// The server announced `body` (unstuffed; "" for a server without CAPA), after `greeting`; null:
  /// after the same one as before. Returns what capabilities() returns now, the same object as long
  /// as nothing changes: every session holds it.
  std::shared_ptr<const pop3::Capabilities> learned(
      std::string_view body, std::optional<std::string_view> greeting = std::nullopt);
  /// A login that went by capabilities_behind() got no answer: there are none for kDoubt.
  void doubt(Instant now);
  static constexpr Duration kDoubt = std::chrono::hours(1);

  /// The server announced UTF8 and refused it. Whether that is news, for the log.
  bool refused_utf8() { return !utf8_refused_.exchange(true, std::memory_order_relaxed); }

  void set_rules(config::HealthCheck rules);

 private:
  friend class Lease;
  mutable std::mutex mutex_;
  config::HealthCheck rules_;
  std::uint32_t good_in_a_row_ = 0;
  std::uint32_t bad_in_a_row_ = 0;
  Instant up_since_{};
  std::shared_ptr<const pop3::Capabilities> capabilities_;
  std::string announced_;  // what they were read from
  std::optional<std::string> greeting_;
  Instant doubted_until_{};
  std::atomic<Health> health_ = Health::unknown;
  std::atomic<std::uint32_t> sessions_ = 0;
  std::atomic<bool> utf8_refused_ = false;
};

/// A POP3 server that Gatepost relays to, and how it wants to be spoken to.
struct Server {
  Endpoint address;
  Security security = Security::none;
  std::shared_ptr<const net::TlsLayer> tls;  ///< set unless security is none
  config::ProxyProtocol proxy_protocol = config::ProxyProtocol::off;
  bool xclient = false;          ///< XCLIENT is sent when the greeting offers it
  bool initial_response = true;  ///< false: AUTH without one
  config::Utf8 utf8 = config::Utf8::client;
  std::uint32_t weight = 1;
  std::uint32_t max_connections = 0;   ///< 0: no limit
  std::uint32_t priority = 0;          ///< asked only when those with a smaller one cannot serve
  std::shared_ptr<ServerState> state;  ///< never null
};

/// A session's place at a server: counts from take() to its end.
class Lease {
 public:
  Lease() = default;
  /// Empty when the server has its max_connections already.
  [[nodiscard]] static Lease take(const Server& server);
  Lease(Lease&& other) noexcept = default;
  Lease& operator=(Lease&& other) noexcept;
  ~Lease();
  explicit operator bool() const { return state_ != nullptr; }

 private:
  std::shared_ptr<ServerState> state_;
};

}  // namespace gatepost::upstream
