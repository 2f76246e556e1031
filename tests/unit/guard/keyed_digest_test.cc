#include "proxy/guard/keyed_digest.h"

#include <gtest/gtest.h>

#include <string>

namespace gatepost::guard {
namespace {

// The key and the texts of the authors' own vectors: octets 00, 01, 02, ...
constexpr KeyedDigest::Key kKey{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};

std::string counting(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += static_cast<char>(i);
  return text;
}

TEST(KeyedDigest, is_siphash_2_4_with_128_bits) {
  const KeyedDigest digest(kKey);
  EXPECT_EQ(digest.of(""), (Digest{0xe6a825ba047f81a3U, 0x930255c71472f66dU}));
  EXPECT_EQ(digest.of(counting(1)), (Digest{0x44af996bd8c187daU, 0x45fc229b11597634U}));
}

TEST(KeyedDigest, looks_at_every_octet_and_at_the_length) {
  const KeyedDigest digest(kKey);
  for (std::size_t size = 1; size < 40; ++size) {
    const std::string text = counting(size);
    for (std::size_t i = 0; i < size; ++i) {
      std::string other = text;
      other[i] = static_cast<char>(other[i] ^ 0x80);
      EXPECT_NE(digest.of(other), digest.of(text)) << size << " " << i;
    }
    EXPECT_NE(digest.of(text + '\0'), digest.of(text)) << size;
  }
}

TEST(KeyedDigest, differs_from_process_to_process) {
  EXPECT_NE(KeyedDigest::random().of("joe"), KeyedDigest::random().of("joe"));
}

}  // namespace
}  // namespace gatepost::guard
