#pragma once

// Internal to proxy/tls.

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "proxy/tls/certificate.h"
#include "proxy/tls/openssl.h"

namespace gatepost::tls {

/// nullopt if `time` is none. What the clock cannot reach is its first or last moment.
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> time_of(const ASN1_TIME* time);

/// DNS names, as they are written, and addresses of subjectAltName, at most `most`; nullopt without
/// that extension.
[[nodiscard]] std::optional<std::vector<std::string>> subject_alt_names(const X509& certificate,
                                                                        std::size_t most);

/// What the leaf says; `chain_length` and `ocsp_until` are left to the caller. nullopt if no server
/// can use its kind of key.
[[nodiscard]] std::optional<CertificateInfo> describe(const X509& leaf);

}  // namespace gatepost::tls
