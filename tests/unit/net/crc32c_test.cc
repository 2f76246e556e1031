#include "proxy/net/crc32c.h"

#include <gtest/gtest.h>

namespace gatepost::net {
namespace {

TEST(Crc32cTest, FollowsTheExamplesOfTheRfc) {  // RFC 3720 section B.4
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(crc32c("123456789"), 0xE306'9283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A91'36AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8'AB43U);
  std::string counting;
  for (char c = 0; c < 32; ++c) counting += c;
  EXPECT_EQ(crc32c(counting), 0x46DD'794EU);
}

}  // namespace
}  // namespace gatepost::net
