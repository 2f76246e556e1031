#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatepost::tls {

enum class KeyKind : std::uint8_t { ecdsa, rsa, ed25519 };

/// "ECDSA", "RSA", "Ed25519".
[[nodiscard]] std::string_view to_string(KeyKind kind);

/// What an administrator wants to know about a certificate that clients get to see.
struct CertificateInfo {
  std::string subject;  ///< of the leaf, RFC 2253: "CN=mail.example.org"
  /// DNS names (lower case) and addresses of subjectAltName; only without that extension the common
  /// name, if it could be a DNS name.
  std::vector<std::string> names;
  std::chrono::system_clock::time_point not_before;
  std::chrono::system_clock::time_point not_after;
  std::size_t chain_length = 0;  ///< certificates in the file, the leaf included
  KeyKind key = KeyKind::ecdsa;
  /// When the OCSP response will be outdated, or was; it is stapled until then. Without one:
  /// nullopt. One that does not say: the far future.
  std::optional<std::chrono::system_clock::time_point> ocsp_until = {};
};

}  // namespace gatepost::tls
