#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/net/transport.h"
#include "proxy/tls/version.h"

namespace gatepost::tls {

struct ClientOptions {
  bool verify = true;        ///< check chain, dates, purpose and name of the server's certificate
  std::string ca_file = {};  ///< PEM; empty: the system's certificates
  std::string server_name = {};  ///< name or literal address that the certificate must carry
  Version min_version = Version::tls1_2;
  /// Base64 of SHA-256 of a SubjectPublicKeyInfo (RFC 7469 section 2.4): one certificate of the
  /// chain must have one of them, also when `verify` is false; then only signatures lead from one
  /// certificate to the next. Empty: not looked at.
  std::vector<std::string> pins = {};
  std::string certificate_file = {};  ///< PEM: ours towards the server; empty: none
  std::string key_file = {};          ///< PEM; empty: in the certificate's file
  bool alpn_pop3 = true;              ///< false: for other protocols, nothing is said of them
};

/// TLS towards upstream. The certificate must be good for a server (extended key usage) and carry
/// the expected name as subjectAltName: the common name is not looked at, and wildcards stand for a
/// whole label (RFC 9525). Names, not addresses, are sent as SNI. ALPN "pop3" is offered
/// (`alpn_pop3`); a server that does not answer it is fine. The newest sessions are kept, and
/// resumed (RFC 8446 section 2.2): what was verified when a session began holds for its resumption.
/// Shared by all threads.
class ClientContext : public net::TlsLayer {
 public:
  /// Reads the files. Fails with `config`, naming the file or the name that cannot be used.
  [[nodiscard]] static Result<std::shared_ptr<const ClientContext>> create(
      const ClientOptions& options);
};

}  // namespace gatepost::tls
