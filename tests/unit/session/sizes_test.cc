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
using session::ExtraMailbox;

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

/// The first LIST or STAT: upstream's UIDL is asked for before.
void names(SessionHarness& s, const std::string& command, const std::string& reply = kUidl) {
  s.client(command);
  s.upstream_expects("UIDL\r\n");
  s.upstream(reply);
  s.expect_client("");
}

TEST(Sizes, are_those_of_messages_delivered_before) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    knows(s, "a", 7);
    knows(s, "c", 1'000'000);
    names(s, "LIST\r\n");
    s.upstream_expects("LIST\r\n");
    s.upstream(kList);
    s.expect_client("+OK\r\n1 7\r\n2 200\r\n3 1000000\r\n.\r\n");
    answers(s, "LIST 1\r\n", "+OK 1 100\r\n", "+OK 1 7\r\n");
    answers(s, "LIST 2\r\n", "+OK 2 200\r\n", "+OK 2 200\r\n");
    answers(s, "LIST 3\r\n", "-ERR gone\r\n", "-ERR gone\r\n");
    s.client("STAT\r\n");
    s.upstream_expects("LIST\r\n");
    s.upstream(kList);
    s.expect_client("+OK 3 1000207\r\n");
    answers(s, "DELE 3\r\n", "+OK\r\n", "+OK\r\n");
    s.client("STAT\r\n");
    s.upstream_expects("LIST\r\n");
    s.upstream("+OK\r\n1 100\r\n2 200\r\n.\r\n");
    s.expect_client("+OK 2 207\r\n");
    answers(s, "UIDL\r\n", kUidl, kUidl);
    quit(s);
  });
}

TEST(Sizes, that_nobody_knows_are_what_upstream_says) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.filters.host.sizes->remember(key(s, "a", "jim"), 5);
    names(s, "STAT\r\n");
    s.upstream_expects("STAT\r\n");
    s.upstream("+OK 3 1200\r\n");
    s.expect_client("+OK 3 1200\r\n");
    answers(s, "LIST\r\n", kList, kList);
    answers(s, "LIST 1\r\n", "+OK 1 100\r\n", "+OK 1 100\r\n");
    quit(s);
  });
}

TEST(Sizes, are_learned_when_a_message_was_delivered) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    names(s, "LIST 1\r\n");
    s.upstream_expects("LIST 1\r\n");
    s.upstream("+OK 1 100\r\n");
    s.expect_client("+OK 1 100\r\n");
    s.client("RETR 1\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.upstream("+OK\r\n" + std::string(kStuffed));
    s.scanner_says(Verdict::clean());
    s.expect_client(kOk + std::string(kStuffed));
    answers(s, "LIST 1\r\n", "+OK 1 100\r\n", "+OK 1 32\r\n");
    quit(s);
    if (s.killed()) return;
    EXPECT_EQ(s.filters.host.sizes->find(key(s, "a")), 32U);
  });
}

TEST(Sizes, are_those_of_notices) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    names(s, "LIST 2\r\n");
    s.upstream_expects("LIST 2\r\n");
    s.upstream("+OK 2 200\r\n");
    s.expect_client("+OK 2 200\r\n");
    s.client("RETR 2\r\n");
    s.upstream_expects("RETR 2\r\n");
    s.upstream("+OK\r\n" + std::string(kStuffed));
    s.scanner_says(Verdict::of(Cause::infected, "Eicar"));
    s.expect_client(kOk);
    if (s.killed()) return;
    const std::string notice = s.at_client().take_sent();
    ASSERT_TRUE(notice.ends_with("\r\n.\r\n"));
    const std::string octets = std::to_string(notice.size() - 3);
    answers(s, "LIST 2\r\n", "+OK 2 200\r\n", "+OK 2 " + octets + "\r\n");
    quit(s);
  });
}

