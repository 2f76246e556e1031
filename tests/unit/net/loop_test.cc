#include "proxy/net/loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/unit/net/sockets.h"

namespace gatepost::net {
namespace {

using ::gatepost::testing::run_for;
using ::gatepost::testing::run_until;
using ::testing::ElementsAre;

TEST(LoopTest, RunsPostedTasksInOrderOnItsOwnThread) {
  Loop loop;
  std::vector<int> order;
  std::vector<std::thread::id> threads;
  std::thread poster([&] {
    for (int i = 0; i < 1000; ++i) {
      loop.post([&, i] {
        order.push_back(i);
        threads.push_back(std::this_thread::get_id());
      });
    }
  });
  EXPECT_TRUE(run_until(loop, [&] { return order.size() == 1000; }));
  poster.join();
  for (std::size_t i = 0; i < order.size(); ++i) {
    EXPECT_EQ(order[i], static_cast<int>(i));
    EXPECT_EQ(threads[i], std::this_thread::get_id());
  }
}

TEST(LoopTest, TakesTasksFromManyThreadsAtOnce) {
  Loop loop;
  int count = 0;  // touched by the loop's thread only
  std::vector<std::thread> posters;
  for (int t = 0; t < 4; ++t) {
    posters.emplace_back([&] {
      for (int i = 0; i < 500; ++i) loop.post([&] { ++count; });
    });
  }
  EXPECT_TRUE(run_until(loop, [&] { return count == 2000; }));
  for (auto& poster : posters) poster.join();
}

TEST(LoopTest, KeepsTasksPostedBeforeItRuns) {
  Loop loop;
  bool ran = false;
  loop.post([&] { ran = true; });
  EXPECT_FALSE(ran);
  EXPECT_TRUE(run_until(loop, [&] { return ran; }));
}

TEST(LoopTest, RunsATaskPostedByATaskLater) {
  Loop loop;
  std::vector<std::string> order;
  loop.post([&] {
    loop.post([&] { order.emplace_back("inner"); });
    order.emplace_back("outer");
  });
  EXPECT_TRUE(run_until(loop, [&] { return order.size() == 2; }));
  EXPECT_THAT(order, ElementsAre("outer", "inner"));
}

TEST(LoopTest, DropsTasksPostedAfterItStopped) {
  auto held = std::make_shared<int>(0);
  bool ran = false;
  {
    Loop loop;
    loop.post([&] { loop.stop(); });
    loop.run();
    loop.post([&ran, held] { ran = true; });
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_FALSE(ran);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(LoopTest, RunsAgainAfterStop) {
  Loop loop;
  int runs = 0;
  for (int i = 0; i < 2; ++i) {
    loop.post([&] {
      ++runs;
      loop.stop();
    });
    loop.run();
  }
  EXPECT_EQ(runs, 2);
}

TEST(LoopTest, MayBeDestroyedAfterAStopThatNoRunSaw) {
  Loop loop;
  const auto timer = loop.make_timer([] {});
  loop.stop();
}

TEST(LoopTest, IgnoresTheSignalOfBrokenPipes) {
  const Loop loop;
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  ::close(ends[0]);
  EXPECT_EQ(::write(ends[1], "x", 1), -1);  // would end the process
  EXPECT_EQ(errno, EPIPE);
  ::close(ends[1]);
}

TEST(LoopTimerTest, GoesOffOnceAfterItsDelay) {
  Loop loop;
  int calls = 0;
  Instant when;
  const auto timer = loop.make_timer([&] {
    ++calls;
    when = loop.now();
  });
  Instant started;
  loop.post([&] {
    started = loop.now();
    timer->start(Duration(30));
  });
  EXPECT_TRUE(run_until(loop, [&] { return calls > 0; }));
  EXPECT_GE(when - started, Duration(30));
  run_for(loop, Duration(80));
  EXPECT_EQ(calls, 1);
}

TEST(LoopTimerTest, GoesOffInTheOrderOfTheDelays) {
  Loop loop;
  std::vector<int> order;
  const auto last = loop.make_timer([&] { order.push_back(3); });
  const auto first = loop.make_timer([&] { order.push_back(1); });
  const auto middle = loop.make_timer([&] { order.push_back(2); });
  last->start(Duration(40));
  first->start(Duration(1));
  middle->start(Duration(20));
  EXPECT_TRUE(run_until(loop, [&] { return order.size() == 3; }));
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

TEST(LoopTimerTest, StaysSilentOnceStopped) {
  Loop loop;
  int calls = 0;
  const auto timer = loop.make_timer([&] { ++calls; });
  timer->start(Duration(5));
  timer->stop();
  run_for(loop, Duration(40));
  EXPECT_EQ(calls, 0);
  timer->start(Duration(1));
  EXPECT_TRUE(run_until(loop, [&] { return calls == 1; }));
}

TEST(LoopTimerTest, StartingAnewReplacesTheAlarmBefore) {
  Loop loop;
  int calls = 0;
  const auto timer = loop.make_timer([&] { ++calls; });
  timer->start(Duration(1));
  timer->start(Duration(60'000));
  run_for(loop, Duration(40));
  EXPECT_EQ(calls, 0);
  timer->start(Duration(1));
  EXPECT_TRUE(run_until(loop, [&] { return calls > 0; }));
  run_for(loop, Duration(20));
  EXPECT_EQ(calls, 1);
}

TEST(LoopTimerTest, MayBeStartedInsideItsOwnCallback) {
  Loop loop;
  int calls = 0;
  std::unique_ptr<Timer> timer = loop.make_timer([&] {
    if (++calls < 3) timer->start(Duration(1));
  });
  timer->start(Duration(1));
  EXPECT_TRUE(run_until(loop, [&] { return calls == 3; }));
}

TEST(LoopTimerTest, MayBeDestroyedInsideItsOwnCallback) {
  Loop loop;
  auto held = std::make_shared<int>(7);
  int seen = 0;
  std::unique_ptr<Timer> timer = loop.make_timer([&, held] {
    timer.reset();
    seen = *held;  // what the callback captured lives until it returns
  });
  timer->start(Duration(1));
  EXPECT_TRUE(run_until(loop, [&] { return seen != 0; }));
  EXPECT_EQ(seen, 7);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(LoopTimerTest, StaysSilentOnceDestroyed) {
  Loop loop;
  int calls = 0;
  auto timer = loop.make_timer([&] { ++calls; });
  timer->start(Duration(1));
  timer.reset();
  run_for(loop, Duration(20));
  EXPECT_EQ(calls, 0);
}

TEST(LoopTimerTest, TakesANegativeDelayForNone) {
  Loop loop;
  int calls = 0;
  const auto timer = loop.make_timer([&] { ++calls; });
  timer->start(Duration(-5));
  EXPECT_TRUE(run_until(loop, [&] { return calls == 1; }));
}

}  // namespace
}  // namespace gatepost::net
