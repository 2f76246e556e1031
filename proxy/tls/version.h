#pragma once

#include <cstdint>

namespace gatepost::tls {

/// The lowest protocol version that is spoken; older ones never are (RFC 8996), but see
/// Profile::legacy.
enum class Version : std::uint8_t { tls1_2, tls1_3 };

/// What a server speaks.
enum class Profile : std::uint8_t {
  modern,  ///< min_version and up; forward secrecy and AEAD only
  legacy,  ///< TLS 1.0 and up with CBC suites, for devices that know no better. No SSL 3, no RC4.
};

}  // namespace gatepost::tls
