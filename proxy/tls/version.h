#pragma once

#include <cstdint>

namespace gatepost::tls {

/// The protocol versions that are spoken; older ones never are (RFC 8996).
enum class Version : std::uint8_t { tls1_2, tls1_3 };

}  // namespace gatepost::tls
