// After login: commands go upstream, replies come back in their order (the ledger).
#include <gtest/gtest.h>

#include <string>

#include "tests/support/session_harness.h"

namespace gatepost::testing {
namespace {

using session::EndReason;

void begin(SessionHarness& s, std::string_view capabilities = "USER\r\nTOP\r\nUIDL\r\n") {
  s.start();
  s.expect_client_line("+OK");
  s.log_in(capabilities);
}
constexpr std::string_view kPipelining = "USER\r\nPIPELINING\r\n";

void quit(SessionHarness& s) {
  s.client("QUIT\r\n");
  s.upstream_expects("QUIT\r\n");
  s.upstream("+OK bye\r\n");
  s.expect_client("+OK bye\r\n");
  s.expect_upstream_closed();
  s.expect_ended(EndReason::quit);
}

/// One command and its reply, both passed on as they are.
void passes(SessionHarness& s, const std::string& command, const std::string& reply) {
  s.client(command);
  s.upstream_expects(command);
  s.upstream(reply);
  s.expect_client(reply);
}

TEST(Transaction, passes_every_command_and_its_reply_on) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    passes(s, "STAT\r\n", "+OK 3 1234\r\n");
    passes(s, "LIST\r\n", "+OK 3 messages\r\n1 100\r\n2 200\r\n3 934\r\n.\r\n");
    passes(s, "LIST 2\r\n", "+OK 2 200\r\n");
    passes(s, "UIDL\r\n", "+OK\r\n1 abc\r\n2 def\r\n3 ghi\r\n.\r\n");
    passes(s, "UIDL 3\r\n", "+OK 3 ghi\r\n");
    passes(s, "TOP 1 0\r\n", "+OK\r\nSubject: hello\r\n\r\n.\r\n");
    passes(s, "RETR 1\r\n", "+OK 100 octets\r\nSubject: hello\r\n\r\n..dot\r\n...\r\n.x\r\n.\r\n");
    passes(s, "DELE 1\r\n", "+OK\r\n");
    passes(s, "RSET\r\n", "+OK\r\n");
    passes(s, "NOOP\r\n", "+OK\r\n");
    passes(s, "RETR 9\r\n", "-ERR [SYS/TEMP] no such message\r\n");
    passes(s, "LIST 9\r\n", "-ERR\r\n");
    passes(s, "LIST\r\n", "-ERR locked\r\n");
    passes(s, "UIDL\r\n", "+OK\r\n.\r\n");
    quit(s);
    if (s.killed()) return;
    EXPECT_EQ(s.counters.messages_retrieved.get(), 1U);
    EXPECT_EQ(s.counters.commands[pop3::Verb::list].get(), 4U);
    EXPECT_NE(s.log.find(" session ").find("messages=1"), std::string::npos);
  });
}

TEST(Transaction, sends_upstream_what_it_understood_and_not_what_was_written) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("rEtR 007\r\n");
    s.upstream_expects("RETR 7\r\n");
    s.upstream("-ERR none\r\n");
    s.expect_client("-ERR none\r\n");
    quit(s);
  });
}

TEST(Transaction, answers_what_is_not_for_upstream_itself) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client_says_and_gets("USER joe\r\n", "-ERR You are logged in already\r\n");
    s.client_says_and_gets("PASS secret\r\n", "-ERR You are logged in already\r\n");
    s.client_says_and_gets("AUTH PLAIN\r\n", "-ERR You are logged in already\r\n");
    s.client_says_and_gets("STLS\r\n", "-ERR STLS is for before the login\r\n");
    s.client_says_and_gets("XTND XMIT\r\n", "-ERR Unknown command\r\n");
    s.client_says_and_gets("LANG\r\n", "-ERR LANG is not offered here\r\n");
    s.client_says_and_gets("UTF8\r\n", "-ERR UTF8 is for before the login\r\n");
    s.client_says_and_gets("XCLIENT ADDR=192.0.2.1\r\n",
                           "-ERR XCLIENT is for before the login\r\n");
    s.client("RETR\r\n");
    s.expect_client_line("-ERR ");
    s.client("RETR 0\r\n");
    s.expect_client_line("-ERR ");
    s.client("RETR 1 2\r\n");
    s.expect_client_line("-ERR ");
    s.client("STAT now\r\n");
    s.expect_client_line("-ERR ");
    s.client("TOP 1\r\n");
    s.expect_client_line("-ERR ");
    s.client("LIST -1\r\n");
    s.expect_client_line("-ERR ");
    s.upstream_expects("");
    quit(s);
  });
}

TEST(Transaction, refuses_a_line_that_is_too_long_as_a_whole) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("NOOP " + std::string(600, ' ') + "\r\n");
    s.expect_client_line("-ERR ");
    s.upstream_expects("");
    quit(s);
  });
}

