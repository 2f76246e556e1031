#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/error.h"

struct sockaddr;

namespace gatepost {

/// An IPv4 or IPv6 address; IPv4-mapped IPv6 addresses become IPv4.
class IpAddress {
 public:
  IpAddress() = default;  ///< 0.0.0.0
  [[nodiscard]] static Result<IpAddress> parse(std::string_view text);
  /// From AF_INET or AF_INET6; anything else gives 0.0.0.0.
  [[nodiscard]] static IpAddress from(const sockaddr* address);

  [[nodiscard]] bool is_v4() const { return v4_; }
  /// 4 or 16 significant bytes, network order.
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  [[nodiscard]] std::string to_string() const;
  /// The address; of IPv6 the first 64 bits ("2001:db8::/64"): programs change the others.
  [[nodiscard]] std::string network() const;
  auto operator<=>(const IpAddress&) const = default;

 private:
  bool v4_ = true;
  std::array<std::uint8_t, 16> bytes_{};
};

/// A network such as 192.0.2.0/24; a bare address is a network of one.
class IpNetwork {
 public:
  [[nodiscard]] static Result<IpNetwork> parse(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] std::string to_string() const;

 private:
  IpAddress base_;
  std::uint8_t prefix_ = 32;
};

[[nodiscard]] bool any_contains(const std::vector<IpNetwork>& networks, const IpAddress& address);

/// Where a peer sits: address and port, or a Unix socket (no address, port 0).
struct PeerAddress {
  IpAddress ip;
  std::uint16_t port = 0;
  bool unix_socket = false;
  /// From AF_INET or AF_INET6; anything else gives 0.0.0.0:0.
  [[nodiscard]] static PeerAddress from(const sockaddr* address);
  /// "192.0.2.1:4711", "[2001:db8::1]:4711" or "unix".
  [[nodiscard]] std::string to_string() const;
};

/// A place to listen at or to connect to, as the configuration names it: "host:port", ":port"
/// (every address), "[v6]:port" or "unix:/path".
struct Endpoint {
  std::string host;        ///< name or literal address; empty: every address
  std::uint16_t port = 0;  ///< 0 when listening: any free port
  std::string path;        ///< not empty: a Unix socket

  /// `default_port` 0 makes the port mandatory.
  [[nodiscard]] static Result<Endpoint> parse(std::string_view text,
                                              std::uint16_t default_port = 0);
  [[nodiscard]] bool is_unix() const { return !path.empty(); }
  [[nodiscard]] std::string to_string() const;
  bool operator==(const Endpoint&) const = default;
};

}  // namespace gatepost
