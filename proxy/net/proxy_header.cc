// What is sent ahead of a connection to upstream: the writer of proxy_protocol.h.

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "proxy/net/crc32c.h"
#include "proxy/net/proxy_protocol.h"
#include "proxy/net/proxy_wire.h"

namespace gatepost::net {

using namespace proxy_wire;  // NOLINT(google-build-using-namespace): made for this file

namespace {

using Reader = ProxyHeaderReader;

bool is_unspecified(const PeerAddress& address) {
  return address.unix_socket ||
         std::ranges::all_of(address.ip.bytes(), [](auto b) { return b == 0; });
}

/// Both ends in one family.
struct Ends {
  bool v6 = false;
  std::string source;  // network order
  std::string destination;
};

std::string ip_octets(const PeerAddress& address, bool v6) {
  std::string octets(v6 ? 16 : 4, '\0');
  if (is_unspecified(address)) return octets;
  const auto& bytes = address.ip.bytes();
  const bool mapped = v6 && address.ip.is_v4();
  if (mapped) octets.replace(10, 2, "\xff\xff");
  std::copy_n(bytes.begin(), address.ip.is_v4() ? 4 : 16, octets.begin() + (mapped ? 12 : 0));
  return octets;
}

Ends ends_of(const ClientFacts& client) {
  const bool v6 =
      !client.address.ip.is_v4() || (!is_unspecified(client.local) && !client.local.ip.is_v4());
  return {v6, ip_octets(client.address, v6), ip_octets(client.local, v6)};
}

std::string ip_text(const PeerAddress& address, bool v6) {
  if (is_unspecified(address)) return v6 ? "::" : "0.0.0.0";
  return (v6 && address.ip.is_v4() ? "::ffff:" : "") + address.ip.to_string();
}

std::uint16_t port_of(const PeerAddress& address) { return address.unix_socket ? 0 : address.port; }

void put16(std::string& out, std::size_t number) {
  out += static_cast<char>(number >> 8U & 0xFFU);
  out += static_cast<char>(number & 0xFFU);
}

void put_tlv(std::string& out, std::uint8_t type, std::string_view value) {
  out += static_cast<char>(type);
  put16(out, value.size());
  out += value;
}

/// What is empty or longer than a reader of ours takes is not said.
void put_text(std::string& out, std::uint8_t type, std::string_view value, std::size_t limit) {
  if (!value.empty() && value.size() <= limit) put_tlv(out, type, value);
}

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  return std::nullopt;
}

/// Takes one attribute, "CN=joe", off a subject as RFC 4514 writes it; unescaped.
std::string take_attribute(std::string_view& subject) {
  std::string attribute;
  while (!subject.empty()) {
    const char c = subject.front();
    subject.remove_prefix(1);
    if (c == ',' || c == '+') break;
    if (c != '\\' || subject.empty()) {
      attribute += c;
      continue;
    }
    const auto high = hex_digit(subject[0]);
    const auto low = subject.size() > 1 ? hex_digit(subject[1]) : std::nullopt;
    if (high && low) {
      attribute += static_cast<char>(*high << 4U | *low);
      subject.remove_prefix(2);
    } else {
      attribute += subject.front();
      subject.remove_prefix(1);
    }
  }
  return attribute;
}

std::string common_name(std::string_view subject) {
  constexpr std::string_view kType = "CN=";
  while (!subject.empty()) {
    const std::string attribute = take_attribute(subject);
    const std::size_t begin = std::min(attribute.find_first_not_of(' '), attribute.size());
    if (attribute.compare(begin, kType.size(), kType) == 0) {
      return attribute.substr(begin + kType.size());
    }
  }
  return {};
}

std::string ssl_value(const ClientFacts& client) {
  const bool certificate = !client.certificate.empty();
  const int bits = kClientSsl | (certificate ? kClientCertConn | kClientCertSess : 0);
  std::string value(1, static_cast<char>(bits));
  value.append(3, '\0').append(1, certificate ? '\0' : '\1');  // verify: 0 is good
  put_text(value, kSslVersion, client.tls_version, Reader::kMaxTlsName);
  put_text(value, kSslCommonName, common_name(client.certificate), Reader::kMaxCommonName);
  put_text(value, kSslCipher, client.tls_cipher, Reader::kMaxTlsName);
  return value;
}

}  // namespace

std::string proxy_header_v1(const ClientFacts& client) {
  if (is_unspecified(client.address)) return "PROXY UNKNOWN\r\n";
  const bool v6 = ends_of(client).v6;
  return fmt::format("PROXY {} {} {} {} {}\r\n", v6 ? "TCP6" : "TCP4", ip_text(client.address, v6),
                     ip_text(client.local, v6), port_of(client.address), port_of(client.local));
}

std::string proxy_header_v2(const ClientFacts& client) {
  const bool local = is_unspecified(client.address);
  std::string body;
  const Ends ends = ends_of(client);
  if (!local) {
    body = ends.source + ends.destination;
    put16(body, port_of(client.address));
    put16(body, port_of(client.local));
    put_text(body, kAuthority, client.server_name, 255);
    put_text(body, kUniqueId, client.session_id, Reader::kMaxUniqueId);
    if (client.secure) put_tlv(body, kSsl, ssl_value(client));
    put_tlv(body, kCrc32c, std::string_view("\0\0\0\0", 4));  // last: filled in below
  }
  std::string header(kSignature);
  header += static_cast<char>(local ? kLocal : kProxy);
  header += static_cast<char>(local ? kUnspec : ends.v6 ? kTcp6 : kTcp4);
  put16(header, body.size());
  header += body;
  if (!local) {
    std::string checksum;
    const std::uint32_t crc = crc32c(header);
    put16(checksum, crc >> 16U);
    put16(checksum, crc & 0xFFFFU);
    header.replace(header.size() - checksum.size(), checksum.size(), checksum);
  }
  return header;
}

}  // namespace gatepost::net