TEST(Sizes, are_not_learned_from_what_no_other_retr_would_give) {
  for_each_run([](SessionHarness& s) {
    auto& waiting = s.use_chain().config.waiting;
    waiting.quiet = Duration(1'000);
    s.use_chain().config.top_lines = 10;
    config::action_for(s.use_chain().config.policy, Cause::infected) = config::Action::refuse;
    begin(s);
    names(s, "LIST 1\r\n");
    s.upstream_expects("LIST 1\r\n");
    s.upstream("+OK 1 100\r\n");
    s.expect_client("+OK 1 100\r\n");
    s.client("TOP 1 0\r\n");
    s.upstream_expects("TOP 1 0\r\n");
    s.upstream("+OK\r\nSubject: hello\r\n\r\n.\r\n");
    s.expect_client(kOk + "Subject: hello\r\n\r\n.\r\n");
    // Refused.
    s.client("RETR 1\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.upstream("+OK\r\n" + std::string(kStuffed));
    s.scanner_says(Verdict::of(Cause::infected, "Eicar"));
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
    names(s, "STAT\r\nLIST\r\n", "-ERR what?\r\n");
    s.upstream_expects("STAT\r\n");
    s.upstream("+OK 3 1200\r\n");
    s.expect_client("+OK 3 1200\r\n");
    s.upstream_expects("LIST\r\n");
    s.upstream(kList);
    s.expect_client(kList);
    s.client("RETR 1\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.upstream("+OK\r\n" + std::string(kStuffed));
    s.scanner_says(Verdict::clean());
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

TEST(Sizes, leave_lines_alone_that_are_none) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    knows(s, "a", 7);
    names(s, "LIST\r\n", "+OK\r\nx\r\n1\r\n1  a more\r\n2 \r\n.\r\n");
    s.upstream_expects("LIST\r\n");
    s.upstream("+OK\r\n1 100 more\r\n1 x\r\nnonsense\r\n..\r\n\r\n01 100\r\n.\r\n");
    s.expect_client("+OK\r\n1 7 more\r\n1 x\r\nnonsense\r\n..\r\n\r\n01 7\r\n.\r\n");
    s.client("STAT\r\n");
    s.upstream_expects("LIST\r\n");
    s.upstream(
        "+OK\r\n1 18446744073709551615\r\n2 18446744073709551615\r\n3 "
        "x\r\n9 1\r\n.\r\n");
    s.expect_client("+OK 3 18446744073709551615\r\n");
    s.client("STAT\r\n");
    s.upstream_expects("LIST\r\n");
    s.upstream("-ERR locked\r\n");
    s.expect_client("-ERR locked\r\n");
    answers(s, "LIST 1\r\n", "+OK what\r\n", "+OK what\r\n");
    quit(s);
  });
}

TEST(Sizes, outlast_a_reload) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    knows(s, "a", 7);
    s.filters.host.sizes.reset();
    names(s, "LIST 1\r\n");
    s.upstream_expects("LIST 1\r\n");
    s.upstream("+OK 1 100\r\n");
    s.expect_client("+OK 1 7\r\n");
    quit(s);
  });
}

TEST(Sizes, keep_answers_in_their_order) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    knows(s, "b", 7);
    s.client("NOOP\r\nSTAT\r\nLIST\r\nFOO\r\nUIDL\r\n");
    s.upstream_expects("NOOP\r\nUIDL\r\n");
    s.upstream("+OK noop\r\n" + kUidl);
    s.upstream_expects("LIST\r\nLIST\r\nUIDL\r\n");
    s.upstream(kList + kList + kUidl);
    s.expect_client(
        "+OK noop\r\n+OK 3 1007\r\n+OK\r\n1 100\r\n2 7\r\n3 900\r\n.\r\n"
        "-ERR Unknown command\r\n" +
        kUidl);
    quit(s);
  });
}

TEST(Sizes, tell_the_client_when_upstream_is_lost_meanwhile) {
  for (const std::string part : {"", "+OK\r\n1 a\r\n"}) {
    for_each_run([&part](SessionHarness& s) {
      begin(s);
      s.client("STAT\r\n");
      s.upstream_expects("UIDL\r\n");
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
    s.upstream_expects("UIDL\r\n");
    s.client_ends(ErrorCode::network);
    s.expect_upstream_aborted();
    s.expect_ended(EndReason::client_error);
  });
}

TEST(Sizes, of_very_many_messages_are_upstreams) {
  SessionHarness s;
  begin(s);
  knows(s, "x1", 7);
  knows(s, "x50000", 7);
  knows(s, "x50001", 7);
  std::string names = "+OK\r\n";
  for (std::size_t i = 1; i <= ExtraMailbox::kMaxNamed + 1; ++i) {
    names += std::to_string(i) + " x" + std::to_string(i) + "\r\n";
  }
  s.client("LIST\r\n");
  s.upstream_expects("UIDL\r\n");
  s.upstream(names + ".\r\n");
  s.upstream_expects("LIST\r\n");
  s.upstream("+OK\r\n1 1\r\n50000 1\r\n50001 1\r\n.\r\n");
  s.expect_client("+OK\r\n1 7\r\n50000 7\r\n50001 1\r\n.\r\n");
  quit(s);
}

}  // namespace
}  // namespace gatepost::testing
