#pragma once

// Internal to proxy/tls.

#include <cstdint>
#include <optional>
#include <string>

#include "proxy/tls/handshake_failure.h"
#include "proxy/tls/openssl.h"

namespace gatepost::tls {

struct Failure {
  HandshakeFailure category;
  std::string text;
};

/// Reads this thread's error queue after a handshake call on `ssl` failed. `first_byte` is the
/// first byte that the peer sent; `expected_name` the name that the peer's certificate had to
/// carry.
[[nodiscard]] Failure explain_handshake(const SSL& ssl, std::optional<std::uint8_t> first_byte,
                                        const std::string& expected_name);

/// The same for a call after the handshake: what is wrong with the peer's records.
[[nodiscard]] std::string explain_record();

}  // namespace gatepost::tls
