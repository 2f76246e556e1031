#pragma once

#include <cstdint>
#include <string>

#include "proxy/base/address.h"

namespace gatepost::net {

/// What is believed of the client of one session. Filled from the socket; replaced by what a
/// trusted peer in front says (PROXY protocol, XCLIENT); completed by our own TLS handshake. It is
/// what routes, limits and logs look at, and what upstream is told.
struct ClientFacts {
  PeerAddress address;      ///< the mail program
  PeerAddress local;        ///< where it connected to
  bool secure = false;      ///< TLS, ended here or by a trusted peer in front
  std::string tls_version;  ///< "TLSv1.3"; "" in clear, or if the peer in front did not say
  std::string tls_cipher;
  std::string server_name;  ///< SNI or PROXY authority, lower case; "" without
  /// Subject of the verified client certificate as "CN=joe,O=Example", "" without.
  std::string certificate;
  std::string session_id;  ///< given by the peer in front; "" without
  std::string forwarded;   ///< FORWARD of XCLIENT, base64 as it came; "" without
  std::uint8_t hops = 7;   ///< TTL of XCLIENT: how many further hops are allowed
};

}  // namespace gatepost::net
