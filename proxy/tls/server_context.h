#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/net/transport.h"
#include "proxy/tls/identity.h"
#include "proxy/tls/ticket_keys.h"
#include "proxy/tls/version.h"

namespace gatepost::tls {

enum class Profile : std::uint8_t {
  modern,  ///< min_version and up; forward secrecy and AEAD only
  legacy,  ///< TLS 1.0 and up with CBC suites, for devices that know no better. No SSL 3, no RC4.
};

enum class PeerCertificate : std::uint8_t { off, optional, required };

struct ServerOptions {
  /// At least one. A client gets the first whose names match its SNI (exact before wildcard) and
  /// whose kind of key it can use (ECDSA before RSA); without a match the same among those of the
  /// default, which is the first identity with all others of the same names.
  std::vector<std::shared_ptr<const Identity>> identities;
  Version min_version = Version::tls1_2;
  Profile profile = Profile::modern;
  PeerCertificate client_certificates = PeerCertificate::off;
  std::string client_ca_file = {};                      ///< PEM; read by create()
  std::shared_ptr<const TicketKeys> tickets = nullptr;  ///< null: no resumption
};

/// TLS towards clients: 1.2 and 1.3, ALPN "pop3" (a client that offers only other protocols is
/// refused with no_application_protocol, RFC 7301 section 3.2; one that offers none is served),
/// stateless resumption, neither early data nor renegotiation. Tickets are bound to the server's
/// name and to the demand for client certificates. Immutable, shared by all threads.
class ServerContext : public net::TlsLayer {
 public:
  /// Fails with `config`, naming the file, when the CA file cannot be used.
  [[nodiscard]] static Result<std::shared_ptr<const ServerContext>> create(
      const ServerOptions& options);
};

}  // namespace gatepost::tls
