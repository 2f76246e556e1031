#pragma once

// Internal to proxy/tls.

#include <array>
#include <cstdint>

#include "proxy/base/error.h"
#include "proxy/tls/openssl.h"
#include "proxy/tls/version.h"

namespace gatepost::tls {

/// "pop3" as ALPN names it (RFC 7301, IANA), in the wire form: a list of one.
inline constexpr std::array<std::uint8_t, 5> kAlpnPop3 = {4, 'p', 'o', 'p', '3'};

/// What both sides have in common: versions, suites, groups, no session cache.
[[nodiscard]] Result<bssl::UniquePtr<SSL_CTX>> make_context(Version min_version);

/// A fresh connection of `context`; fails only for want of memory.
[[nodiscard]] Result<bssl::UniquePtr<SSL>> make_connection(SSL_CTX* context);

}  // namespace gatepost::tls
