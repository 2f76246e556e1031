// Failed logins slow down the next ones.
#include <gtest/gtest.h>

#include <string>

#include "proxy/pop3/sasl.h"
#include "tests/support/session_harness.h"

namespace gatepost::testing {
namespace {

using session::EndReason;
using session::LoginResult;
using session::SessionState;

/// So many logins of joe have failed that the next one waits.
void guess(SessionHarness& s, std::uint32_t beyond_the_free_ones) {
  for (std::uint32_t i = 0; i < s.settings.limits.free_failed_logins + beyond_the_free_ones; ++i) {
    s.guard.login_failed(s.facts.address, "joe", s.timers.now());
  }
}

void say_pass(SessionHarness& s) {
  s.start();
  s.expect_client_line("+OK");
  s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
  s.client("PASS secret\r\n");
}

TEST(Delay, holds_back_who_failed_often) {
  SessionHarness s;
  guess(s, 2);
  const Duration delay = s.guard.delay(s.facts.address, "joe", s.timers.now());
  ASSERT_GT(delay, Duration(0));
  say_pass(s);
  EXPECT_EQ(s.session()->state(), SessionState::delayed);
  EXPECT_EQ(s.session()->waits_for(), session::Session::kDelay);
  s.advance(delay - Duration(1));
  EXPECT_EQ(s.connector.started(), 0U);
  s.advance(Duration(1));
  s.upstream_accepts();
  s.upstream("+OK\r\n");
  s.upstream("-ERR\r\n");
  s.upstream("+OK\r\n");
  s.upstream_expects("CAPA\r\nUSER joe\r\nPASS secret\r\n");
  s.upstream("+OK in\r\n");
  s.expect_client("+OK in\r\n");
  EXPECT_EQ(s.counters.logins_delayed.get(), 1U);
}

TEST(Delay, is_earned_by_what_upstream_refuses) {
  SessionHarness s;
  s.settings.limits.login_attempts = 100;
  s.start();
  s.expect_client_line("+OK");
  for (std::uint32_t i = 0; i <= s.settings.limits.free_failed_logins; ++i) {
    s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
    s.client("PASS wrong\r\n");
    s.upstream_accepts();
    s.upstream("+OK\r\n");
    s.upstream("-ERR\r\n");
    s.upstream("+OK\r\n");
    s.upstream_expects("CAPA\r\nUSER joe\r\nPASS wrong\r\n");
    s.upstream("-ERR [AUTH] no\r\n");
    s.expect_client("-ERR [AUTH] no\r\n");
  }
  EXPECT_GT(s.guard.delay(s.facts.address, "joe", s.timers.now()), Duration(0));
}

TEST(Delay, is_not_earned_by_what_upstream_cannot_do) {
  SessionHarness s;
  s.settings.limits.login_attempts = 100;
  s.start();
  s.expect_client_line("+OK");
  for (std::uint32_t i = 0; i <= s.settings.limits.free_failed_logins; ++i) {
    s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
    s.client("PASS right\r\n");
    s.upstream_refuses(ErrorCode::refused);
    s.expect_client_line("-ERR [SYS/TEMP] ");
  }
  EXPECT_EQ(s.guard.delay(s.facts.address, "joe", s.timers.now()), Duration(0));
}

TEST(Delay, beyond_the_login_deadline_is_a_refusal) {
  SessionHarness s;
  guess(s, 12);
  s.settings.timeouts.login = Duration(10'000);
  say_pass(s);
  s.expect_client("-ERR [SYS/TEMP] Too many failed logins, try again later\r\n");
  EXPECT_EQ(s.connector.started(), 0U);
  EXPECT_EQ(s.counters.logins[LoginResult::throttled].get(), 1U);
  EXPECT_NE(s.log.find("login_failed").find("result=throttled"), std::string::npos);
  s.client_says_and_gets("QUIT\r\n", "+OK Bye\r\n");
  s.expect_ended(EndReason::quit);
}

TEST(Delay, ends_with_the_client) {
  for_each_run([](SessionHarness& s) {
    guess(s, 2);
    say_pass(s);
    s.client_ends();
    s.expect_ended(EndReason::client_closed);
    if (s.killed()) return;
    EXPECT_EQ(s.connector.started(), 0U);
    EXPECT_EQ(s.counters.logins[LoginResult::client_gone].get(), 1U);
  });
}

TEST(Delay, ends_with_a_drain) {
  SessionHarness s;
  guess(s, 2);
  say_pass(s);
  s.session()->drain();
  s.run();
  s.expect_client_line("-ERR [SYS/TEMP] ");
  s.expect_ended(EndReason::drained);
}

TEST(Delay, holds_back_an_answer_to_a_challenge) {
  SessionHarness s;
  guess(s, 1);
  s.start();
  s.expect_client_line("+OK");
  s.client("AUTH CRAM-MD5\r\n");
  s.upstream_accepts();
  s.upstream("+OK\r\n");
  s.upstream("+OK\r\nSASL CRAM-MD5\r\n.\r\n");
  s.upstream_expects("CAPA\r\nAUTH CRAM-MD5\r\n");
  s.upstream("+ Zm9v\r\n");
  s.expect_client("+ Zm9v\r\n");
  const std::string answer = pop3::base64_encode("joe b913a602c7eda7a495b4e6e7334d3890");
  s.client(answer + "\r\n");
  s.upstream_expects("");
  EXPECT_EQ(s.session()->state(), SessionState::delayed);
  s.advance(Duration(60'000));
  s.upstream_expects(answer + "\r\n");
  s.upstream("+OK\r\n");
  s.expect_client("+OK\r\n");
}

TEST(Delay, holds_invented_users_back_as_well) {
  SessionHarness s;
  s.settings.limits.login_attempts = 100;
  upstream::Route route;
  route.conditions.domains = {"a.example"};
  route.pool = SessionHarness::make_pool({s.server});
  s.routes = {route};
  s.start();
  s.expect_client_line("+OK");
  for (std::uint32_t i = 0; i <= s.settings.limits.free_failed_logins; ++i) {
    s.client_says_and_gets("USER joe@b.example\r\n", "+OK Send PASS\r\n");
    s.client_says_and_gets("PASS x\r\n", "-ERR [AUTH] No mail server for this user\r\n");
  }
  EXPECT_EQ(s.connector.started(), 0U);
  EXPECT_NE(s.log.find("login_failed").find("result=refused"), std::string::npos);
  EXPECT_GT(s.guard.delay(s.facts.address, "joe@b.example", s.timers.now()), Duration(0));
  s.client_says_and_gets("USER joe@b.example\r\n", "+OK Send PASS\r\n");
  s.client_says_and_gets("PASS x\r\n", "");
  s.advance(Duration(60'000));
  s.expect_client("-ERR [AUTH] No mail server for this user\r\n");
}

}  // namespace
}  // namespace gatepost::testing
