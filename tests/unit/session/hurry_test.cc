// A login at a server that is known to pipeline: CAPA goes with its first command.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/session_harness.h"

namespace gatepost::testing {
namespace {

using session::LoginResult;

constexpr std::string_view kBefore = "PIPELINING\r\nSASL PLAIN\r\nUSER\r\nTOP\r\n";
constexpr std::string_view kPlain = "AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n";  // NUL joe NUL secret

/// The server has announced `before`, after `greeting`, to somebody; now it has greeted this login.
void begin(SessionHarness& s, std::string_view before = kBefore,
           std::string_view greeting = "ready") {
  s.server.state->learned(before, greeting);
  s.start();
  s.expect_client("+OK Gatepost ready\r\n");
  s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
  s.client("PASS secret\r\n");
  s.upstream_accepts();
  s.upstream("+OK ready\r\n");
}

std::string with_capa(std::string_view command) { return "CAPA\r\n" + std::string(command); }

TEST(Hurry, asks_for_capabilities_with_the_first_command) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.upstream_expects(with_capa(kPlain));
    s.upstream("+OK\r\nPIPELINING\r\nSASL PLAIN\r\nLANG\r\n.\r\n+OK in\r\n");
    s.expect_client("+OK in\r\n");
    // What counts afterwards is what was said now.
    s.client("LANG\r\n");
    s.upstream_expects("LANG\r\n");
    s.upstream("+OK\r\n.\r\n");
    s.expect_client("+OK\r\n.\r\n");
    s.ignore_the_rest();
    if (s.killed()) return;
    EXPECT_TRUE(s.server.state->capabilities()->has("LANG"));
  });
}

TEST(Hurry, says_user_and_password_where_plain_was_not_announced) {
  for_each_run([](SessionHarness& s) {
    begin(s, "PIPELINING\r\nUSER\r\n");
    s.upstream_expects("CAPA\r\nUSER joe\r\nPASS secret\r\n");
    s.upstream("+OK\r\nPIPELINING\r\nUSER\r\n.\r\n+OK\r\n");
    s.expect_client("");
    s.upstream("+OK in\r\n");
    s.expect_client("+OK in\r\n");
    s.ignore_the_rest();
  });
}

TEST(Hurry, hears_both_answers_where_the_user_is_refused) {
  for_each_run([](SessionHarness& s) {
    begin(s, "PIPELINING\r\nUSER\r\n");
    s.upstream_expects("CAPA\r\nUSER joe\r\nPASS secret\r\n");
    s.upstream("+OK\r\nUSER\r\n.\r\n-ERR who is joe?\r\n");
    s.expect_client("");
    s.upstream("-ERR USER first\r\n");
    s.expect_client("-ERR who is joe?\r\n");
    s.ignore_the_rest();
    if (s.killed()) return;
    EXPECT_EQ(s.counters.logins[LoginResult::refused].get(), 1U);
  });
}

TEST(Hurry, takes_no_success_behind_a_refused_user) {
  SessionHarness s;
  begin(s, "PIPELINING\r\nUSER\r\n");
  s.upstream_expects("CAPA\r\nUSER joe\r\nPASS secret\r\n");
  s.upstream("+OK\r\nUSER\r\n.\r\n-ERR who is joe?\r\n+OK in\r\n");
  s.expect_client("-ERR [SYS/TEMP] Mail server not available, try again later\r\n");
  s.ignore_the_rest();
}

/// It may have taken USER and dropped the rest.
TEST(Hurry, has_a_rest_where_the_password_got_no_answer) {
  SessionHarness s;
  begin(s, "PIPELINING\r\nUSER\r\n");
  s.upstream_expects("CAPA\r\nUSER joe\r\nPASS secret\r\n");
  s.upstream("+OK\r\nPIPELINING\r\nUSER\r\n.\r\n+OK\r\n");
  s.advance(s.settings.timeouts.upstream_login);
  s.expect_client("-ERR [SYS/TEMP] Mail server not available, try again later\r\n");
  s.ignore_the_rest();
  EXPECT_EQ(s.server.state->capabilities_behind("ready", s.timers.now()), nullptr);
}

