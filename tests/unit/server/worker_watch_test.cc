#include "proxy/server/worker_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_timers.h"
#include "tests/support/recording_log.h"

namespace gatepost::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class WorkerWatchTest : public ::testing::Test {
 protected:
  void pass(std::uint64_t looks, bool second_turns) {
    for (std::uint64_t i = 0; i < looks; ++i) {
      first_.add();
      if (second_turns) second_.add();
      timers_.advance(WorkerWatch::kLook);
    }
  }

  ::gatepost::testing::FakeTimers timers_;
  ::gatepost::testing::RecordingLog log_;
  Cell first_;
  Cell second_;
  WorkerWatch watch_{timers_, log_, {&first_, &second_}};
};

TEST_F(WorkerWatchTest, SaysNothingOfWorkersThatTurn) {
  pass(20, true);
  EXPECT_THAT(watch_.complaints(), IsEmpty());
  EXPECT_THAT(watch_.silent_seconds(), ElementsAre(0, 0));
  EXPECT_THAT(log_.lines, IsEmpty());
}

TEST_F(WorkerWatchTest, HasPatienceThenNamesTheWorkerThatDoesNot) {
  pass(3, true);
  pass(WorkerWatch::kPatience - 1, false);
  EXPECT_THAT(watch_.complaints(), IsEmpty());
  pass(1, false);
  EXPECT_THAT(watch_.silent_seconds(), ElementsAre(0, 5));
  pass(2, false);
  EXPECT_THAT(watch_.complaints(), ElementsAre("worker 1 has not turned for 7 s"));
  EXPECT_THAT(log_.lines, ElementsAre(HasSubstr("error worker_blocked worker=1 seconds=5")));
}

TEST_F(WorkerWatchTest, SaysWhenItTurnsAgain) {
  pass(WorkerWatch::kPatience + 2, false);
  pass(1, true);
  EXPECT_THAT(watch_.complaints(), IsEmpty());
  EXPECT_THAT(log_.lines, ElementsAre(HasSubstr("error worker_blocked worker=1 seconds=5"),
                                      HasSubstr("warning worker_turns worker=1 seconds=7")));
}

TEST_F(WorkerWatchTest, TakesAProcessThatWasStoppedForWell) {
  pass(1, true);
  timers_.advance(WorkerWatch::kLook * 1);  // everybody stood still, then one look
  EXPECT_THAT(watch_.complaints(), IsEmpty());
  pass(1, true);
  EXPECT_THAT(log_.lines, IsEmpty());
}

}  // namespace
}  // namespace gatepost::server
