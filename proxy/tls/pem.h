#pragma once

// Internal to proxy/tls.

#include <string>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/tls/openssl.h"

namespace gatepost::tls {

/// A certificate with its chain, leaf first, and the key of the leaf.
struct Identity {
  std::vector<bssl::UniquePtr<X509>> chain;
  bssl::UniquePtr<EVP_PKEY> key;
};

/// Larger files are neither certificates nor keys.
inline constexpr std::size_t kMaxPemFile = std::size_t{1024} * 1024;

/// Reads both PEM files. Fails with `config`, naming the file, when one cannot be read or parsed,
/// the key is encrypted or belongs to another certificate, or a certificate is not followed by the
/// one that issued it.
[[nodiscard]] Result<Identity> load_identity(const std::string& certificate_file,
                                             const std::string& key_file);

/// The subject of a certificate in one line (RFC 2253).
[[nodiscard]] std::string subject_of(const X509& certificate);

}  // namespace gatepost::tls
