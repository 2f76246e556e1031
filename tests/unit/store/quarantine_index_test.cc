#include "proxy/store/quarantine_index.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace gatepost::store {
namespace {

class QuarantineIndexTest : public ::testing::Test {
 protected:
  void SetUp() override { reopen(); }
  void reopen() {
    index_.reset();
    auto opened = QuarantineIndex::open(folder_.file("index.sqlite"));
    ASSERT_TRUE(opened) << opened.error().detail;
    index_ = *std::move(opened);
  }
  QuarantineIndex::Change change() {
    auto change = index_->change();
    EXPECT_TRUE(change);
    return *std::move(change);
  }
  std::uint64_t add(const QuarantineRecord& record) {
    auto adding = change();
    const auto number = adding.add(record);
    EXPECT_TRUE(number && adding.commit());
    return number.value_or(0);
  }
  void remove(std::uint64_t number) {
    auto removing = change();
    EXPECT_TRUE(removing.remove(number).value_or(false));
    EXPECT_TRUE(removing.commit());
  }
  static QuarantineRecord record(std::string user, std::string digest, std::int64_t when = 1000) {
    QuarantineRecord record;
    record.stored_at = when;
    record.user = std::move(user);
    record.route = "r";
    record.from = "f";
    record.subject = "s";
    record.date = "d";
    record.size = 10;
    record.stored_size = 5;
    record.digest = std::move(digest);
    record.cause = "infected";
    record.threat = "t";
    record.scanner = "c";
    return record;
  }
  testing::TemporaryFolder folder_;
  std::unique_ptr<QuarantineIndex> index_;
};

TEST_F(QuarantineIndexTest, gives_back_what_it_got) {
  const std::uint64_t number = add(record("u", "1"));
  reopen();
  const auto got = index_->get(number);
  ASSERT_TRUE(got && *got);
  const QuarantineRecord& row = **got;
  EXPECT_EQ(row.number, 1U);
  EXPECT_EQ(row.stored_at, 1000);
  EXPECT_EQ(row.user + row.route + row.from + row.subject + row.date, "urfsd");
  EXPECT_EQ(row.size, 10U);
  EXPECT_EQ(row.stored_size, 5U);
  EXPECT_EQ(row.digest + row.cause + row.threat + row.scanner, "1infectedtc");
  EXPECT_EQ(row.released_at, 0);
  EXPECT_FALSE(index_->get(2)->has_value());
}

TEST_F(QuarantineIndexTest, never_gives_a_number_twice) {
  EXPECT_EQ(add(record("u", "1")), 1U);
  EXPECT_EQ(add(record("u", "2")), 2U);
  remove(2);
  remove(1);
  reopen();
  EXPECT_EQ(add(record("u", "3")), 3U);
  auto skipping = change();
  EXPECT_TRUE(skipping.skip_numbers(10) && skipping.skip_numbers(7) && skipping.commit());
}

TEST_F(QuarantineIndexTest, numbers_can_be_skipped_before_the_first) {
  {
    auto skipping = change();
    EXPECT_TRUE(skipping.skip_numbers(10) && skipping.skip_numbers(7) && skipping.commit());
  }
  EXPECT_EQ(add(record("u", "1")), 11U);
}

TEST_F(QuarantineIndexTest, finds_by_route_user_and_content) {
  const std::uint64_t number = add(record("u", "1"));
  QuarantineRecord like = record("u", "1", 5);
  EXPECT_EQ((*index_->find(like))->number, number);
  like.route = "other";
  EXPECT_FALSE(index_->find(like)->has_value());
  EXPECT_FALSE(index_->find(record("v", "1"))->has_value());
  EXPECT_FALSE(index_->find(record("u", "2"))->has_value());
  // And does not take the same twice.
  EXPECT_FALSE(change().add(record("u", "1")));
  EXPECT_EQ(add(record("v", "1")), 2U);
}

TEST_F(QuarantineIndexTest, knows_the_oldest_and_the_sum) {
  EXPECT_EQ(change().stored_size(), 0U);
  EXPECT_FALSE(change().oldest(0)->has_value());
  add(record("u", "1", 2000));
  add(record("u", "2", 1000));
  EXPECT_EQ((*change().oldest(0))->number, 2U);
  EXPECT_EQ((*change().oldest(2))->number, 1U);
  EXPECT_EQ(change().stored_size(), 10U);
  EXPECT_EQ(*change().numbers(), (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(QuarantineIndexTest, what_is_released_waits_for_its_user_until_it_is_delivered) {
  for (const char* digest : {"1", "2", "3"}) add(record("u", digest));
  const auto released = [this](const char* user = "u", std::size_t limit = 10) {
    std::vector<std::uint64_t> numbers;
    const auto rows = index_->released("r", user, limit);
    for (const auto& row : *rows) numbers.push_back(row.number);
    return numbers;
  };
  {
    auto releasing = change();
    EXPECT_TRUE(releasing.set_released(3, 50).value() && releasing.set_released(1, 60).value());
    EXPECT_FALSE(releasing.set_released(9, 50).value());
    EXPECT_TRUE(releasing.commit());
  }
  EXPECT_EQ(released(), (std::vector<std::uint64_t>{1, 3}));
  EXPECT_EQ(released("u", 1), std::vector<std::uint64_t>{1});
  EXPECT_TRUE(released("v").empty());
  EXPECT_TRUE(index_->released("other", "u", 10)->empty());
  {
    auto delivering = change();
    EXPECT_TRUE(delivering.set_delivered(1, 70).value());
    EXPECT_TRUE(delivering.commit());
  }
  EXPECT_EQ(released(), std::vector<std::uint64_t>{3});
  {
    auto again = change();
    EXPECT_TRUE(again.set_released(1, 80).value());
    EXPECT_TRUE(again.commit());
  }
  EXPECT_EQ(released(), (std::vector<std::uint64_t>{1, 3}));
}

}  // namespace
}  // namespace gatepost::store
