// LIST and STAT that know what the chain makes of messages
// (config::Sizes::exact).
#include <gtest/gtest.h>

#include <string>

#include "tests/support/session_harness.h"

namespace gatepost::testing {
namespace {

using filters::Cause;
using filters::DeliveredSizes;
using filters::Verdict;
using session::EndReason;

constexpr std::string_view kPipelining = "USER\r\nPIPELINING\r\nTOP\r\nUIDL\r\n";
const std::string kOk = "+OK Message follows\r\n";
const std::string kUidl = "+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n";
const std::string kList = "+OK 3 messages\r\n1 100\r\n2 200\r\n3 900\r\n.\r\n";
constexpr std::string_view kStuffed =
    "Subject: hello\r\n\r\n..dot\r\nline 2\r\n.\r\n";  // 32 octets

Digest key(SessionHarness& s, std::string_view uidl, std::string_view user = "joe") {
  return DeliveredSizes::key(DeliveredSizes::mailbox("all", user, s.use_chain()), uidl);
}

void begin(SessionHarness& s, std::string_view capabilities = kPipelining) {
  s.use_chain().config.sizes = config::Sizes::exact;
  s.filters.host.sizes = std::make_shared<DeliveredSizes>(100);
  s.start();
  s.expect_client_line("+OK");
  s.log_in(capabilities);
}

void knows(SessionHarness& s, std::string_view uidl, std::uint64_t octets) {
  s.filters.host.sizes->remember(key(s, uidl), octets);
}

void quit(SessionHarness& s) {
  s.client("QUIT\r\n");
  s.upstream_expects("QUIT\r\n");
  s.upstream("+OK bye\r\n");
  s.expect_client("+OK bye\r\n");
  s.expect_upstream_closed();
  s.expect_ended(EndReason::quit);
}

void answers(SessionHarness& s, const std::string& command, const std::string& from_upstream,
             const std::string& reply) {
  s.client(command);
  s.upstream_expects(command);
  s.upstream(from_upstream);
  s.expect_client(reply);
}

/// Upstream is asked for its lists.
void lists(SessionHarness& s) {
  s.upstream_expects("LIST\r\nUIDL\r\n");
  s.upstream(kList + kUidl);
}

/// With upstream's lists behind it.
void begin_listed(SessionHarness& s) {
  begin(s);
  lists(s);
}

TEST(Sizes, are_those_of_messages_delivered_before) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    knows(s, "a", 7);
    knows(s, "c", 1'000'000);
    lists(s);
    s.client_says_and_gets("LIST\r\n", "+OK 3 messages\r\n1 7\r\n2 200\r\n3 1000000\r\n.\r\n");
    s.client_says_and_gets("LIST 1\r\n", "+OK 1 7\r\n");
    s.client_says_and_gets("LIST 2\r\n", "+OK 2 200\r\n");
    s.client_says_and_gets("STAT\r\n", "+OK 3 1000207\r\n");
    s.client_says_and_gets("DELE 3\r\n", "+OK Marked to be deleted.\r\n");
    s.client_says_and_gets("STAT\r\n", "+OK 2 207\r\n");
    s.client_says_and_gets("UIDL\r\n", "+OK 2 messages\r\n1 a\r\n2 b\r\n.\r\n");
    s.client_says_and_gets("RSET\r\n", "+OK\r\n");
    s.client_says_and_gets("STAT\r\n", "+OK 3 1000207\r\n");
    quit(s);
  });
}

TEST(Sizes, that_nobody_knows_are_what_upstream_says) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.filters.host.sizes->remember(key(s, "a", "jim"), 5);
    lists(s);
    s.client_says_and_gets("STAT\r\n", "+OK 3 1200\r\n");
    s.client_says_and_gets("LIST 1\r\n", "+OK 1 100\r\n");
    quit(s);
  });
}

void retrieves(SessionHarness& s, const std::string& number, filters::Verdict verdict) {
  s.client("RETR " + number + "\r\n");
  s.upstream_expects("RETR " + number + "\r\n");
  s.upstream("+OK\r\n" + std::string(kStuffed));
  s.scanner_says(std::move(verdict));
}

TEST(Sizes, are_learned_when_a_message_was_delivered) {
  for_each_run([](SessionHarness& s) {
    begin_listed(s);
    retrieves(s, "1", Verdict::clean());
    s.expect_client(kOk + std::string(kStuffed));
    s.client_says_and_gets("LIST 1\r\n", "+OK 1 32\r\n");
    quit(s);
    if (s.killed()) return;
    EXPECT_EQ(s.filters.host.sizes->find(key(s, "a")), 32U);
  });
}

TEST(Sizes, are_those_of_notices) {
  for_each_run([](SessionHarness& s) {
    begin_listed(s);
    retrieves(s, "2", Verdict::of(Cause::infected, "Eicar"));
    s.expect_client(kOk);
    if (s.killed()) return;
    const std::string notice = s.at_client().take_sent();
    ASSERT_TRUE(notice.ends_with("\r\n.\r\n"));
    const std::string octets = std::to_string(notice.size() - 3);
    s.client_says_and_gets("LIST 2\r\n", "+OK 2 " + octets + "\r\n");
    quit(s);
  });
}

