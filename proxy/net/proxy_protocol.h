#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/address.h"
#include "proxy/base/bytes.h"
#include "proxy/net/client_facts.h"

namespace gatepost::net {

/// Reads the header of the PROXY protocol, version 1 or 2 (HAProxy, doc/proxy-protocol.txt), from
/// the first bytes of a connection. Takes exactly the header, never a byte more. No I/O, no clock.
///
/// Strict: what the specification does not allow is an error, and so are UDP, a TLV that does not
/// fit into the header, and a CRC32C that is not right. TLVs that we do not know are skipped.
class ProxyHeaderReader {
 public:
  /// Octets of a version 1 header with CRLF.
  static constexpr std::size_t kMaxV1 = 107;
  /// Octets behind the first 16 of a version 2 header; TLVs with a client certificate are large.
  static constexpr std::size_t kMaxV2 = std::size_t{16} * 1024;
  /// Octets of a unique id; a longer one is not believed.
  static constexpr std::size_t kMaxUniqueId = 128;
  /// Octets of the names of TLS version and cipher suite; a longer one is not believed.
  static constexpr std::size_t kMaxTlsName = 64;
  /// Octets of the common name of a client certificate; a longer one is not believed.
  static constexpr std::size_t kMaxCommonName = 256;

  enum class Outcome : std::uint8_t {
    need_data,
    header,  ///< apply() has something to say
    error,   ///< error(); the connection is useless
  };

  /// Once it is `header` or `error` it stays so, and nothing more is taken.
  [[nodiscard]] Outcome next(ByteChain& in);

  /// Puts what the header says into `facts`: addresses, TLS, authority, unique id. A header that
  /// speaks of no client that could be reached (LOCAL, UNKNOWN, UNSPEC, Unix sockets) leaves
  /// everything as it is.
  ///
  /// - server_name: AUTHORITY in lower case, if it is a DNS name.
  /// - session_id: UNIQUE_ID as it is if it is printable ASCII without blanks, else in hex if that
  ///   has at most kMaxUniqueId digits, else nothing.
  /// - secure, tls_version, tls_cipher: SSL, if its client bit PP2_CLIENT_SSL is set.
  /// - certificate: "CN=…" from SSL, escaped as in RFC 4514, if the client showed a certificate and
  ///   the peer in front found it good.
  void apply(ClientFacts& facts) const;
  /// What is wrong, for the log; holds nothing of what the peer sent.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  [[nodiscard]] std::size_t wanted() const;
  [[nodiscard]] bool is_v1() const { return header_.starts_with('P'); }
  [[nodiscard]] Outcome fail(std::string_view text);
  [[nodiscard]] Outcome look();
  [[nodiscard]] Outcome read_v1();
  [[nodiscard]] Outcome read_v2_start();
  [[nodiscard]] Outcome read_v2();
  [[nodiscard]] Outcome read_tlvs(std::size_t begin);
  [[nodiscard]] bool read_ssl(std::string_view value);

  std::string header_;    // collected so far
  std::size_t size_ = 0;  // of a version 2 header, once it is known
  Outcome outcome_ = Outcome::need_data;
  bool about_client_ = false;
  ClientFacts facts_;
  std::string error_;
};

/// The header that tells upstream of `client`. Without an IP address (Unix socket, or 0.0.0.0 and
/// :: as in facts that nobody filled) it speaks of no client: UNKNOWN in version 1, LOCAL in
/// version 2, where receivers refuse UNSPEC. A source and a destination of different families go
/// as two IPv6 addresses, the IPv4 one mapped (::ffff:192.0.2.1); an unknown destination is the
/// family's 0.
[[nodiscard]] std::string proxy_header_v1(const ClientFacts& client);
/// Also carries what is known of TLS, authority and unique id, as TLVs, and a CRC32C.
[[nodiscard]] std::string proxy_header_v2(const ClientFacts& client);

}  // namespace gatepost::net
