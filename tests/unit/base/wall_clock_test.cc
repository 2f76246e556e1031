#include "proxy/base/wall_clock.h"

#include <gtest/gtest.h>

#include <limits>

namespace gatepost {
namespace {

TEST(WallClock, IsWrittenInUtc) {
  EXPECT_EQ(utc_text(1'772'460'302), "2026-03-02 14:05:02");
  EXPECT_EQ(utc_text(0), "1970-01-01 00:00:00");
  EXPECT_EQ(utc_text(-1), "1969-12-31 23:59:59");
}

TEST(WallClock, HasNoTextForWhatNoCalendarHas) {
  EXPECT_EQ(utc_text(std::numeric_limits<std::int64_t>::max()), "?");
}

}  // namespace
}  // namespace gatepost
