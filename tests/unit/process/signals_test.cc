#include "proxy/process/signals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "tests/unit/net/sockets.h"

namespace gatepost::process {
namespace {

using ::gatepost::testing::run_for;
using ::gatepost::testing::run_until;
using ::testing::ElementsAre;

TEST(SignalsTest, HandsEachSignalToTheFunctionInTheLoop) {
  net::Loop loop;
  std::vector<int> seen;
  const Signals signals(loop, {SIGUSR1, SIGUSR2}, [&](int number) { seen.push_back(number); });
  ASSERT_EQ(std::raise(SIGUSR2), 0);
  EXPECT_TRUE(seen.empty()) << "not from inside the signal";
  EXPECT_TRUE(run_until(loop, [&] { return seen.size() == 1; }));
  ASSERT_EQ(std::raise(SIGUSR1), 0);
  EXPECT_TRUE(run_until(loop, [&] { return seen.size() == 2; }));
  EXPECT_THAT(seen, ElementsAre(SIGUSR2, SIGUSR1));
}

TEST(SignalsTest, SaysNothingOnceDestroyed) {
  net::Loop loop;
  // Keeps the signal from ending the process.
  const Signals outer(loop, {SIGUSR1}, [](int) {});
  int calls = 0;
  {
    const Signals inner(loop, {SIGUSR1}, [&](int) { ++calls; });
    ASSERT_EQ(std::raise(SIGUSR1), 0);
  }
  run_for(loop, Duration(20));
  EXPECT_EQ(calls, 0);
}

TEST(SignalsTest, IgnoresTheSignalOfBrokenPipes) {
  net::Loop loop;
  std::signal(SIGPIPE, SIG_DFL);
  const Signals signals(loop, {}, [](int) {});
  EXPECT_EQ(std::raise(SIGPIPE), 0);  // would end the process
}

}  // namespace
}  // namespace gatepost::process
