#pragma once

// Internal to proxy/tls.

#include <string>

#include "proxy/tls/inspection.h"
#include "proxy/tls/openssl.h"

namespace gatepost::tls {

/// Names of a certificate that are looked at.
inline constexpr std::size_t kMaxInspectedNames = 100;

[[nodiscard]] SeenCertificate inspect_certificate(const X509& certificate);

/// `chain` is not empty, leaf first. `name` may be empty: then nothing matches.
[[nodiscard]] PeerVerdict judge(const STACK_OF(X509) & chain, X509_STORE* store,
                                const std::string& name);

}  // namespace gatepost::tls
