#include "proxy/server/store_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_timers.h"
#include "tests/support/recording_log.h"

namespace gatepost::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using State = StoreWatch::State;

/// Answers check() when the test says so.
class QuietStore final : public store::RecordStore {
 public:
  Ticket load(const store::HashedName& /*account*/, Loaded /*done*/) override { return {}; }
  Ticket commit(const store::HashedName& /*account*/, std::vector<store::Write> /*writes*/,
                std::int64_t /*now*/, Done /*done*/) override {
    return {};
  }
  Ticket accounts(std::size_t /*limit*/, Accounts /*done*/) override { return {}; }
  Ticket check(Checked done) override {
    ++checks;
    done_ = std::move(done);
    return Ticket([this] { done_ = nullptr; });
  }
  void answer(Result<void> answer) { std::exchange(done_, nullptr)(std::move(answer)); }
  [[nodiscard]] bool asked() const { return done_ != nullptr; }

  int checks = 0;

 private:
  Checked done_;
};

class StoreWatchTest : public ::testing::Test {
 protected:
  void watch() {
    watch_.watch({store_, [this] { return warning_; }});
  }
  static Result<void> failed() { return fail(ErrorCode::timeout, "no answer in time"); }

  ::gatepost::testing::FakeTimers timers_;
  ::gatepost::testing::RecordingLog log_;
  filters::RetentionCounters counters_;
  std::string warning_;
  std::shared_ptr<QuietStore> store_ = std::make_shared<QuietStore>();
  StoreWatch watch_{timers_, log_, 3, counters_};
};

TEST_F(StoreWatchTest, SaysNothingWithoutAStore) {
  watch_.watch({});
  timers_.advance(StoreWatch::kLook * 3);
  EXPECT_EQ(watch_.state(), State::none);
  EXPECT_EQ(timers_.armed(), 0U);
  EXPECT_THAT(log_.lines, IsEmpty());
}

TEST_F(StoreWatchTest, AsksAtOnceAndThenRegularly) {
  watch();
  EXPECT_EQ(watch_.state(), State::unknown);
  EXPECT_EQ(store_->checks, 1);
  store_->answer({});
  EXPECT_EQ(watch_.state(), State::up);
  timers_.advance(StoreWatch::kLook - StoreWatch::kGlance);
  EXPECT_EQ(store_->checks, 1);
  timers_.advance(StoreWatch::kGlance);
  EXPECT_EQ(store_->checks, 2);
  EXPECT_EQ(watch_.state(), State::up);
  EXPECT_THAT(log_.lines, IsEmpty());
}

TEST_F(StoreWatchTest, TellsWhenTheStoreGoesAndComes) {
  watch();
  store_->answer(failed());
  EXPECT_EQ(watch_.state(), State::down);
  timers_.advance(StoreWatch::kLook);
  store_->answer(failed());
  timers_.advance(StoreWatch::kLook);
  store_->answer({});
  EXPECT_EQ(watch_.state(), State::up);
  EXPECT_THAT(log_.lines, ElementsAre(HasSubstr("error retention_store_down worker=3 "
                                                "problem=\"no answer in time\""),
                                      HasSubstr("info retention_store_up worker=3")));
}

TEST_F(StoreWatchTest, AsksAgainWhenSessionsHadTrouble) {
  watch();
  store_->answer({});
  counters_.store_errors.add();
  timers_.advance(StoreWatch::kGlance);
  EXPECT_EQ(store_->checks, 2);
  store_->answer({});
  timers_.advance(StoreWatch::kGlance);
  EXPECT_EQ(store_->checks, 2) << "one trouble is one question";
}

TEST_F(StoreWatchTest, AStoreThatDoesNotAnswerIsDown) {
  watch();
  store_->answer({});
  timers_.advance(StoreWatch::kLook);
  EXPECT_EQ(watch_.state(), State::up) << "it has just been asked";
  timers_.advance(StoreWatch::kLook * 2);
  EXPECT_EQ(watch_.state(), State::down);
  EXPECT_EQ(store_->checks, 2) << "one question at a time";
  EXPECT_EQ(log_.count("it does not answer"), 1U);
  store_->answer({});
  EXPECT_EQ(watch_.state(), State::up);
}

TEST_F(StoreWatchTest, WarnsOfAServerThatMayForget) {
  warning_ = "appendonly is off";
  watch();
  store_->answer({});
  EXPECT_THAT(log_.lines, ElementsAre(HasSubstr("warning retention_store_forgetful worker=3 "
                                                "problem=\"appendonly is off\"")));
}

TEST_F(StoreWatchTest, AnotherStoreIsAskedAnew) {
  watch();
  auto other = std::make_shared<QuietStore>();
  watch_.watch({other, [] { return std::string(); }});
  EXPECT_FALSE(store_->asked()) << "nobody waits for its answer";
  EXPECT_EQ(watch_.state(), State::unknown);
  other->answer({});
  EXPECT_EQ(watch_.state(), State::up);
  watch_.watch({});
  EXPECT_EQ(watch_.state(), State::none);
}

}  // namespace
}  // namespace gatepost::server
