#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

// Numbers of the PROXY protocol, version 2, that its reader and its writer share; for them only.
namespace gatepost::net::proxy_wire {

inline constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
/// Signature, version and command, family, length.
inline constexpr std::size_t kStart = 16;

inline constexpr std::uint8_t kLocal = 0x20;
inline constexpr std::uint8_t kProxy = 0x21;

inline constexpr std::uint8_t kUnspec = 0x00;
inline constexpr std::uint8_t kTcp4 = 0x11;
inline constexpr std::uint8_t kTcp6 = 0x21;
inline constexpr std::uint8_t kUnixStream = 0x31;

inline constexpr std::size_t kTcp4Size = 12;
inline constexpr std::size_t kTcp6Size = 36;
inline constexpr std::size_t kUnixSize = 216;

/// PP2_TYPE_…
inline constexpr std::uint8_t kAuthority = 0x02;
inline constexpr std::uint8_t kCrc32c = 0x03;
inline constexpr std::uint8_t kUniqueId = 0x05;
inline constexpr std::uint8_t kSsl = 0x20;

/// PP2_SUBTYPE_SSL_…, inside kSsl behind kSslStart octets: client bits, and `verify` as 32 bits.
inline constexpr std::size_t kSslStart = 5;
inline constexpr std::uint8_t kSslVersion = 0x21;
inline constexpr std::uint8_t kSslCommonName = 0x22;
inline constexpr std::uint8_t kSslCipher = 0x23;

/// PP2_CLIENT_…
inline constexpr std::uint8_t kClientSsl = 0x01;
inline constexpr std::uint8_t kClientCertConn = 0x02;
inline constexpr std::uint8_t kClientCertSess = 0x04;

}  // namespace gatepost::net::proxy_wire
