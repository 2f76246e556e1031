#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/bytes.h"
#include "proxy/net/client_facts.h"

namespace gatepost::net {

/// Reads the header of the PROXY protocol, version 1 or 2 (HAProxy, doc/proxy-protocol.txt), from
/// the first bytes of a connection. Takes exactly the header, never a byte more. No I/O, no clock.
class ProxyHeaderReader {
 public:
  /// Octets of a version 1 header with CRLF.
  static constexpr std::size_t kMaxV1 = 107;
  /// Octets behind the first 16 of a version 2 header; TLVs with a client certificate are large.
  static constexpr std::size_t kMaxV2 = std::size_t{16} * 1024;

  enum class Outcome : std::uint8_t {
    need_data,
    header,  ///< apply() has something to say
    error,   ///< error(); the connection is useless
  };

  [[nodiscard]] Outcome next(ByteChain& in);

  /// Puts what the header says into `facts`: addresses, TLS, authority, unique id. A header that
  /// speaks of no client (LOCAL, UNKNOWN, UNSPEC) leaves everything as it is.
  void apply(ClientFacts& facts) const;
  /// What is wrong, for the log; holds nothing of what the peer sent.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  [[nodiscard]] Outcome fail(std::string text);
  [[nodiscard]] Outcome read_v1();
  [[nodiscard]] Outcome read_v2();

  std::string header_;  // collected so far
  bool about_client_ = false;
  ClientFacts facts_;
  std::string error_;
};

/// The header that tells upstream of `client`. Without an IP address (Unix socket) it is one that
/// speaks of no client. Version 2 carries TLS facts, authority and unique id as TLVs, and a CRC32C.
[[nodiscard]] std::string proxy_header_v1(const ClientFacts& client);
[[nodiscard]] std::string proxy_header_v2(const ClientFacts& client);

}  // namespace gatepost::net
