#pragma once

#include <memory>
#include <string>

#include "proxy/base/error.h"
#include "proxy/net/transport.h"
#include "proxy/tls/ticket_keys.h"
#include "proxy/tls/version.h"

namespace gatepost::tls {

struct ServerOptions {
  std::string certificate_file;  ///< PEM: leaf first, then the chain
  std::string key_file;          ///< PEM, not encrypted
  Version min_version = Version::tls1_2;
  std::shared_ptr<const TicketKeys> tickets = nullptr;  ///< null: no resumption
};

/// TLS towards clients: 1.2 and 1.3, ALPN "pop3" (a client that offers only other protocols is
/// refused with no_application_protocol, RFC 7301 section 3.2; one that offers none is served),
/// stateless resumption, neither early data nor renegotiation. Immutable, shared by all threads.
class ServerContext : public net::TlsLayer {
 public:
  /// Reads the files. Fails with `config`, naming the file (see tls::inspect).
  [[nodiscard]] static Result<std::shared_ptr<const ServerContext>> create(
      const ServerOptions& options);
};

}  // namespace gatepost::tls
