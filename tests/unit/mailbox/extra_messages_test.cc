#include "proxy/mailbox/extra_messages.h"

#include <gtest/gtest.h>

namespace gatepost::mailbox {
namespace {

using Numbers = std::vector<std::uint64_t>;

ExtraMessages two_behind_three() {
  return {{{17, 100, quarantine_uidl(17)}, {18, 50, quarantine_uidl(18)}}, 3};
}

TEST(ExtraMessages, come_after_those_of_upstream) {
  const ExtraMessages extra = two_behind_three();
  EXPECT_FALSE(extra.empty());
  EXPECT_EQ(extra.list_lines(), "4 100\r\n5 50\r\n");
  EXPECT_EQ(extra.uidl_lines(), "4 gatepost-quarantine-17\r\n5 gatepost-quarantine-18\r\n");
  EXPECT_EQ(extra.list(4), "+OK 4 100");
  EXPECT_EQ(extra.uidl(5), "+OK 5 gatepost-quarantine-18");
  EXPECT_EQ(extra.find(4)->key, 17U);
}

TEST(ExtraMessages, leave_all_other_numbers_to_upstream) {
  const ExtraMessages extra = two_behind_three();
  for (const char* ours : {"4", "5", " 4", "4 10", "004", "5  0 x"}) {
    EXPECT_TRUE(extra.number_of(ours)) << ours;
  }
  for (const char* other : {"", "0", "1", "3", "6", "-4", "+4", "4x", "x", "4\t1", "0x4", "4.",
                            "18446744073709551615", "18446744073709551620"}) {
    EXPECT_FALSE(extra.number_of(other)) << other;
  }
  EXPECT_TRUE(extra.has(4) && extra.has(5));
  EXPECT_FALSE(extra.has(0) || extra.has(3) || extra.has(6) || extra.has(UINT64_MAX));
}

TEST(ExtraMessages, are_counted_in_stat) {
  const ExtraMessages extra = two_behind_three();
  const auto stat = [&extra](std::string_view reply) {
    return ExtraMessages::add_to_stat(reply, extra.totals());
  };
  EXPECT_EQ(stat("+OK 3 1200"), "+OK 5 1350");
  EXPECT_EQ(stat("+OK 0 0"), "+OK 2 150");
  EXPECT_EQ(stat("+OK  3  1200 (3 messages)"), "+OK 5 1350 (3 messages)");
  EXPECT_EQ(stat("+OK 18446744073709551615 18446744073709551600"),
            "+OK 18446744073709551615 18446744073709551615");
  for (const char* odd : {"-ERR 3 1200", "+OK", "+OK 3", "+OK 3 messages", "+OK 3,1200", ""}) {
    EXPECT_EQ(stat(odd), odd);
  }
}

TEST(ExtraMessages, make_counts_of_upstream_untrue) {
  EXPECT_EQ(ExtraMessages::without_counts("+OK 3 messages (1200 octets)"), "+OK");
  EXPECT_EQ(ExtraMessages::without_counts("-ERR busy"), "-ERR busy");
}

TEST(ExtraMessages, what_is_deleted_is_gone_until_rset) {
  ExtraMessages extra = two_behind_three();
  EXPECT_EQ(extra.dele(4), "+OK Marked to be deleted.");
  EXPECT_EQ(extra.dele(4), ExtraMessages::no_such_message());
  EXPECT_EQ(extra.find(4), nullptr);
  EXPECT_EQ(extra.list(4), ExtraMessages::no_such_message());
  EXPECT_EQ(extra.uidl(4), ExtraMessages::no_such_message());
  EXPECT_TRUE(extra.number_of("4"));
  // The other one keeps its number.
  EXPECT_EQ(extra.list_lines(), "5 50\r\n");
  EXPECT_EQ(extra.uidl_lines(), "5 gatepost-quarantine-18\r\n");
  EXPECT_EQ(ExtraMessages::add_to_stat("+OK 3 1200", extra.totals()), "+OK 4 1250");
  EXPECT_EQ(extra.deleted(), Numbers{17});
  extra.rset();
  EXPECT_TRUE(extra.deleted().empty());
  EXPECT_EQ(extra.list(4), "+OK 4 100");
  EXPECT_EQ(extra.totals().count, 2U);
}

TEST(ExtraMessages, of_which_there_are_none_change_nothing) {
  ExtraMessages none;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.list_lines() + none.uidl_lines(), "");
  EXPECT_EQ(ExtraMessages::add_to_stat("+OK  3 1200", none.totals()), "+OK  3 1200");
  EXPECT_FALSE(none.number_of("1"));
  none.rset();
  EXPECT_TRUE(none.deleted().empty());
}

TEST(ExtraMessages, an_empty_mailbox_can_have_them_but_one_without_end_cannot) {
  const ExtraMessages first({{1, 10, "a"}}, 0);
  EXPECT_EQ(first.number_of("1"), 1U);
  EXPECT_EQ(first.list_lines(), "1 10\r\n");
  const ExtraMessages never({{1, 10, "a"}}, UINT64_MAX);
  EXPECT_TRUE(never.empty());
}

}  // namespace
}  // namespace gatepost::mailbox
