#include "proxy/session/ledger.h"

#include <gtest/gtest.h>

#include <string>

namespace gatepost::session {
namespace {

using pop3::Verb;

pop3::Command command(std::string_view line) { return pop3::parse_command(line).value(); }

TEST(Ledger, gives_commands_out_in_their_order_up_to_the_depth) {
  Ledger ledger;
  for (const char* line : {"STAT", "LIST", "NOOP"}) ledger.add_forwarded(command(line));
  EXPECT_EQ(ledger.outstanding(), 0U);
  std::string sent;
  while (Exchange* next = ledger.next_to_send(2)) {
    sent += next->text;
    ledger.sent(*next, Instant());
  }
  EXPECT_EQ(sent, "STAT\r\nLIST\r\n");
  EXPECT_EQ(ledger.outstanding(), 2U);
  ledger.pop();
  ASSERT_NE(ledger.next_to_send(2), nullptr);
  EXPECT_EQ(ledger.next_to_send(2)->verb, Verb::noop);
}

TEST(Ledger, passes_over_local_answers_when_it_sends) {
  Ledger ledger;
  ledger.add_local(Verb::capa, "+OK\r\n");
  ledger.add_forwarded(command("STAT"));
  Exchange* const next = ledger.next_to_send(1);
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(next->verb, Verb::stat);
  EXPECT_EQ(ledger.front().verb, Verb::capa);
}

TEST(Ledger, keeps_quit_until_nothing_is_owed) {
  Ledger ledger;
  ledger.add_forwarded(command("STAT"));
  ledger.add_forwarded(command("QUIT"));
  ledger.sent(*ledger.next_to_send(16), Instant());
  EXPECT_EQ(ledger.next_to_send(16), nullptr);
  ledger.pop();
  ASSERT_NE(ledger.next_to_send(16), nullptr);
  EXPECT_EQ(ledger.next_to_send(16)->verb, Verb::quit);
}

TEST(Ledger, keeps_quit_behind_a_message_that_is_not_with_the_client) {
  Ledger ledger;
  ledger.add_message(command("RETR 7"), Way::chain, command("RETR 7"));
  ledger.add_forwarded(command("QUIT"));
  ledger.sent(*ledger.next_to_send(16), Instant());
  EXPECT_EQ(ledger.owed(), &ledger.front());
  ledger.received();
  EXPECT_EQ(ledger.outstanding(), 0U);
  EXPECT_EQ(ledger.owed(), nullptr);
  EXPECT_TRUE(ledger.owes_client());
  EXPECT_EQ(ledger.next_to_send(16), nullptr);
  ledger.pop();
  EXPECT_FALSE(ledger.owes_client());
  EXPECT_EQ(ledger.outstanding(), 0U);
  EXPECT_EQ(ledger.next_to_send(16)->verb, Verb::quit);
}

TEST(Ledger, puts_our_noop_where_its_reply_comes) {
  Ledger ledger;
  ledger.add_message(command("TOP 7 3"), Way::chain, command("RETR 7"));
  EXPECT_EQ(ledger.front().verb, Verb::top);
  EXPECT_EQ(ledger.front().text, "RETR 7\r\n");
  EXPECT_EQ(ledger.front().message, 7U);
  EXPECT_EQ(ledger.front().lines, 3U);
  ledger.sent(*ledger.next_to_send(1), Instant());
  ledger.received();
  ledger.sent_noop(Instant());
  ledger.add_forwarded(command("STAT"));
  ledger.sent(*ledger.next_to_send(16), Instant());
  EXPECT_EQ(ledger.outstanding(), 2U);
  ASSERT_NE(ledger.owed(), nullptr);
  EXPECT_EQ(ledger.owed()->way, Way::swallowed);
  ledger.swallow();
  EXPECT_EQ(ledger.owed()->verb, Verb::stat);
  EXPECT_EQ(ledger.outstanding(), 1U);
  EXPECT_EQ(ledger.size(), 2U);
}

TEST(Ledger, counts_local_answers_as_owed_by_nobody) {
  Ledger ledger;
  ledger.add_forwarded(command("STAT"));
  ledger.add_local(Verb::unknown, "-ERR\r\n");
  ledger.sent(*ledger.next_to_send(16), Instant());
  EXPECT_EQ(ledger.outstanding(), 1U);
  ledger.front().stage = Exchange::Stage::replying;
  ledger.pop();
  EXPECT_EQ(ledger.outstanding(), 0U);
  ledger.pop();
  EXPECT_TRUE(ledger.empty());
}

TEST(Ledger, knows_when_it_is_full) {
  Ledger ledger;
  for (std::size_t i = 0; i < Ledger::kCapacity; ++i) {
    EXPECT_FALSE(ledger.full());
    ledger.add_local(Verb::unknown, "-ERR\r\n");
  }
  EXPECT_TRUE(ledger.full());
  ledger.pop();
  EXPECT_FALSE(ledger.full());
  ledger.clear();
  EXPECT_TRUE(ledger.empty());
  EXPECT_EQ(ledger.outstanding(), 0U);
}

}  // namespace
}  // namespace gatepost::session
