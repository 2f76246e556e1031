#include "filters/quarantine/released_message.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/fake_connector.h"
#include "tests/support/fake_timers.h"
#include "tests/support/filter_host.h"
#include "tests/support/leak_check.h"
#include "tests/support/recording_log.h"
#include "tests/support/temporary_folder.h"

namespace gatepost::filters {
namespace {

using Outcome = Inspection::Outcome;
using Progress = Inspection::Progress;

constexpr Duration kLimit{10'000};

class ReleasedMessageTest : public ::testing::Test, Inspection::Owner {
 protected:
  ReleasedMessageTest() {
    config::Quarantine config;
    config.folder = folder_.file("quarantine");
    host_.host.quarantine = *Quarantine::open(config);
  }
  ~ReleasedMessageTest() override {
    message_.reset();
    EXPECT_EQ(timers_.armed(), 0U);
    EXPECT_EQ(host_.room->used(), 0U);
  }

  void keep(std::string_view text) {
    std::string_view rest = text;
    number_ = *host_.host.quarantine->keep(
        sha256(text),
        [&rest]() -> Result<std::string_view> { return std::exchange(rest, std::string_view()); },
        {});
  }
  void fetch(std::uint64_t octets) {
    message_ =
        make_released_message(host_.host, host_.host.quarantine, number_, octets, kLimit, *this);
  }
  void on_inspection_activity() override { ++told_; }

  testing::TemporaryFolder folder_;
  testing::TestPool pool_;
  testing::FakeTimers timers_;
  testing::FakeConnector connector_{pool_};
  testing::RecordingLog log_;
  testing::FilterHost host_{timers_, connector_, pool_, log_};
  std::uint64_t number_ = 0;
  std::unique_ptr<Inspection> message_;
  int told_ = 0;
};

TEST_F(ReleasedMessageTest, comes_out_as_it_went_in) {
  for (const std::size_t size : {30UL, 500'000UL}) {
    std::string text = "Subject: x\r\n\r\n.\r\n..\r\n" + std::string(size, 'y') + "\r\n";
    keep(text);
    told_ = 0;
    fetch(text.size());
    EXPECT_EQ(message_->outcome(), Outcome::undecided);
    message_->feed(ByteChain(pool_, "nobody looks at it"));
    message_->end();
    EXPECT_FALSE(message_->congested());
    host_.background.run_all();
    EXPECT_EQ(told_, 1);
    ASSERT_EQ(message_->outcome(), Outcome::pass);
    EXPECT_EQ(message_->action(), Action::deliver);
    EXPECT_EQ(message_->quarantine_number(), number_);
    EXPECT_EQ(message_->octets(), text.size());
    std::string got;
    Progress progress = Progress::data;
    while (progress != Progress::end && progress != Progress::broken) {
      ByteChain out;
      progress = message_->take(out);
      if (progress == Progress::wait) host_.background.run_all();
      got += out.to_string();
    }
    EXPECT_EQ(progress, Progress::end);
    EXPECT_TRUE(got == text);
  }
}

TEST_F(ReleasedMessageTest, is_refused_when_its_file_is_gone) {
  keep("text\r\n");
  std::filesystem::remove(folder_.file("quarantine/1.eml.zst"));
  fetch(6);
  host_.background.run_all();
  EXPECT_EQ(told_, 1);
  EXPECT_EQ(message_->outcome(), Outcome::refused);
  EXPECT_EQ(message_->action(), Action::refuse);
  EXPECT_NE(message_->refusal(), "");
  EXPECT_NE(message_->problem(), "");
  EXPECT_EQ(host_.counters.quarantine_failures.get(), 1U);
}

TEST_F(ReleasedMessageTest, is_refused_when_it_is_not_read_in_time) {
  keep("text\r\n");
  fetch(6);
  timers_.advance(kLimit - Duration(1));
  EXPECT_EQ(message_->outcome(), Outcome::undecided);
  timers_.advance(Duration(1));
  EXPECT_EQ(message_->outcome(), Outcome::refused);
  EXPECT_EQ(told_, 1);
  host_.background.run_all();
  EXPECT_EQ(message_->outcome(), Outcome::refused);
  EXPECT_EQ(told_, 1);
}

TEST_F(ReleasedMessageTest, is_refused_at_once_where_there_is_no_room) {
  keep("text\r\n");
  ASSERT_TRUE(host_.room->take(8'000'000));
  fetch(6);
  EXPECT_EQ(message_->outcome(), Outcome::refused);
  host_.room->give_back(8'000'000);
}

TEST_F(ReleasedMessageTest, may_go_before_it_was_read) {
  keep("text\r\n");
  fetch(6);
  message_.reset();
  host_.background.run_all();
  EXPECT_EQ(told_, 0);
}

}  // namespace
}  // namespace gatepost::filters
