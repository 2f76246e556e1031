#pragma once

// Internal to proxy/tls.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "proxy/tls/openssl.h"

namespace gatepost::tls {

/// What a client says that it can do, as far as it decides on the certificate (RFC 8446 section
/// 4.1.2, RFC 5246 section 7.4.1.2).
struct ClientOffer {
  std::uint16_t version = 0;  ///< the highest one offered, TLS 1.3 at most
  std::vector<std::uint16_t> suites;
  std::optional<std::vector<std::uint16_t>> signatures;  ///< nullopt: it does not say
  std::optional<std::vector<std::uint16_t>> groups;
};

/// Reads what `hello` says. A list that cannot be read counts as one that is missing: the library
/// will refuse it later, with the right alert.
[[nodiscard]] ClientOffer read_offer(const SSL_CLIENT_HELLO& hello);

/// The parts of it: a list of 16-bit numbers, and the same behind its length in 8 or 16 bits.
/// nullopt when there is anything else.
[[nodiscard]] std::optional<std::vector<std::uint16_t>> read_numbers(
    std::span<const std::uint8_t> octets);
[[nodiscard]] std::optional<std::vector<std::uint16_t>> read_counted8(
    std::span<const std::uint8_t> octets);
[[nodiscard]] std::optional<std::vector<std::uint16_t>> read_counted16(
    std::span<const std::uint8_t> octets);

}  // namespace gatepost::tls
