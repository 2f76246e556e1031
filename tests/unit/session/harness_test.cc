// The harness itself: that transcripts really run in every way and die everywhere.
#include <gtest/gtest.h>

#include <set>

#include "tests/support/session_harness.h"

namespace gatepost::testing {
namespace {

TEST(SessionHarness, runs_a_transcript_in_many_ways_and_kills_it_everywhere) {
  int finished = 0;
  std::set<std::size_t> killed_after;
  std::size_t most_turns = 0;
  for_each_run([&](SessionHarness& s) {
    s.start();
    s.expect_client_line("+OK");
    s.log_in();
    s.ignore_the_rest();
    most_turns = std::max(most_turns, s.turns());
    if (s.killed()) {
      killed_after.insert(s.turns());
    } else {
      ++finished;
    }
  });
  EXPECT_EQ(finished, 15);
  EXPECT_GE(killed_after.size(), 20U);
  EXPECT_GE(most_turns, 100U);
}

}  // namespace
}  // namespace gatepost::testing
