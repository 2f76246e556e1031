#include "proxy/admin/words.h"

#include <gtest/gtest.h>

namespace gatepost::admin {
namespace {

TEST(Words, OctetsHaveTheUnitThatReadsBest) {
  EXPECT_EQ(octets(0), "0 B");
  EXPECT_EQ(octets(1'023), "1023 B");
  EXPECT_EQ(octets(1'024), "1.0 KiB");
  EXPECT_EQ(octets(1'258'291), "1.2 MiB");
  EXPECT_EQ(octets((1U << 20U) - 1), "1.0 MiB") << "never 1024.0";
  EXPECT_EQ(octets(std::uint64_t{3} << 50U), "3.0 PiB");
}

TEST(Words, WhatDidNotHappenHasNoTime) {
  EXPECT_EQ(utc(std::int64_t{0}), "–");
  EXPECT_EQ(utc(1'772'460'302), "2026-03-02 14:05:02");
}

}  // namespace
}  // namespace gatepost::admin
