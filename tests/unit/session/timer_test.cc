// Deadlines of both legs; each has a name in config::Timeouts.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/session_harness.h"

namespace gatepost::testing {
namespace {

using session::EndReason;
using session::HandshakeFailure;
using session::LoginResult;
using upstream::Security;

constexpr Duration kMs{1};

void begin(SessionHarness& s) {
  s.start();
  s.expect_client_line("+OK");
}

TEST(Deadlines, end_a_handshake_that_takes_too_long) {
  for (const bool implicit : {true, false}) {
    SessionHarness s;
    s.settings.client_tls_mode =
        implicit ? config::ListenerTls::implicit : config::ListenerTls::starttls;
    s.start();
    if (!implicit) {
      s.expect_client_line("+OK");
      s.advance(Duration(50'000));
      s.client_says_and_gets("STLS\r\n", "+OK Begin TLS\r\n");
    }
    s.advance(s.settings.timeouts.handshake - kMs);
    s.expect_alive();
    s.advance(kMs);
    s.expect_ended(EndReason::timeout);
    EXPECT_EQ(s.counters.handshake_failures[HandshakeFailure::timeout].get(), 1U);
  }
}

TEST(Deadlines, end_a_session_without_login) {
  for (const char* half : {"", "USER joe\r\n", "USER", "AUTH PLAIN\r\n"}) {
    SessionHarness s;
    begin(s);
    s.client(half);
    static_cast<void>(s.at_client().take_sent());
    s.advance(s.settings.timeouts.login - kMs);
    s.expect_alive();
    s.advance(kMs);
    s.expect_client_line("-ERR ");
    s.expect_ended(EndReason::timeout);
  }
}

TEST(Deadlines, of_the_login_are_not_moved_by_idle_talk) {
  SessionHarness s;
  begin(s);
  for (int i = 0; i < 10 && !s.ended(); ++i) {
    s.client("CAPA\r\n");
    s.advance(s.settings.timeouts.login / 5);
  }
  s.ignore_the_rest();
  s.expect_ended(EndReason::timeout);
}

TEST(Deadlines, of_the_login_start_anew_after_a_failed_one) {
  SessionHarness s;
  begin(s);
  s.advance(s.settings.timeouts.login - kMs);
  s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
  s.client("PASS x\r\n");
  s.advance(Duration(5'000));
  s.upstream_refuses(ErrorCode::refused);
  s.expect_client_line("-ERR ");
  s.advance(s.settings.timeouts.login - kMs);
  s.expect_alive();
  s.advance(kMs);
  s.expect_client_line("-ERR ");
  s.expect_ended(EndReason::timeout);
}

TEST(Deadlines, end_an_inactive_client_without_answer_or_quit) {
  SessionHarness s;
  begin(s);
  s.log_in();
  EXPECT_GE(s.settings.timeouts.inactivity, std::chrono::minutes(10));
  s.advance(s.settings.timeouts.inactivity - kMs);
  s.expect_alive();
  s.advance(kMs);
  s.expect_client("");
  s.expect_upstream_aborted();
  s.expect_ended(EndReason::timeout);
}

TEST(Deadlines, of_inactivity_start_anew_with_every_command) {
  for (const std::string command : {"NOOP", "CAPA", "XYZZY", "RETR 0"}) {
    SessionHarness s;
    begin(s);
    s.log_in();
    for (int i = 0; i < 5; ++i) {
      s.advance(s.settings.timeouts.inactivity - kMs);
      s.client(command + "\r\n");
      if (command == "NOOP") s.upstream("+OK\r\n");
      s.expect_alive();
    }
    s.ignore_the_rest();
    s.advance(s.settings.timeouts.inactivity);
    s.expect_ended(EndReason::timeout);
  }
}

TEST(Deadlines, of_inactivity_do_not_hit_a_client_that_reads_slowly) {
  SessionHarness s;
  begin(s);
  s.log_in();
  s.client("RETR 1\r\n");
  s.upstream_expects("RETR 1\r\n");
  s.at_client().options.accept_per_turn = 0;
  const std::string text = "+OK\r\n" + std::string(400'000, 'x') + "\r\n.\r\n";
  s.upstream(text);
  std::size_t rounds = 0;
  while (s.at_client().sent().size() < text.size() && rounds++ < 1'000) {
    s.advance(s.settings.timeouts.inactivity - kMs);
    ASSERT_FALSE(s.ended()) << s.log.find(" session ");
    s.at_client().options.accept_per_turn = 1'000;
    static_cast<void>(s.at_client().turn());
    s.at_client().options.accept_per_turn = 0;
  }
  s.expect_client(text);
  s.expect_alive();
}

TEST(Deadlines, hit_a_client_that_does_not_read_at_all) {
  SessionHarness s;
  begin(s);
  s.log_in();
  s.client("RETR 1\r\n");
  s.upstream_expects("RETR 1\r\n");
  s.at_client().options.accept_per_turn = 0;
  s.upstream("+OK\r\n" + std::string(400'000, 'x') + "\r\n.\r\n");
  s.advance(s.settings.timeouts.inactivity - kMs);
  s.expect_alive();
  s.advance(kMs);
  s.expect_upstream_aborted();
  s.expect_ended(EndReason::timeout);
}

TEST(UpstreamDeadlines, are_handed_to_the_connector) {
  SessionHarness s;
  begin(s);
  s.client("USER joe\r\nPASS x\r\n");
  EXPECT_EQ(s.connector.limit(), s.settings.timeouts.upstream_connect);
  s.advance(std::chrono::hours(1));
  s.expect_alive();
  s.ignore_the_rest();
}

TEST(UpstreamDeadlines, end_every_step_of_a_login) {
  const config::Timeouts limits;
  struct Step {
    std::vector<std::string> said;
    Duration limit;
  };
  const std::vector<Step> steps = {
      {{}, limits.upstream_greeting},
      {{"+OK\r\n"}, limits.upstream_login},                         // CAPA
      {{"+OK\r\n", "+OK\r\nUSER\r\n"}, limits.upstream_login},      // inside CAPA's reply
      {{"+OK\r\n", "-ERR\r\n"}, limits.upstream_login},             // USER
      {{"+OK\r\n", "-ERR\r\n", "+OK\r\n"}, limits.upstream_login},  // PASS
      {{"+OK\r\n", "+OK\r\nSASL PLAIN\r\n.\r\n"}, limits.upstream_login},
  };
  for (const Step& step : steps) {
    SessionHarness s;
    begin(s);
    s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
    s.client("PASS x\r\n");
    s.upstream_accepts();
    for (const std::string& text : step.said) {
      s.advance(Duration(1'000));
      s.upstream(text);
    }
    static_cast<void>(s.at_upstream()->take_sent());
    s.advance(step.limit - kMs);
    s.expect_client("");
    s.advance(kMs);
    s.expect_client_line("-ERR [SYS/TEMP] ");
    EXPECT_EQ(s.counters.logins[LoginResult::unavailable].get(), 1U);
    s.client_says_and_gets("QUIT\r\n", "+OK Bye\r\n");
    s.expect_ended(EndReason::quit);
  }
}

TEST(UpstreamDeadlines, end_a_handshake_that_takes_too_long) {
  for (const Security security : {Security::implicit, Security::stls}) {
    SessionHarness s;
    s.server.security = security;
    begin(s);
    s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
    s.client("PASS x\r\n");
    s.upstream_accepts();
    if (security == Security::stls) {
      s.upstream("+OK\r\n");
      s.upstream("+OK\r\n");
      s.upstream_expects("STLS\r\n");
    }
    s.advance(s.settings.timeouts.upstream_connect - kMs);
    s.expect_client("");
    s.advance(kMs);
    s.expect_client_line("-ERR [SYS/TEMP] ");
    s.ignore_the_rest();
  }
}

TEST(UpstreamDeadlines, end_a_session_whose_reply_does_not_come) {
  SessionHarness s;
  begin(s);
  s.log_in();
  s.advance(Duration(100'000));
  s.client("STAT\r\n");
  s.upstream_expects("STAT\r\n");
  s.advance(s.settings.timeouts.upstream_reply - kMs);
  s.expect_client("");
  s.advance(kMs);
  s.expect_client_line("-ERR [SYS/TEMP] ");
  s.expect_upstream_aborted();
  s.expect_ended(EndReason::upstream_lost);
}

TEST(UpstreamDeadlines, break_a_message_that_does_not_go_on) {
  SessionHarness s;
  begin(s);
  s.log_in();
  s.client("RETR 1\r\n");
  s.upstream_expects("RETR 1\r\n");
  s.upstream("+OK\r\n");
  for (int i = 0; i < 5; ++i) {
    s.advance(s.settings.timeouts.upstream_reply - kMs);
    s.upstream("slow\r\n");
  }
  s.expect_client("+OK\r\nslow\r\nslow\r\nslow\r\nslow\r\nslow\r\n");
  s.advance(s.settings.timeouts.upstream_reply - kMs);
  s.expect_alive();
  s.advance(kMs);
  EXPECT_TRUE(s.at_client().saw_reset());
  s.expect_upstream_aborted();
  s.expect_ended(EndReason::upstream_lost);
}

TEST(UpstreamDeadlines, do_not_count_the_time_that_the_client_took) {
  SessionHarness s;
  begin(s);
  s.log_in();
  s.client("RETR 1\r\n");
  s.upstream_expects("RETR 1\r\n");
  s.at_client().options.accept_per_turn = 0;
  // So much that the client's side is full, and nothing is left on the wire.
  const std::string part = "+OK\r\n" + std::string(session::Session::kMaxUnsent - 7, 'x') + "\r\n";
  s.upstream(part);
  s.advance(s.settings.timeouts.upstream_reply + Duration(60'000));
  s.expect_alive();
  s.at_client().options.accept_per_turn = WireOptions::kUnlimited;
  s.run();
  s.expect_client(part);
  s.expect_alive();
  s.advance(s.settings.timeouts.upstream_reply - kMs);
  s.expect_alive();
  s.upstream(".\r\n");
  s.expect_client(".\r\n");
  s.expect_alive();
}

}  // namespace
}  // namespace gatepost::testing
