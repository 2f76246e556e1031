#pragma once

// Internal to proxy/tls.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "proxy/tls/identity.h"
#include "proxy/tls/openssl.h"
#include "proxy/tls/pem.h"

namespace gatepost::tls {

/// What Identity::load() makes, and the only kind of Identity that there is.
class LoadedIdentity final : public Identity {
 public:
  LoadedIdentity(IdentityFiles files, CertificateInfo info, KeyedChain chain,
                 std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> encoded, std::string staple);

  [[nodiscard]] const IdentityFiles& files() const override { return files_; }
  [[nodiscard]] const CertificateInfo& info() const override { return info_; }

  /// The group that an ECDSA key is on (SSL_CURVE_…), 0 for other keys.
  [[nodiscard]] std::uint16_t group() const { return group_; }
  /// Gives chain, key and, unless it is outdated, the staple to a connection.
  [[nodiscard]] bool use(SSL* ssl) const;
  /// Gives chain and key to all connections of a context that are not told otherwise; staple() is
  /// for each of them.
  [[nodiscard]] bool use_for_all(SSL_CTX* context) const;
  [[nodiscard]] bool staple(SSL* ssl) const;
  /// Notes that it was chosen for a connection, and lives as long as that.
  [[nodiscard]] bool note_choice(SSL* ssl) const;
  /// What was noted; null: nothing, as with a client.
  [[nodiscard]] static const LoadedIdentity* chosen(const SSL* ssl);

 private:
  const IdentityFiles files_;
  const CertificateInfo info_;
  const KeyedChain chain_;
  const std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> encoded_;
  std::vector<CRYPTO_BUFFER*> views_;  // of encoded_, as the library wants them
  const std::string staple_;           // DER, empty: none
  std::uint16_t group_ = 0;
};

}  // namespace gatepost::tls
