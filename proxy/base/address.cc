#include "proxy/base/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

namespace gatepost {

namespace {

constexpr std::size_t kMaxHost = 253;      // RFC 1035, section 2.3.4, without the final dot
constexpr std::size_t kMaxUnixPath = 107;  // sockaddr_un::sun_path without its NUL
constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/// Text of a configuration file for an error line: cut, and without control characters.
std::string quoted(std::string_view text) {
  std::size_t shown = std::min<std::size_t>(text.size(), 100);
  // Never half a UTF-8 sequence: the error may end up in JSON.
  while (shown < text.size() && shown > 0 && (text[shown] & 0xc0) == 0x80) --shown;
  std::string result = "\"";
  for (const char c : text.substr(0, shown)) {
    result += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  return result + (text.size() > shown ? "…\"" : "\"");
}

/// Decimal digits and nothing else: no sign, no blank, at most `max`.
std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t max) {
  if (text.empty() || text.size() > 5) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint32_t>(c - '0');
  }
  return value <= max ? std::optional(value) : std::nullopt;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_host_character(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
         c == '.';
}

/// A DNS name or a dotted IPv4 address. A name whose last label is a number is none: getaddrinfo
/// would read "10.1" as 10.0.0.1.
bool is_host(std::string_view host) {
  if (host.size() > kMaxHost || !std::ranges::all_of(host, is_host_character)) return false;
  if (host.empty() || host.front() == '.' || host.find("..") != std::string_view::npos) {
    return false;
  }
  std::string_view name = host;
  if (name.ends_with('.')) name.remove_suffix(1);
  const std::string_view last = name.substr(name.rfind('.') + 1);
  return !std::ranges::all_of(last, is_digit) || IpAddress::parse(host).has_value();
}

Result<Endpoint> parse_unix(std::string_view text, std::string_view path) {
  if (!path.starts_with('/')) {
    return fail(ErrorCode::config,
                fmt::format("{}: the path of a Unix socket must start with /", quoted(text)));
  }
  if (path.size() > kMaxUnixPath) {
    return fail(ErrorCode::config,
                fmt::format("{}: the path of a Unix socket has at most {} bytes, this one has {}",
                            quoted(text), kMaxUnixPath, path.size()));
  }
  if (path.find('\0') != std::string_view::npos) {
    return fail(ErrorCode::config, fmt::format("{}: a path contains no NUL", quoted(text)));
  }
  Endpoint endpoint;
  endpoint.path = path;
  return endpoint;
}

}  // namespace

Result<IpAddress> IpAddress::parse(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  in_addr v4{};
  in6_addr v6{};
  if (text.size() < buffer.size() && text.find('\0') == std::string_view::npos) {
    text.copy(buffer.data(), buffer.size() - 1);  // the rest is NUL
    if (inet_pton(AF_INET, buffer.data(), &v4) == 1) {
      IpAddress address;
      std::memcpy(address.bytes_.data(), &v4, sizeof v4);
      return address;
    }
    if (inet_pton(AF_INET6, buffer.data(), &v6) == 1) {
      sockaddr_in6 wrapped{};
      wrapped.sin6_family = AF_INET6;
      wrapped.sin6_addr = v6;
      return from(reinterpret_cast<const sockaddr*>(&wrapped));
    }
  }
  return fail(ErrorCode::config, quoted(text) + " is not an IP address");
}

IpAddress IpAddress::from(const sockaddr* address) {
  IpAddress result;
  if (address == nullptr) return result;
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    std::memcpy(result.bytes_.data(), &v4.sin_addr, 4);
  } else if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    const std::uint8_t* bytes = v6.sin6_addr.s6_addr;
    if (std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes)) {
      std::copy(bytes + 12, bytes + 16, result.bytes_.begin());
    } else {
      std::copy(bytes, bytes + 16, result.bytes_.begin());
      result.v4_ = false;
    }
  }
  return result;
}

std::string IpAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  const char* text =
      inet_ntop(v4_ ? AF_INET : AF_INET6, bytes_.data(), buffer.data(), buffer.size());
  return text == nullptr ? std::string() : std::string(text);
}

std::string IpAddress::network() const {
  if (v4_) return to_string();
  IpAddress first = *this;
  std::fill(first.bytes_.begin() + 8, first.bytes_.end(), std::uint8_t{0});
  return first.to_string() + "/64";
}

