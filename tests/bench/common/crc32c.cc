#include "tests/bench/common/crc32c.h"

#include <array>
#include <cstring>
#if defined(__SSE4_2__)
#include <nmmintrin.h>
#endif

namespace gatepost::bench {
namespace {

#if defined(__SSE4_2__)
constexpr std::size_t kLane = 256;

std::uint32_t behind_zeros(std::uint32_t crc, std::size_t count) {
  while (count-- > 0) crc = _mm_crc32_u8(crc, 0);
  return crc;
}

/// Advances a CRC by a number of zero octets, four table look-ups at a time.
class Shift {
 public:
  explicit Shift(std::size_t zeros) {
    for (unsigned at = 0; at < 4; at++)
      for (std::uint32_t octet = 0; octet < 256; octet++)
        table_[at][octet] = behind_zeros(octet << (8 * at), zeros);
  }
  [[nodiscard]] std::uint32_t of(std::uint32_t crc) const {
    return table_[0][crc & 255] ^ table_[1][(crc >> 8) & 255] ^ table_[2][(crc >> 16) & 255] ^
           table_[3][crc >> 24];
  }

 private:
  std::array<std::array<std::uint32_t, 256>, 4> table_{};
};

const Shift kOneLane(kLane);
const Shift kTwoLanes(2 * kLane);

std::uint64_t load_word(const std::uint8_t* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}
#else
class Table {
 public:
  Table() {
    for (std::uint32_t octet = 0; octet < 256; octet++) {
      std::uint32_t crc = octet;
      for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0);
      table_[octet] = crc;
    }
  }
  [[nodiscard]] std::uint32_t step(std::uint32_t crc, std::uint8_t octet) const {
    return table_[(crc ^ octet) & 255] ^ (crc >> 8);
  }

 private:
  std::array<std::uint32_t, 256> table_{};
};
const Table kTable;
#endif

}  // namespace

std::uint32_t crc32c(std::uint32_t crc, const void* data, std::size_t size) {
  const auto* at = static_cast<const std::uint8_t*>(data);
#if defined(__SSE4_2__)
  std::uint64_t sum = static_cast<std::uint32_t>(~crc);
  // Three lanes at a time: the instruction takes three cycles, but one can start in each.
  while (size >= 3 * kLane) {
    std::uint64_t a = sum;
    std::uint64_t b = 0;
    std::uint64_t c = 0;
    for (std::size_t i = 0; i < kLane; i += 8) {
      a = _mm_crc32_u64(a, load_word(at + i));
      b = _mm_crc32_u64(b, load_word(at + kLane + i));
      c = _mm_crc32_u64(c, load_word(at + 2 * kLane + i));
    }
    sum = kTwoLanes.of(static_cast<std::uint32_t>(a)) ^ kOneLane.of(static_cast<std::uint32_t>(b)) ^
          static_cast<std::uint32_t>(c);
    at += 3 * kLane;
    size -= 3 * kLane;
  }
  for (; size >= 8; at += 8, size -= 8) sum = _mm_crc32_u64(sum, load_word(at));
  auto rest = static_cast<std::uint32_t>(sum);
  while (size-- > 0) rest = _mm_crc32_u8(rest, *at++);
  return ~rest;
#else
  crc = ~crc;
  while (size-- > 0) crc = kTable.step(crc, *at++);
  return ~crc;
#endif
}

}  // namespace gatepost::bench
