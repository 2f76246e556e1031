#pragma once

// Internal to proxy/tls.

#include <chrono>
#include <optional>

#include "proxy/tls/certificate.h"
#include "proxy/tls/openssl.h"

namespace gatepost::tls {

/// nullopt if `time` is none. What the clock cannot reach is its first or last moment.
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> time_of(const ASN1_TIME* time);

/// What the leaf says; `chain_length` and `ocsp_until` are left to the caller. nullopt if no server
/// can use its kind of key.
[[nodiscard]] std::optional<CertificateInfo> describe(const X509& leaf);

}  // namespace gatepost::tls
