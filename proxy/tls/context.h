#pragma once

// Internal to proxy/tls.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "proxy/base/error.h"
#include "proxy/tls/openssl.h"
#include "proxy/tls/version.h"

namespace gatepost::tls {

/// "pop3" as ALPN names it (RFC 7301, IANA), in the wire form: a list of one.
inline constexpr std::array<std::uint8_t, 5> kAlpnPop3 = {4, 'p', 'o', 'p', '3'};

/// Octets of the certificates that a peer may send; more of them end the handshake.
inline constexpr std::size_t kMaxPeerChain = std::size_t{64} * 1024;

/// What both sides have in common: versions, suites, groups, no session cache. `min_version` is
/// that of Profile::modern.
[[nodiscard]] Result<bssl::UniquePtr<SSL_CTX>> make_context(Version min_version,
                                                            Profile profile = Profile::modern);

/// What a server of `profile` signs with, in the order of its preference.
[[nodiscard]] std::span<const std::uint16_t> signatures_of(Profile profile);

/// A fresh connection of `context`; fails only for want of memory.
[[nodiscard]] Result<bssl::UniquePtr<SSL>> make_connection(SSL_CTX* context);

}  // namespace gatepost::tls
