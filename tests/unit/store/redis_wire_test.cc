#include "proxy/store/redis_wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/store/records.h"

namespace gatepost::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::name;
using Kind = RedisReply::Kind;

RedisReply text(std::string said) {
  RedisReply reply;
  reply.kind = Kind::text;
  reply.text = std::move(said);
  return reply;
}
RedisReply number(std::int64_t said) {
  RedisReply reply;
  reply.kind = Kind::number;
  reply.number = said;
  return reply;
}
RedisReply list(std::vector<RedisReply> items) {
  RedisReply reply;
  reply.kind = Kind::list;
  reply.items = std::move(items);
  return reply;
}
RedisReply field(unsigned record) {
  const HashedName named = name(record);
  return text(std::string(named.octets.begin(), named.octets.end()));
}
const std::string kHex = "00000000000000000000000000000abc";

ErrorCode problem(std::vector<RedisReply> items) {
  const auto entries = read_entries(list(std::move(items)), 100);
  return entries ? ErrorCode::refused : entries.error().code;
}

TEST(RedisWire, entries_come_by_name) {
  const auto entries =
      read_entries(list({field(300), text("7 a b"), field(2), text("18446744073709551615  ")}), 2);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 2U);
  EXPECT_EQ(entries->at(0).name, name(2));
  EXPECT_EQ(entries->at(0).version, ~std::uint64_t{0});
  EXPECT_EQ(entries->at(0).value, " ");
  EXPECT_EQ(entries->at(1).value, "a b");
}

TEST(RedisWire, entries_that_are_not_understood) {
  for (const char* value :
       {"", "7", "7 ", " a", "x a", "-7 a", "0 a", "7a b", "+7 a", "18446744073709551616 a"}) {
    EXPECT_EQ(problem({field(1), text(value)}), ErrorCode::protocol) << value;
  }
  EXPECT_EQ(problem({field(1), text("7 " + std::string(RecordStore::kMaxValue, 'x'))}),
            ErrorCode::refused);
  EXPECT_EQ(problem({field(1), text("7 " + std::string(RecordStore::kMaxValue + 1, 'x'))}),
            ErrorCode::protocol);
  EXPECT_EQ(problem({text("short"), text("7 a")}), ErrorCode::protocol);
  EXPECT_EQ(problem({field(1)}), ErrorCode::protocol);
  EXPECT_EQ(problem({field(1), number(7)}), ErrorCode::protocol);
  EXPECT_EQ(problem({field(1), text("7 a"), field(1), text("8 b")}), ErrorCode::protocol);
  EXPECT_EQ(read_entries(text("7 a"), 100).error().code, ErrorCode::protocol);
}

TEST(RedisWire, entries_have_their_limit) {
  const std::vector<RedisReply> two = {field(1), text("7 a"), field(2), text("7 b")};
  EXPECT_TRUE(read_entries(list(two), 2));
  EXPECT_EQ(read_entries(list(two), 1).error().code, ErrorCode::limit);
}

TEST(RedisWire, what_a_commit_is_answered) {
  EXPECT_TRUE(read_committed(list({}), 9)->written);
  const auto conflict = read_committed(list({field(3)}), 9);
  EXPECT_FALSE(conflict->written);
  EXPECT_THAT(conflict->conflicts, ElementsAre(name(3)));
  RedisReply limit = text("LIMIT");
  limit.kind = Kind::status;
  EXPECT_EQ(read_committed(limit, 9).error().code, ErrorCode::limit);
  EXPECT_EQ(read_committed(text("LIMIT"), 9).error().code, ErrorCode::protocol);
  EXPECT_EQ(read_committed(list({text("short")}), 9).error().code, ErrorCode::protocol);
  EXPECT_EQ(read_committed(RedisReply{}, 9).error().code, ErrorCode::protocol);
}

TEST(RedisWire, accounts_that_are_not_understood) {
  EXPECT_EQ(read_accounts(list({text(kHex), text("5"), number(2)}))->at(0).records, 2U);
  for (const auto& wrong :
       {list({text(kHex), text("5")}), list({text("0g" + kHex.substr(2)), text("5"), number(2)}),
        list({text(kHex), text("5.5"), number(2)}), list({text(kHex), text("5"), number(-2)}),
        list({text(kHex), text("5"), text("2")}), list({text(kHex + "0"), text("5"), number(2)}),
        list({text("+1" + kHex.substr(2)), text("5"), number(2)}), text("x")}) {
    EXPECT_EQ(read_accounts(wrong).error().code, ErrorCode::protocol);
  }
}

TEST(RedisWire, accounts_are_asked_for_up_to_a_limit) {
  EXPECT_THAT(accounts_command("p:", 7), HasSubstr("\r\n$1\r\n7\r\n"));
  EXPECT_THAT(accounts_command("p:", kMaxAccountsListed + 1), HasSubstr("\r\n100000\r\n"));
}

TEST(RedisWire, keys_have_their_prefix_and_tell_no_names) {
  const std::string load = load_command("mail:", name(2));
  EXPECT_THAT(load, HasSubstr("mail:{00020000000000000000000000000020}"));
}

}  // namespace
}  // namespace gatepost::store