TEST(Transaction, keeps_local_and_forwarded_answers_in_order) {
  for_each_run([](SessionHarness& s) {
    begin(s, kPipelining);
    s.client("STAT\r\nXYZZY\r\nNOOP\r\nUSER x\r\nRETR 0\r\n");
    s.upstream_expects("STAT\r\nNOOP\r\n");
    s.expect_client("");
    s.upstream("+OK 3 1234\r\n");
    s.expect_client("+OK 3 1234\r\n-ERR Unknown command\r\n");
    s.upstream("+OK noop\r\n");
    s.expect_client("+OK noop\r\n-ERR You are logged in already\r\n");
    s.expect_client_line("-ERR ");
    quit(s);
  });
}

TEST(Transaction, puts_no_local_answer_into_a_message) {
  for_each_run([](SessionHarness& s) {
    begin(s, kPipelining);
    s.client("RETR 1\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.upstream("+OK\r\nline 1\r\n");
    s.expect_client("+OK\r\nline 1\r\n");
    s.client("CAPA\r\nXYZZY\r\nNOOP\r\n");
    s.expect_client("");
    s.upstream_expects("NOOP\r\n");
    s.upstream("line 2\r\n.\r\n");
    s.expect_client("line 2\r\n.\r\n+OK Capability list follows\r\n");
    for (const char* line : {"PIPELINING", "RESP-CODES", "."}) s.expect_client_line(line);
    s.expect_client("-ERR Unknown command\r\n");
    s.upstream("+OK\r\n");
    s.expect_client("+OK\r\n");
    quit(s);
  });
}

TEST(Transaction, puts_no_last_word_into_a_message) {
  for (const std::string last : {"NOOP\n", "GET / HTTP/1.1\r\n"}) {
    for_each_run([&last](SessionHarness& s) {
      begin(s, kPipelining);
      s.client("RETR 1\r\n");
      s.upstream_expects("RETR 1\r\n");
      s.upstream("+OK\r\nline 1\r\n");
      s.expect_client("+OK\r\nline 1\r\n");
      s.client(last);
      s.expect_client("");
      s.expect_upstream_aborted();
      s.expect_ended(EndReason::protocol_error);
      if (!s.killed()) {
        EXPECT_TRUE(s.at_client().saw_reset());
      }
    });
  }
}

TEST(Transaction, puts_no_last_word_before_answers_that_are_owed) {
  SessionHarness s;
  s.settings.limits.bad_commands = 3;
  begin(s, kPipelining);
  s.client("STAT\r\n");
  s.upstream_expects("STAT\r\n");
  s.client("X\r\nX\r\nX\r\nX\r\n");
  s.expect_client("");  // it would be taken for the answer to STAT
  s.expect_upstream_aborted();
  s.expect_ended(EndReason::too_many_errors);
}

TEST(Transaction, ends_after_too_many_bad_commands) {
  SessionHarness s;
  s.settings.limits.bad_commands = 3;
  begin(s);
  for (int i = 0; i < 4; ++i) {
    s.client("X\r\n");
    s.expect_client_line("-ERR ");
  }
  s.expect_upstream_aborted();
  s.expect_ended(EndReason::too_many_errors);
}

TEST(Pipelining, sends_commands_at_once_where_upstream_can) {
  for_each_run([](SessionHarness& s) {
    begin(s, kPipelining);
    s.client("STAT\r\nLIST\r\nRETR 1\r\nDELE 1\r\n");
    s.upstream_expects("STAT\r\nLIST\r\nRETR 1\r\nDELE 1\r\n");
    s.upstream("+OK 1 5\r\n+OK\r\n1 5\r\n.\r\n+OK\r\nabc\r\n.\r\n+OK\r\n");
    s.expect_client("+OK 1 5\r\n+OK\r\n1 5\r\n.\r\n+OK\r\nabc\r\n.\r\n+OK\r\n");
    quit(s);
  });
}

TEST(Pipelining, sends_commands_one_by_one_where_upstream_cannot) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("STAT\r\nLIST\r\nRETR 1\r\n");
    s.upstream_expects("STAT\r\n");
    s.upstream("+OK 1 5\r\n");
    s.expect_client("+OK 1 5\r\n");
    s.upstream_expects("LIST\r\n");
    s.upstream("+OK\r\n1 5\r\n");
    s.upstream_expects("");
    s.upstream(".\r\n");
    s.expect_client("+OK\r\n1 5\r\n.\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.upstream("-ERR\r\n");
    s.expect_client("-ERR\r\n");
    quit(s);
  });
}