TEST(Hurry, takes_time_where_another_greeting_was_given) {
  SessionHarness s;
  begin(s, kBefore, "another server");
  s.upstream_expects("CAPA\r\n");
  s.ignore_the_rest();
}

/// What was announced before does not allow it.
TEST(Hurry, takes_time_without_pipelining_or_a_way_in) {
  for (const std::string_view before :
       {"SASL PLAIN\r\nUSER\r\n", "PIPELINING\r\nSASL CRAM-MD5\r\n", "PIPELINING\r\n", ""}) {
    SessionHarness s;
    begin(s, before);
    s.upstream_expects("CAPA\r\n");
    s.ignore_the_rest();
  }
}

TEST(Hurry, is_not_for_who_wants_no_pipelining) {
  SessionHarness s;
  s.settings.limits.pipeline = 1;
  begin(s);
  s.upstream_expects("CAPA\r\n");
  s.ignore_the_rest();
}

/// A server that was set up anew behind the same greeting.
TEST(Hurry, says_it_otherwise_where_the_way_in_has_gone) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.upstream_expects(with_capa(kPlain));
    s.upstream("+OK\r\nUSER\r\n.\r\n-ERR unknown command\r\n");
    s.upstream_expects("USER joe\r\n");
    s.upstream("+OK\r\n");
    s.upstream_expects("PASS secret\r\n");
    s.upstream("+OK in\r\n");
    s.expect_client("+OK in\r\n");
    // Nor does it pipeline any more.
    s.client("STAT\r\nNOOP\r\n");
    s.upstream_expects("STAT\r\n");
    s.ignore_the_rest();
    if (s.killed()) return;
    EXPECT_EQ(s.counters.logins[LoginResult::ok].get(), 1U);
    EXPECT_EQ(s.counters.logins[LoginResult::refused].get(), 0U);
  });
}

TEST(Hurry, also_where_the_server_knows_no_capa_any_more) {
  SessionHarness s;
  begin(s);
  s.upstream_expects(with_capa(kPlain));
  s.upstream("-ERR what?\r\n-ERR what?\r\n");
  s.upstream_expects("USER joe\r\n");
  s.ignore_the_rest();
}

TEST(Hurry, believes_a_refusal_of_what_is_still_announced) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.upstream_expects(with_capa(kPlain));
    s.upstream("+OK\r\nSASL PLAIN\r\n.\r\n-ERR [AUTH] wrong\r\n");
    s.expect_client("-ERR [AUTH] wrong\r\n");
    s.ignore_the_rest();
    if (s.killed()) return;
    EXPECT_EQ(s.counters.logins[LoginResult::refused].get(), 1U);
  });
}

/// A server that drops what was pipelined is asked in its own time afterwards, for an hour.
TEST(Hurry, has_a_rest_where_it_got_no_answer) {
  for (const std::string_view answer : {"", "+OK\r\nPIPELINING\r\nSASL PLAIN\r\n.\r\n"}) {
    SessionHarness s;
    begin(s);
    s.upstream_expects(with_capa(kPlain));
    s.upstream(answer);
    s.upstream_ends();
    s.expect_client("-ERR [SYS/TEMP] Mail server not available, try again later\r\n");
    s.ignore_the_rest();
    const Instant now = s.timers.now();
    EXPECT_EQ(s.server.state->capabilities_behind("ready", now), nullptr);
    EXPECT_NE(s.server.state->capabilities_behind("ready", now + upstream::ServerState::kDoubt),
              nullptr);
  }
}

TEST(Hurry, does_not_read_endless_capabilities) {
  SessionHarness s;
  begin(s);
  s.upstream_expects(with_capa(kPlain));
  s.upstream("+OK\r\n");
  const std::string line(1'022, 'X');
  for (std::size_t i = 0; i < 17; ++i) s.upstream(line + "\r\n");
  s.expect_client("-ERR [SYS/TEMP] Mail server not available, try again later\r\n");
  s.ignore_the_rest();
}

}  // namespace
}  // namespace gatepost::testing
