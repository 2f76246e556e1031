// Before login: what is answered here, and what is refused (RFC 1939 section 4).
#include <gtest/gtest.h>

#include <string>

#include "tests/support/session_harness.h"

namespace gatepost::testing {
namespace {

using session::EndReason;

void begin(SessionHarness& s) {
  s.start();
  s.expect_client("+OK Gatepost ready\r\n");
}

void quit(SessionHarness& s) {
  s.client_says_and_gets("QUIT\r\n", "+OK Bye\r\n");
  s.expect_ended(EndReason::quit);
}

TEST(Authorization, answers_capa_for_the_state) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client_says_and_gets("CAPA\r\n",
                           "+OK Capability list follows\r\nTOP\r\nUIDL\r\nPIPELINING\r\n"
                           "RESP-CODES\r\nUSER\r\nSASL PLAIN LOGIN\r\n.\r\n");
    quit(s);
  });
}

TEST(Authorization, answers_capa_after_login_by_what_upstream_can) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.log_in("USER\r\nUIDL\r\nSTLS\r\nIMPLEMENTATION Old\r\n");
    s.client_says_and_gets(
        "CAPA\r\n", "+OK Capability list follows\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\n.\r\n");
    s.upstream_expects("");
    s.ignore_the_rest();
  });
}

TEST(Authorization, knows_commands_in_any_case) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client_says_and_gets("uSeR joe\r\n", "+OK Send PASS\r\n");
    s.client_says_and_gets("quit\r\n", "+OK Bye\r\n");
    s.expect_ended(EndReason::quit);
  });
}

TEST(Authorization, refuses_what_is_for_later) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    for (const char* command :
         {"STAT", "LIST", "LIST 1", "RETR 1", "DELE 1", "NOOP", "RSET", "TOP 1 0", "UIDL"}) {
      s.client_says_and_gets(std::string(command) + "\r\n", "-ERR Log in first\r\n");
    }
    quit(s);
    EXPECT_EQ(s.connector.started(), 0U);
  });
}

TEST(Authorization, refuses_what_it_does_not_know) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client_says_and_gets("XTND XMIT\r\n", "-ERR Unknown command\r\n");
    s.client_says_and_gets("UTF8\r\n", "-ERR UTF8 is not offered here\r\n");
    s.client_says_and_gets("LANG de\r\n", "-ERR Log in first\r\n");
    s.client_says_and_gets("APOP joe 0123456789abcdef0123456789abcdef\r\n",
                           "-ERR APOP is not offered here\r\n");
    s.client_says_and_gets("STLS\r\n", "-ERR STLS is not offered here\r\n");
    s.client("\r\n");
    s.expect_client_line("-ERR ");
    s.client("USER\r\n");
    s.expect_client_line("-ERR ");
    quit(s);
  });
}

TEST(Authorization, wants_user_before_pass) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client_says_and_gets("PASS secret\r\n", "-ERR Send USER first\r\n");
    EXPECT_EQ(s.connector.started(), 0U);
    quit(s);
  });
}

TEST(Authorization, takes_the_last_user) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client_says_and_gets("USER bob\r\n", "+OK Send PASS\r\n");
    s.log_in();
    s.ignore_the_rest();
  });
}

TEST(Authorization, answers_pipelined_commands_in_turn) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("NOOP\r\nUSER joe\r\nXYZZY\r\nQUIT\r\nSTAT\r\n");
    s.expect_client("-ERR Log in first\r\n+OK Send PASS\r\n-ERR Unknown command\r\n+OK Bye\r\n");
    s.expect_ended(EndReason::quit);
  });
}

TEST(Authorization, stops_at_a_bare_lf) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("NOOP\nQUIT\r\n");
    s.expect_client("-ERR Lines must end with CRLF\r\n");
    s.expect_ended(EndReason::protocol_error);
  });
}

TEST(Authorization, hangs_up_on_browsers) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("POST / HTTP/1.1\r\nUSER joe\r\nPASS x\r\n");
    s.expect_client("-ERR This is POP3, not HTTP\r\n");
    s.expect_ended(EndReason::protocol_error);
    EXPECT_EQ(s.connector.started(), 0U);
  });
}

TEST(Authorization, refuses_a_line_that_is_too_long_as_a_whole) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("NOOP " + std::string(20'000, 'x') + " QUIT\r\n");
    s.expect_client_line("-ERR ");
    quit(s);
  });
}

TEST(Authorization, ends_after_too_many_bad_commands_in_a_row) {
  SessionHarness s;
  s.settings.limits.bad_commands = 5;
  begin(s);
  for (int i = 0; i < 5; ++i) s.client_says_and_gets("XYZZY\r\n", "-ERR Unknown command\r\n");
  s.client_says_and_gets("CAPA\r\n", "+OK Capability list follows\r\n");
  static_cast<void>(s.at_client().take_sent());
  for (int i = 0; i < 5; ++i) s.client_says_and_gets("XYZZY\r\n", "-ERR Unknown command\r\n");
  s.client("XYZZY\r\n");
  s.expect_client_line("-ERR ");
  s.expect_ended(EndReason::too_many_errors);
}

TEST(Authorization, ends_when_the_client_leaves) {
  for (const ErrorCode code : {ErrorCode::closed, ErrorCode::truncated, ErrorCode::network}) {
    for_each_run([code](SessionHarness& s) {
      begin(s);
      s.client("USER j");
      s.client_ends(code);
      s.expect_ended(code == ErrorCode::network ? EndReason::client_error
                                                : EndReason::client_closed);
    });
  }
}

TEST(Authorization, answers_a_client_that_has_said_all_at_once_and_ended_its_side) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    if (s.killed()) return;
    s.at_client().deliver("NOOP\r\n");
    s.at_client().end();
    s.run();
    s.expect_client("-ERR Log in first\r\n");
    if (s.killed()) return;
    EXPECT_TRUE(s.at_client().saw_fin()) << "a reset may destroy the answer on its way";
    s.expect_ended(EndReason::client_closed);
  });
}

}  // namespace
}  // namespace gatepost::testing