TEST(Pipelining, keeps_sixteen_commands_outstanding_at_most) {
  SessionHarness s;
  s.settings.limits.pipeline = 16;
  begin(s, kPipelining);
  for (int i = 1; i <= 25; ++i) s.client("DELE " + std::to_string(i) + "\r\n");
  std::string first;
  for (int i = 1; i <= 16; ++i) first += "DELE " + std::to_string(i) + "\r\n";
  s.upstream_expects(first);
  s.upstream_expects_nothing();
  s.upstream("+OK 1\r\n+OK 2\r\n");
  s.expect_client("+OK 1\r\n+OK 2\r\n");
  s.upstream_expects("DELE 17\r\nDELE 18\r\n");
  s.ignore_the_rest();
}

TEST(Pipelining, does_not_read_a_client_that_runs_too_far_ahead) {
  SessionHarness s;
  begin(s);
  std::string commands;
  for (int i = 0; i < 20'000; ++i) commands += "NOOP\r\n";
  s.at_client().options.receive_limit = 4096;
  s.client(commands);
  // 32 in the ledger, the transport's limit and one delivery; the rest stays on the wire.
  EXPECT_GE(s.at_client().undelivered(), commands.size() - 32 * 6 - 4096 - 64 * 1024);
  for (int i = 0; i < 20'000; ++i) {
    s.upstream("+OK\r\n");
    s.expect_client("+OK\r\n");
    s.upstream_expects("NOOP\r\n");
  }
  quit(s);
}

TEST(Pipelining, keeps_quit_back_until_all_before_it_is_answered) {
  for_each_run([](SessionHarness& s) {
    begin(s, kPipelining);
    s.client("RETR 1\r\nDELE 1\r\nQUIT\r\n");
    s.upstream_expects("RETR 1\r\nDELE 1\r\n");
    s.upstream("+OK\r\nabc\r\n.\r\n");
    s.expect_client("+OK\r\nabc\r\n.\r\n");
    s.upstream_expects("");
    s.upstream("+OK deleted\r\n");
    s.expect_client("+OK deleted\r\n");
    s.upstream_expects("QUIT\r\n");
    s.upstream("-ERR some messages were not deleted\r\n");
    s.expect_client("-ERR some messages were not deleted\r\n");
    s.expect_upstream_closed();
    s.expect_ended(EndReason::quit);
  });
}

TEST(Pipelining, reads_nothing_behind_quit) {
  for_each_run([](SessionHarness& s) {
    begin(s, kPipelining);
    s.client("QUIT\r\nDELE 1\r\nSTAT\r\n");
    s.upstream_expects("QUIT\r\n");
    s.upstream("+OK bye\r\n");
    s.expect_client("+OK bye\r\n");
    s.expect_ended(EndReason::quit);
  });
}

TEST(UpstreamReplies, end_the_session_when_nobody_asked_for_them) {
  for (const std::string junk : {"+OK\r\n", "-ERR idle too long\r\n", "x", "\r\n"}) {
    for_each_run([&junk](SessionHarness& s) {
      begin(s);
      passes(s, "STAT\r\n", "+OK 3 1234\r\n");
      s.upstream(junk);
      s.expect_client("");
      s.expect_upstream_aborted();
      s.expect_ended(EndReason::upstream_lost);
    });
  }
}

TEST(UpstreamReplies, end_the_session_when_there_are_two_for_one_command) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("STAT\r\n");
    s.upstream_expects("STAT\r\n");
    s.upstream("+OK 1 5\r\n+OK 1 5\r\n");
    s.expect_client("+OK 1 5\r\n");
    s.expect_upstream_aborted();
    s.expect_ended(EndReason::upstream_lost);
  });
}

TEST(UpstreamReplies, end_the_session_when_they_are_no_replies) {
  for (const std::string junk : {"hello\r\n", "+ more\r\n", "+OK\n", "OK\r\n", "+ok\r\n"}) {
    for_each_run([&junk](SessionHarness& s) {
      begin(s);
      s.client("STAT\r\n");
      s.upstream_expects("STAT\r\n");
      s.upstream(junk);
      s.expect_client_line("-ERR [SYS/TEMP] ");
      s.expect_upstream_aborted();
      s.expect_ended(EndReason::upstream_lost);
    });
  }
}

TEST(UpstreamReplies, that_never_come_whole_are_bounded) {
  SessionHarness s;
  begin(s);
  s.client("STAT\r\n");
  s.upstream_expects("STAT\r\n");
  s.upstream("+OK " + std::string(10'000, 'x'));
  s.expect_client_line("-ERR [SYS/TEMP] ");
  s.expect_upstream_aborted();
  s.expect_ended(EndReason::upstream_lost);
}

TEST(UpstreamReplies, keep_bare_ends_of_line_inside_a_message) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    using namespace std::string_literals;
    passes(s, "RETR 1\r\n", "+OK\r\nbare\nlf\n.\nand\rcr\r.\r\r\n.\n.\r\rnul\0x\r\n..\r\n.\r\n"s);
    quit(s);
  });
}

}  // namespace
}  // namespace gatepost::testing
