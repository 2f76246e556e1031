#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/tls/certificate.h"

namespace gatepost::tls {

/// Where a certificate comes from.
struct IdentityFiles {
  std::string certificate;  ///< PEM: leaf first, then the chain
  std::string key;          ///< PEM, not encrypted; empty: in the certificate's file
  std::string ocsp = {};    ///< DER, to be stapled as it is; empty: none
  std::string rule = {};    ///< where the configuration names it, as a JSON pointer
  bool operator==(const IdentityFiles&) const = default;
};

/// A certificate chain with its key and staple, read and checked. Immutable; shared.
class Identity {
 public:
  virtual ~Identity() = default;
  /// Reads the files. Fails with `config`, naming the file, when one cannot be read, the key does
  /// not fit, or the OCSP response is not a good answer for this certificate at this time. Whether
  /// the certificate itself is valid at this time is for the caller to say.
  [[nodiscard]] static Result<std::shared_ptr<const Identity>> load(const IdentityFiles& files);

  [[nodiscard]] virtual const IdentityFiles& files() const = 0;
  /// Subject names (DNS, wildcards too; lower case), expiry, kind of key, end of the staple.
  [[nodiscard]] virtual const CertificateInfo& info() const = 0;
};

/// Certificates of one folder; with more of them the folder is refused.
inline constexpr std::size_t kMaxIdentities = 1000;

/// The certificates of a folder: NAME.pem or NAME.crt with NAME.key beside it or the key inside,
/// NAME.ocsp with its staple; and every subfolder (one level) that holds tls.crt and tls.key, as
/// Kubernetes mounts them, tls.ocsp too. Names that begin with a dot are not looked at. In the
/// order of the names. Fails with `config` when the folder cannot be read or holds more than
/// kMaxIdentities.
[[nodiscard]] Result<std::vector<IdentityFiles>> find_identities(const std::string& folder);

}  // namespace gatepost::tls