TEST(Sizes, are_not_learned_from_what_no_other_retr_would_give) {
  for_each_run([](SessionHarness& s) {
    auto& waiting = s.use_chain().config.waiting;
    waiting.quiet = Duration(1'000);
    s.use_chain().config.top_lines = 10;
    config::action_for(s.use_chain().config.policy, Cause::infected) = config::Action::refuse;
    begin_listed(s);
    s.client("TOP 1 0\r\n");
    s.upstream_expects("TOP 1 0\r\n");
    s.upstream("+OK\r\nSubject: hello\r\n\r\n.\r\n");
    s.expect_client(kOk + "Subject: hello\r\n\r\n.\r\n");
    // Refused.
    retrieves(s, "1", Verdict::of(Cause::infected, "Eicar"));
    s.expect_client_line("-ERR [SYS/TEMP]");
    // With a line of the ladder in it.
    s.client("RETR 2\r\n");
    s.upstream_expects("RETR 2\r\n");
    s.upstream("+OK\r\n" + std::string(kStuffed));
    s.advance(Duration(1'000));
    s.expect_client(kOk + "X-Gatepost-Status: being scanned\r\n");
    s.scanner_says(Verdict::clean());
    s.expect_client(kStuffed);
    quit(s);
    if (s.killed()) return;
    EXPECT_EQ(s.filters.host.sizes->size(), 0U);
  });
}

TEST(Sizes, are_upstreams_where_it_has_no_uidl) {
  for_each_run([](SessionHarness& s) {
    begin(s, "USER\r\n");
    s.upstream_expects("LIST\r\n");
    s.upstream(kList);
    s.upstream_expects("UIDL\r\n");
    s.upstream("-ERR what?\r\n");
    s.client_says_and_gets("STAT\r\n", "+OK 3 1200\r\n");
    retrieves(s, "1", Verdict::clean());
    s.expect_client(kOk + std::string(kStuffed));
    quit(s);
    if (s.killed()) return;
    EXPECT_EQ(s.filters.host.sizes->size(), 0U);
  });
}

TEST(Sizes, are_nobodys_concern_unless_the_chain_says_so) {
  for_each_run([](SessionHarness& s) {
    s.use_chain();
    s.filters.host.sizes = std::make_shared<DeliveredSizes>(100);
    knows(s, "a", 7);
    s.start();
    s.expect_client_line("+OK");
    s.log_in(kPipelining);
    answers(s, "STAT\r\n", "+OK 3 1200\r\n", "+OK 3 1200\r\n");
    answers(s, "LIST\r\n", kList, kList);
    quit(s);
  });
}

TEST(Sizes, that_make_no_sense_leave_the_client_upstreams_mailbox) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.upstream_expects("LIST\r\nUIDL\r\n");
    s.upstream("+OK\r\n1 100 more\r\n1 x\r\nnonsense\r\n..\r\n\r\n01 100\r\n.\r\n" + kUidl);
    answers(s, "LIST\r\n", "+OK\r\n1 x\r\n.\r\n", "+OK\r\n1 x\r\n.\r\n");
    quit(s);
    if (s.killed()) return;
    EXPECT_EQ(s.log.count(" mailbox_not_listed "), 1U);
  });
}

TEST(Sizes, outlast_a_reload) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    knows(s, "a", 7);
    s.filters.host.sizes.reset();
    lists(s);
    s.client_says_and_gets("LIST 1\r\n", "+OK 1 7\r\n");
    quit(s);
  });
}

TEST(Sizes, keep_answers_in_their_order) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    knows(s, "b", 7);
    s.client("NOOP\r\nSTAT\r\nLIST\r\nFOO\r\nNOOP\r\nUIDL\r\n");
    lists(s);
    s.upstream_expects("NOOP\r\n");
    s.expect_client("");
    s.upstream("+OK noop\r\n");
    s.upstream_expects("NOOP\r\n");
    s.expect_client(
        "+OK noop\r\n+OK 3 1007\r\n+OK 3 messages\r\n1 100\r\n2 7\r\n3 900\r\n.\r\n"
        "-ERR Unknown command\r\n");
    s.upstream("+OK again\r\n");
    s.expect_client("+OK again\r\n+OK 3 messages\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n");
    quit(s);
  });
}

TEST(Sizes, tell_the_client_when_upstream_is_lost_meanwhile) {
  for (const std::string part : {"", "+OK\r\n1 100\r\n"}) {
    for_each_run([&part](SessionHarness& s) {
      begin(s);
      s.client("STAT\r\n");
      s.upstream_expects("LIST\r\nUIDL\r\n");
      s.upstream(part);
      s.upstream_ends();
      s.expect_client("-ERR [SYS/TEMP] Mail server lost\r\n");
      s.expect_ended(EndReason::upstream_lost);
    });
  }
}

TEST(Sizes, do_not_keep_a_client_from_leaving) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("STAT\r\n");
    s.upstream_expects("LIST\r\nUIDL\r\n");
    s.client_ends(ErrorCode::network);
    s.expect_upstream_aborted();
    s.expect_ended(EndReason::client_error);
  });
}

TEST(Sizes, of_very_many_messages_go_to_a_client_as_it_takes_them) {
  SessionHarness s({.accept_per_turn = 10'000});
  begin(s);
  knows(s, "x50000", 7);
  std::string list = "+OK\r\n";
  std::string uidl = "+OK\r\n";
  std::string shown = "+OK 50000 messages\r\n";
  for (std::size_t i = 1; i <= 50'000; ++i) {
    list += std::to_string(i) + " 1\r\n";
    uidl += std::to_string(i) + " x" + std::to_string(i) + "\r\n";
    shown += std::to_string(i) + (i == 50'000 ? " 7\r\n" : " 1\r\n");
  }
  s.upstream_expects("LIST\r\nUIDL\r\n");
  s.upstream(list + ".\r\n" + uidl + ".\r\n");
  s.client("LIST\r\nNOOP\r\n");
  s.expect_client(shown + ".\r\n");
  s.upstream_expects("NOOP\r\n");
  s.upstream("+OK\r\n");
  s.expect_client("+OK\r\n");
  quit(s);
}

}  // namespace
}  // namespace gatepost::testing
