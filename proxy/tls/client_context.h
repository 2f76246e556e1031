#pragma once

#include <memory>
#include <string>

#include "proxy/base/error.h"
#include "proxy/net/transport.h"
#include "proxy/tls/version.h"

namespace gatepost::tls {

struct ClientOptions {
  bool verify = true;        ///< check chain, dates, purpose and name of the server's certificate
  std::string ca_file = {};  ///< PEM; empty: the system's certificates
  std::string server_name = {};  ///< name or literal address that the certificate must carry
  Version min_version = Version::tls1_2;
};

/// TLS towards upstream. The certificate must be good for a server (extended key usage) and carry
/// the expected name as subjectAltName: the common name is not looked at, and wildcards stand for a
/// whole label (RFC 9525). Names, not addresses, are sent as SNI. ALPN "pop3" is offered; a server
/// that does not answer it is fine. Immutable, shared by all threads.
class ClientContext : public net::TlsLayer {
 public:
  /// Reads the CA file. Fails with `config`, naming the file or the name that cannot be used.
  [[nodiscard]] static Result<std::shared_ptr<const ClientContext>> create(
      const ClientOptions& options);
};

}  // namespace gatepost::tls
