#pragma once

#include <cstddef>
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

enum class PeerCertificate : std::uint8_t {
  off,       ///< not asked for
  optional,  ///< asked for; one that cannot be verified is refused
  required,
};

/// Octets of the subject of a client's certificate (TlsFacts::certificate); one with a longer
/// subject is refused, because two that are cut would look the same.
inline constexpr std::size_t kMaxSubject = 512;

struct ServerOptions {
  /// At least one. A client gets the first whose names match its SNI (exact before wildcard) and
  /// whose kind of key it can use (ECDSA before RSA); without a match the same among those of the
  /// default, which is the first identity with all others that share a name with it.
  std::vector<std::shared_ptr<const Identity>> identities;
  Version min_version = Version::tls1_2;  ///< of Profile::modern
  Profile profile = Profile::modern;
  PeerCertificate client_certificates = PeerCertificate::off;
  /// PEM: each of its certificates may have signed clients'. Read by create(), names are sent to
  /// clients.
  std::string client_ca_file = {};
  std::shared_ptr<const TicketKeys> tickets = nullptr;  ///< null: no resumption
};

/// TLS towards clients, with the versions of its profile; ALPN "pop3" (a client that offers only
/// other protocols is refused with no_application_protocol, RFC 7301 section 3.2; one that offers
/// none is served), stateless resumption, neither early data nor renegotiation. Tickets are bound
/// to the server's name, to the profile and to the demand for client certificates with its CA file.
/// Immutable, shared by all threads.
class ServerContext : public net::TlsLayer {
 public:
  /// Fails with `config`, naming the file, when the CA file cannot be used.
  [[nodiscard]] static Result<std::shared_ptr<const ServerContext>> create(
      const ServerOptions& options);
};

}  // namespace gatepost::tls
