#include "proxy/server/quarantine_room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

#include "tests/support/fake_background.h"
#include "tests/support/recording_log.h"
#include "tests/support/temporary_folder.h"

namespace gatepost::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using Room = admin::QuarantineRoom;

class QuarantineRoomTest : public ::testing::Test {
 protected:
  void SetUp() override {
    config::Quarantine config;
    config.folder = folder_.file("q");
    auto opened = filters::Quarantine::open(config);
    ASSERT_TRUE(opened);
    quarantine_ = *opened;
  }
  void keep(std::string_view text, std::string user) {
    filters::QuarantineRecord record;
    record.user = std::move(user);
    record.route = "r";
    ASSERT_TRUE(quarantine_->keep(
        sha256(text), [&text]() -> Result<std::string_view> { return std::exchange(text, {}); },
        record));
  }
  /// The answer to one question.
  template <class T, class Ask>
  Result<T> answer(Ask ask) {
    std::optional<Result<T>> result;
    ask([&result](Result<T> given) { result.emplace(std::move(given)); });
    background_.run_all();
    if (!result) return fail(ErrorCode::system, "no answer");
    return *std::move(result);
  }
  Result<Room::Page> list(std::string user, std::size_t skip = 0, std::size_t limit = 10) {
    return answer<Room::Page>(
        [&](auto then) { room_.list({std::move(user), skip, limit}, std::move(then)); });
  }
  Result<Room::Message> show(std::uint64_t number) {
    return answer<Room::Message>([&](auto then) { room_.show(number, std::move(then)); });
  }

  gatepost::testing::TemporaryFolder folder_;
  gatepost::testing::FakeBackground background_;
  gatepost::testing::RecordingLog log_;
  std::shared_ptr<filters::Quarantine> quarantine_;
  BackgroundQuarantine room_{background_, [this] { return quarantine_; }, log_};
};

TEST_F(QuarantineRoomTest, ListsTheNewestFirst) {
  keep("one\r\n", "joe");
  keep("two\r\n", "ada");
  keep("three\r\n", "jim");
  const auto all = list("");
  ASSERT_TRUE(all) << all.error().detail;
  EXPECT_EQ(all->matching, 3U);
  EXPECT_EQ(all->records.front().user, "jim");
  EXPECT_GT(all->octets, 0U);
  const auto some = list("j*", 1, 1);
  EXPECT_EQ(some->matching, 2U);
  ASSERT_EQ(some->records.size(), 1U);
  EXPECT_EQ(some->records.front().user, "joe");
  EXPECT_TRUE(list("", 17)->records.empty());
}

TEST_F(QuarantineRoomTest, ShowsTheHeaderAndNothingOfTheBody) {
  keep(
      "Received: a\r\n\tb\r\nreceived: c\r\nX-Other: no\r\nSubject: =?utf-8?q?H=C3=B6r?=\r\n"
      "\t=?utf-8?q?_zu=E2=80=AE?=\r\nno field\r\nFrom : <a@b>\r\n\r\nSubject: body\r\n",
      "joe");
  const auto message = show(1);
  ASSERT_TRUE(message) << message.error().detail;
  EXPECT_EQ(message->problem, "");
  EXPECT_EQ(message->received, 2U);
  EXPECT_THAT(message->fields, ElementsAre(Pair("Subject", "Hör zu"), Pair("From", "<a@b>")));
}

TEST_F(QuarantineRoomTest, ReadsSoMuchOfAHeaderOnly) {
  const std::string filler = "X: " + std::string(Room::kMaxHeader, 'x') + "\r\n";
  keep("From: a\r\n" + filler + "Subject: late\r\n\r\n", "joe");
  const auto message = show(1);
  ASSERT_TRUE(message);
  EXPECT_THAT(message->fields, ElementsAre(Pair("From", "a")));
  std::string many;
  for (int i = 0; i < 1'000; ++i) many += "To: a\r\n";
  keep(many + "\r\n", "joe");
  EXPECT_EQ(show(2)->fields.size(), 40U);
}

TEST_F(QuarantineRoomTest, ReleasesAndDeletesWithALine) {
  keep("one\r\n", "joe");
  const auto act = [&](auto how, std::uint64_t number) {
    return answer<void>([&](auto then) { (room_.*how)(number, "me", std::move(then)); });
  };
  EXPECT_TRUE(act(&BackgroundQuarantine::release, 1));
  EXPECT_GT(show(1)->record.released_at, 0);
  EXPECT_THAT(log_.find("quarantine_released"), HasSubstr("number=1 by=me"));
  EXPECT_TRUE(act(&BackgroundQuarantine::remove, 1));
  EXPECT_EQ(log_.count("quarantine_deleted"), 1U);
  EXPECT_FALSE(act(&BackgroundQuarantine::remove, 1));
  EXPECT_EQ(log_.count("quarantine_deleted"), 1U);
  EXPECT_EQ(show(1).error().code, ErrorCode::refused);
}

TEST_F(QuarantineRoomTest, SaysWhenThereIsNone) {
  quarantine_.reset();
  EXPECT_FALSE(room_.exists());
  EXPECT_EQ(list("").error().code, ErrorCode::refused);
}

TEST_F(QuarantineRoomTest, AnswersSoManyAtOnceOnly) {
  std::vector<ErrorCode> refused;
  for (std::size_t i = 0; i < BackgroundQuarantine::kMaxQuestions + 1; ++i) {
    room_.list({}, [&refused](const Result<Room::Page>& page) {
      if (!page) refused.push_back(page.error().code);
    });
  }
  EXPECT_THAT(refused, ElementsAre(ErrorCode::limit));
  background_.run_all();
  EXPECT_TRUE(list(""));
}

}  // namespace
}  // namespace gatepost::server