Result<IpNetwork> IpNetwork::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view base = text.substr(0, slash);
  auto address = IpAddress::parse(base);
  if (!address) return std::unexpected(address.error());
  IpNetwork network;
  network.base_ = *address;
  // The prefix counts bits of the form that was written; a mapped address was written as IPv6.
  const bool written_v6 = base.find(':') != std::string_view::npos;
  std::uint32_t prefix = written_v6 ? 128 : 32;
  if (slash != std::string_view::npos) {
    const auto number = parse_number(text.substr(slash + 1), prefix);
    if (!number) {
      return fail(ErrorCode::config, fmt::format("{}: the prefix length is a number from 0 to {}",
                                                 quoted(text), prefix));
    }
    prefix = *number;
  }
  if (written_v6 && address->is_v4()) {
    if (prefix < 96) {
      return fail(ErrorCode::config,
                  fmt::format("{}: write IPv4-mapped networks as IPv4", quoted(text)));
    }
    prefix -= 96;
  }
  network.prefix_ = static_cast<std::uint8_t>(prefix);

  const std::size_t size = address->is_v4() ? 4 : 16;
  for (std::size_t bit = prefix; bit < size * 8; ++bit) {
    if ((address->bytes()[bit / 8] & (0x80u >> (bit % 8))) != 0) {
      return fail(ErrorCode::config,
                  fmt::format("{}: the address has bits set beyond the prefix of {} bits; name the "
                              "network's first address, or leave out the prefix for one host",
                              quoted(text), prefix));
    }
  }
  return network;
}

bool IpNetwork::contains(const IpAddress& address) const {
  if (address.is_v4() != base_.is_v4()) return false;
  const std::size_t whole = prefix_ / 8u;
  const auto& ours = base_.bytes();
  const auto& theirs = address.bytes();
  if (!std::equal(ours.begin(), ours.begin() + static_cast<std::ptrdiff_t>(whole),
                  theirs.begin())) {
    return false;
  }
  const unsigned rest = prefix_ % 8u;
  if (rest == 0) return true;
  const unsigned mask = 0xffu << (8 - rest) & 0xffu;
  return ((ours[whole] ^ theirs[whole]) & mask) == 0;
}

std::string IpNetwork::to_string() const {
  return fmt::format("{}/{}", base_.to_string(), prefix_);
}

bool any_contains(const std::vector<IpNetwork>& networks, const IpAddress& address) {
  return std::ranges::any_of(networks,
                             [&](const IpNetwork& network) { return network.contains(address); });
}

PeerAddress PeerAddress::from(const sockaddr* address) {
  PeerAddress result{.ip = IpAddress::from(address), .port = 0, .unix_socket = false};
  // Both families keep the port at the same place.
  if (address->sa_family == AF_INET || address->sa_family == AF_INET6) {
    result.port = ntohs(reinterpret_cast<const sockaddr_in*>(address)->sin_port);
  }
  return result;
}

std::string PeerAddress::to_string() const {
  if (unix_socket) return "unix";
  return fmt::format(fmt::runtime(ip.is_v4() ? "{}:{}" : "[{}]:{}"), ip.to_string(), port);
}

Result<Endpoint> Endpoint::parse(std::string_view text, std::uint16_t default_port) {
  if (text.starts_with("unix:")) return parse_unix(text, text.substr(5));

  Endpoint endpoint;
  endpoint.port = default_port;
  std::string_view rest;  // ":port" or nothing
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    const auto address = IpAddress::parse(text.substr(1, close == text.npos ? 0 : close - 1));
    if (close == text.npos || !address || text.substr(0, close).find(':') == text.npos) {
      return fail(ErrorCode::config, quoted(text) + ": between [ and ] stands an IPv6 address");
    }
    endpoint.host = address->to_string();
    rest = text.substr(close + 1);
  } else {
    const std::size_t colon = text.find(':');
    if (colon != text.npos && text.find(':', colon + 1) != text.npos) {
      return fail(ErrorCode::config,
                  quoted(text) + ": write an IPv6 address in brackets, as in [::1]:110");
    }
    endpoint.host = text.substr(0, colon);
    rest = colon == text.npos ? std::string_view() : text.substr(colon);
    if (!endpoint.host.empty() && !is_host(endpoint.host)) {
      const bool port = colon == text.npos && std::ranges::all_of(text, is_digit);
      return fail(
          ErrorCode::config,
          port ? fmt::format("{}: for a port on every address write \":{}\"", quoted(text), text)
               : quoted(text) + ": this is no host name and no IP address");
    }
  }

  if (rest.empty()) {
    if (default_port == 0 || endpoint.host.empty()) {
      return fail(ErrorCode::config, quoted(text) + ": the port is missing, as in host:110");
    }
    return endpoint;
  }
  const auto port = rest.front() == ':' ? parse_number(rest.substr(1), 65535) : std::nullopt;
  if (!port) {
    return fail(ErrorCode::config, quoted(text) + ": the port is a number from 0 to 65535");
  }
  endpoint.port = static_cast<std::uint16_t>(*port);
  return endpoint;
}

std::string Endpoint::to_string() const {
  if (is_unix()) return "unix:" + path;
  if (host.find(':') != std::string::npos) return fmt::format("[{}]:{}", host, port);
  return fmt::format("{}:{}", host, port);
}

}  // namespace gatepost
