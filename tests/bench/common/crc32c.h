#pragma once

#include <cstddef>
#include <cstdint>

namespace gatepost::bench {

/// CRC-32C of `size` octets behind those that gave `crc` (0 at the start). Fast enough not to slow
/// the load generator down where the processor has SSE 4.2.
[[nodiscard]] std::uint32_t crc32c(std::uint32_t crc, const void* data, std::size_t size);

}  // namespace gatepost::bench
