#pragma once

// Internal to proxy/tls.

#include <chrono>
#include <string_view>

#include "proxy/base/error.h"
#include "proxy/tls/openssl.h"

namespace gatepost::tls {

/// Larger files are no OCSP responses. Clients would have to take all of it in every handshake.
inline constexpr std::size_t kMaxOcspResponse = std::size_t{16} * 1024;

/// Looks whether `der` is an OCSP response (RFC 6960 section 4.2) that calls `leaf` good, from no
/// later than `now`; returns until when it does, which may be past. Its signature is for the
/// clients to check. Fails with `config`, saying in `detail` what is wrong.
[[nodiscard]] Result<std::chrono::system_clock::time_point> check_ocsp(
    std::string_view der, const X509& leaf, std::chrono::system_clock::time_point now);

}  // namespace gatepost::tls
