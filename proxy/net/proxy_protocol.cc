#include "proxy/net/proxy_protocol.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "proxy/base/dns_name.h"
#include "proxy/net/crc32c.h"
#include "proxy/net/proxy_wire.h"

namespace gatepost::net {

using namespace proxy_wire;  // NOLINT(google-build-using-namespace): made for this file

namespace {

constexpr std::string_view kV1Start = "PROXY ";

std::uint8_t octet(std::string_view text, std::size_t at) {
  return static_cast<std::uint8_t>(text[at]);
}

std::uint16_t number16(std::string_view text, std::size_t at) {
  return static_cast<std::uint16_t>(octet(text, at) << 8U | octet(text, at + 1));
}

std::uint32_t number32(std::string_view text, std::size_t at) {
  return static_cast<std::uint32_t>(number16(text, at)) << 16U | number16(text, at + 2);
}

/// An address in the words of version 1; `v6` says which family it must be.
std::optional<IpAddress> address_v1(std::string_view text, bool v6) {
  if ((text.find(':') != text.npos) != v6) return std::nullopt;
  const auto address = IpAddress::parse(text);
  return address ? std::optional(*address) : std::nullopt;
}

std::optional<std::uint16_t> port_v1(std::string_view text) {
  std::uint16_t port = 0;
  const char* const end = std::to_address(text.end());
  const auto [stop, problem] = std::from_chars(std::to_address(text.begin()), end, port);
  if (problem != std::errc() || stop != end || (text.size() > 1 && text.front() == '0')) {
    return std::nullopt;
  }
  return port;
}

/// Addresses go through sockaddr, so that mapped ones become IPv4 like everywhere.
PeerAddress address_v2(std::string_view ip, std::uint16_t port) {
  PeerAddress result;
  if (ip.size() == sizeof(in_addr)) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    std::memcpy(&v4.sin_addr, ip.data(), ip.size());
    result.ip = IpAddress::from(reinterpret_cast<const sockaddr*>(&v4));
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    std::memcpy(&v6.sin6_addr, ip.data(), sizeof v6.sin6_addr);
    result.ip = IpAddress::from(reinterpret_cast<const sockaddr*>(&v6));
  }
  result.port = port;
  return result;
}

/// Octets that a family's addresses take; nothing for a family that is not spoken here.
std::optional<std::size_t> size_of_addresses(std::uint8_t family) {
  switch (family) {
    case kUnspec:
      return 0;
    case kTcp4:
      return kTcp4Size;
    case kTcp6:
      return kTcp6Size;
    case kUnixStream:
      return kUnixSize;
    default:
      return std::nullopt;
  }
}

struct Tlv {
  std::uint8_t type;
  std::string_view value;
};

/// Cuts one TLV off; nothing when it does not fit into the rest.
std::optional<Tlv> take_tlv(std::string_view& rest) {
  constexpr std::size_t kHead = 3;
  if (rest.size() < kHead) return std::nullopt;
  const std::size_t size = number16(rest, 1);
  if (rest.size() - kHead < size) return std::nullopt;
  const Tlv tlv{octet(rest, 0), rest.substr(kHead, size)};
  rest.remove_prefix(kHead + size);
  return tlv;
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

std::string session_id(std::string_view id) {
  if (id.size() > ProxyHeaderReader::kMaxUniqueId) return {};
  if (is_printable(id)) return std::string(id);
  if (id.size() * 2 > ProxyHeaderReader::kMaxUniqueId) return {};
  std::string hex;
  for (const char c : id) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return hex;
}

std::string tls_name(std::string_view name) {
  const bool good = name.size() <= ProxyHeaderReader::kMaxTlsName && is_printable(name);
  return good ? std::string(name) : std::string();
}

/// "CN=…" as RFC 4514 section 2.4 writes it, so that a name cannot look like further attributes;
/// "" for a name that no certificate should have.
std::string subject(std::string_view common_name) {
  if (common_name.empty() || common_name.size() > ProxyHeaderReader::kMaxCommonName) return {};
  std::string text = "CN=";
  for (std::size_t i = 0; i < common_name.size(); ++i) {
    const char c = common_name[i];
    const auto value = static_cast<unsigned char>(c);
    if (value < ' ' || value == 0x7f) return {};
    if (value > 0x7f) {
      text += fmt::format("\\{:02X}", value);
      continue;
    }
    const bool at_edge = i == 0 || i + 1 == common_name.size();
    if (std::string_view(",+\"\\<>;").find(c) != std::string_view::npos || (c == ' ' && at_edge) ||
        (c == '#' && i == 0)) {
      text += '\\';
    }
    text += c;
  }
  return text;
}

}  // namespace

ProxyHeaderReader::Outcome ProxyHeaderReader::fail(std::string_view text) {
  error_ = text;
  header_ = {};
  return Outcome::error;
}

/// How much may be taken now without taking anything of what follows the header. A version 1
/// header also ends at its LF.
std::size_t ProxyHeaderReader::wanted() const {
  if (header_.empty()) return 1;
  if (is_v1()) return kMaxV1 - header_.size();
  return (size_ == 0 ? kStart : size_) - header_.size();
}

ProxyHeaderReader::Outcome ProxyHeaderReader::next(ByteChain& in) {
  while (outcome_ == Outcome::need_data && !in.empty()) {
    const std::string_view piece = in.front().substr(0, wanted());
    const std::size_t line_end = is_v1() ? piece.find('\n') : piece.npos;
    const std::size_t taken = line_end == piece.npos ? piece.size() : line_end + 1;
    header_ += piece.substr(0, taken);
    in.consume(taken);
    outcome_ = look();
  }
  return outcome_;
}

ProxyHeaderReader::Outcome ProxyHeaderReader::look() {
  const std::string_view start = is_v1() ? kV1Start : kSignature;
  const std::size_t compared = std::min(start.size(), header_.size());
  if (header_.compare(0, compared, start, 0, compared) != 0) return fail("not a PROXY header");
  if (is_v1()) {
    if (header_.ends_with('\n')) return read_v1();
    return header_.size() < kMaxV1 ? Outcome::need_data
                                   : fail("version 1: no CRLF within 107 octets");
  }
  if (size_ == 0) return header_.size() < kStart ? Outcome::need_data : read_v2_start();
  return header_.size() < size_ ? Outcome::need_data : read_v2();
}

ProxyHeaderReader::Outcome ProxyHeaderReader::read_v1() {
  if (!header_.ends_with("\r\n")) return fail("version 1: LF without CR");
  std::string_view rest = header_;
  rest.remove_prefix(kV1Start.size());
  rest.remove_suffix(2);
  std::array<std::string_view, 5> words;  // family, source, destination, and their ports
  for (std::string_view& word : words) {
    const bool last = &word == &words.back();
    const std::size_t end = last ? rest.npos : rest.find(' ');
    word = rest.substr(0, end);
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    if (words.front() == "UNKNOWN") return Outcome::header;  // whatever follows
  }
  const bool v6 = words[0] == "TCP6";
  if (!v6 && words[0] != "TCP4") return fail("version 1: family is not TCP4, TCP6 or UNKNOWN");
  const auto source = address_v1(words[1], v6);
  const auto destination = address_v1(words[2], v6);
  if (!source || !destination) return fail("version 1: not an address of the family");
  const auto source_port = port_v1(words[3]);
  const auto destination_port = port_v1(words[4]);
  if (!source_port || !destination_port) return fail("version 1: not a port");
  facts_.address = {.ip = *source, .port = *source_port, .unix_socket = false};
  facts_.local = {.ip = *destination, .port = *destination_port, .unix_socket = false};
  about_client_ = true;
  return Outcome::header;
}

/// The first 16 octets: what is to come, and how long it is.
ProxyHeaderReader::Outcome ProxyHeaderReader::read_v2_start() {
  const std::uint8_t command = octet(header_, 12);
  if (command != kLocal && command != kProxy) return fail("version 2: unknown version or command");
  const std::size_t length = number16(header_, 14);
  if (length > kMaxV2) return fail("version 2: longer than 16 KiB");
  if (command == kProxy) {
    const auto addresses = size_of_addresses(octet(header_, 13));
    if (!addresses) return fail("version 2: family is not TCP over IPv4 or IPv6, Unix or UNSPEC");
    if (length < *addresses) return fail("version 2: too short for its addresses");
  }
  size_ = kStart + length;
  return length == 0 ? read_v2() : Outcome::need_data;
}

ProxyHeaderReader::Outcome ProxyHeaderReader::read_v2() {
  const std::uint8_t family = octet(header_, 13);
  // The peer speaks for itself, or does not say for whom: nothing behind that means anything.
  if (octet(header_, 12) == kLocal || family == kUnspec) return Outcome::header;
  const Outcome outcome = read_tlvs(kStart + *size_of_addresses(family));
  if (outcome != Outcome::header || family == kUnixStream) return outcome;
  const std::size_t ip_size = family == kTcp4 ? sizeof(in_addr) : sizeof(in6_addr);
  const std::string_view addresses = std::string_view(header_).substr(kStart);
  facts_.address = address_v2(addresses.substr(0, ip_size), number16(addresses, 2 * ip_size));
  facts_.local =
      address_v2(addresses.substr(ip_size, ip_size), number16(addresses, 2 * ip_size + 2));
  about_client_ = true;
  header_ = {};
  return outcome;
}

ProxyHeaderReader::Outcome ProxyHeaderReader::read_tlvs(std::size_t begin) {
  std::string_view rest = std::string_view(header_).substr(begin);
  std::optional<std::uint32_t> checksum;
  std::size_t checksum_at = 0;
  while (!rest.empty()) {
    const auto tlv = take_tlv(rest);
    if (!tlv) return fail("version 2: a TLV is longer than the header");
    const std::string_view value = tlv->value;
    switch (tlv->type) {
      case kAuthority:
        if (is_dns_name(value)) facts_.server_name = lower_dns_name(value);
        break;
      case kUniqueId:
        facts_.session_id = session_id(value);
        break;
      case kSsl:
        if (!read_ssl(value)) return fail("version 2: the SSL TLV is malformed");
        break;
      case kCrc32c:
        if (checksum || value.size() != 4) return fail("version 2: the CRC32C TLV is malformed");
        checksum = number32(value, 0);
        checksum_at = header_.size() - rest.size() - value.size();
        break;
      default:  // NOOP, ALPN, and whatever else there will be
        break;
    }
  }
  if (checksum) {
    header_.replace(checksum_at, 4, 4, '\0');
    if (crc32c(header_) != *checksum) return fail("version 2: the CRC32C is wrong");
  }
  return Outcome::header;
}

bool ProxyHeaderReader::read_ssl(std::string_view value) {
  if (value.size() < kSslStart) return false;
  const std::uint8_t client = octet(value, 0);
  const bool verified = number32(value, 1) == 0;
  const bool certificate = (client & (kClientCertConn | kClientCertSess)) != 0;
  value.remove_prefix(kSslStart);
  ClientFacts said;
  while (!value.empty()) {
    const auto tlv = take_tlv(value);
    if (!tlv) return false;
    if (tlv->type == kSslVersion) said.tls_version = tls_name(tlv->value);
    if (tlv->type == kSslCipher) said.tls_cipher = tls_name(tlv->value);
    if (tlv->type == kSslCommonName && certificate && verified) {
      said.certificate = subject(tlv->value);
    }
  }
  if ((client & kClientSsl) == 0) return true;  // no TLS: then nothing of it counts
  facts_.secure = true;
  facts_.tls_version = std::move(said.tls_version);
  facts_.tls_cipher = std::move(said.tls_cipher);
  facts_.certificate = std::move(said.certificate);
  return true;
}

void ProxyHeaderReader::apply(ClientFacts& facts) const {
  if (!about_client_) return;
  facts.address = facts_.address;
  facts.local = facts_.local;
  if (facts_.secure) {
    facts.secure = true;
    facts.tls_version = facts_.tls_version;
    facts.tls_cipher = facts_.tls_cipher;
    facts.certificate = facts_.certificate;
  }
  if (!facts_.server_name.empty()) facts.server_name = facts_.server_name;
  if (!facts_.session_id.empty()) facts.session_id = facts_.session_id;
}

}  // namespace gatepost::net
