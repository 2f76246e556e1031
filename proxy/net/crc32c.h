#pragma once

#include <cstdint>
#include <string_view>

namespace gatepost::net {

/// CRC-32C (Castagnoli; RFC 9260 appendix A) of `bytes`.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes);

}  // namespace gatepost::net
