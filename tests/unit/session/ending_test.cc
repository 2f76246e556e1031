// How sessions end: the client vanishes, upstream vanishes, the gateway goes down.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/session_harness.h"

namespace gatepost::testing {
namespace {

using session::EndReason;
using session::LoginResult;
using session::Session;

constexpr std::string_view kPipelining = "USER\r\nPIPELINING\r\n";

void begin(SessionHarness& s, std::string_view capabilities = kPipelining) {
  s.start();
  s.expect_client_line("+OK");
  s.log_in(capabilities);
}

EndReason reason_of(ErrorCode code) {
  return code == ErrorCode::network ? EndReason::client_error : EndReason::client_closed;
}

TEST(ClientGone, ends_an_idle_session_without_quit) {
  for (const ErrorCode code : {ErrorCode::closed, ErrorCode::truncated, ErrorCode::network}) {
    for_each_run([code](SessionHarness& s) {
      begin(s);
      s.client_ends(code);
      s.expect_upstream_aborted();
      s.expect_ended(reason_of(code));
    });
  }
}

TEST(ClientGone, gives_up_a_connection_that_is_being_made) {
  for (const ErrorCode code : {ErrorCode::closed, ErrorCode::network}) {
    for_each_run([code](SessionHarness& s) {
      s.start();
      s.expect_client_line("+OK");
      s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
      s.client("PASS secret\r\n");
      s.client_ends(code);
      if (!s.killed()) {
        EXPECT_EQ(s.connector.cancelled(), 1U);
        EXPECT_EQ(s.counters.logins[LoginResult::client_gone].get(), 1U);
      }
      s.expect_ended(reason_of(code));
    });
  }
}

TEST(ClientGone, gives_up_a_login_at_any_step) {
  for (std::size_t steps = 0; steps < 3; ++steps) {
    for_each_run([steps](SessionHarness& s) {
      s.start();
      s.expect_client_line("+OK");
      s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
      s.client("PASS secret\r\n");
      s.upstream_accepts();
      for (std::size_t i = 0; i < steps; ++i) s.upstream(i == 1 ? "-ERR\r\n" : "+OK\r\n");
      const std::string said = s.killed() ? "" : s.at_upstream()->take_sent();
      EXPECT_EQ(said.find("QUIT"), std::string::npos);
      s.client_ends();
      s.upstream_expects("");
      if (!s.killed()) {
        EXPECT_TRUE(s.at_upstream()->closed().has_value());
        EXPECT_EQ(s.counters.logins[LoginResult::client_gone].get(), 1U);
      }
      s.expect_ended(EndReason::client_closed);
    });
  }
}

TEST(ClientGone, stops_a_message_on_its_way) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("RETR 1\r\nDELE 1\r\n");
    s.upstream_expects("RETR 1\r\nDELE 1\r\n");
    s.upstream("+OK\r\nhalf a mess");
    s.expect_client("+OK\r\nhalf a mess");
    s.client_ends(ErrorCode::network);
    s.expect_upstream_aborted();
    s.expect_ended(EndReason::client_error);
  });
}

TEST(ClientGone, drops_commands_that_wait_for_their_turn) {
  for_each_run([](SessionHarness& s) {
    begin(s, "USER\r\n");
    s.client("RETR 1\r\nDELE 1\r\nNOOP\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.client_ends(ErrorCode::network);
    s.expect_upstream_aborted();
    s.expect_ended(EndReason::client_error);
  });
}

TEST(ClientGone, sends_no_quit_behind_a_message_that_it_did_not_get) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("RETR 1\r\nDELE 1\r\nQUIT\r\n");
    s.upstream_expects("RETR 1\r\nDELE 1\r\n");
    s.upstream("+OK\r\nhalf a mess");
    s.expect_client("+OK\r\nhalf a mess");
    s.client_ends(ErrorCode::network);
    s.upstream("age\r\n.\r\n+OK deleted\r\n");
    s.expect_upstream_aborted();
    s.expect_ended(EndReason::client_error);
  });
}

TEST(ClientGone, lets_upstream_finish_a_quit_that_it_has) {
  for (const ErrorCode code : {ErrorCode::closed, ErrorCode::network}) {
    for_each_run([code](SessionHarness& s) {
      begin(s);
      s.client("QUIT\r\n");
      s.upstream_expects("QUIT\r\n");
      s.client_ends(code);
      s.expect_alive();
      s.upstream("+OK bye\r\n");
      s.ignore_the_rest();
      s.expect_upstream_closed();
      s.expect_ended(EndReason::quit);
    });
  }
}

TEST(ClientGone, gets_its_answers_when_it_has_ended_only_its_own_side) {
  for_each_run([](SessionHarness& s) {
    begin(s, "USER\r\n");
    if (s.killed()) return;
    s.at_client().deliver("STAT\r\nRETR 1\r\n");
    s.client_ends();
    s.upstream_expects("STAT\r\n");
    s.upstream("+OK 1 5\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.upstream("+OK\r\nabc\r\n.\r\n");
    s.expect_client("+OK 1 5\r\n+OK\r\nabc\r\n.\r\n");
    if (s.killed()) return;
    EXPECT_TRUE(s.at_client().saw_fin()) << "a reset may destroy the answers on their way";
    s.expect_upstream_aborted();
    s.expect_ended(EndReason::client_closed);
  });
}

TEST(ClientGone, gets_its_answers_when_it_ended_only_its_own_side_but_no_quit) {
  for_each_run([](SessionHarness& s) {
    begin(s, "USER\r\n");
    s.client("STAT\r\nDELE 1\r\nQUIT\r\n");
    s.upstream_expects("STAT\r\n");
    s.client_ends();
    s.upstream("+OK 1 5\r\n");
    s.upstream_expects("DELE 1\r\n");
    s.upstream("+OK deleted\r\n");
    s.expect_client("+OK 1 5\r\n+OK deleted\r\n");
    s.upstream_expects("");
    s.expect_upstream_aborted();
    s.expect_ended(EndReason::client_closed);
  });
}

TEST(ClientGone, gets_a_long_answer_though_it_reads_slowly) {
  SessionHarness s;
  begin(s);
  s.at_client().options.accept_per_turn = 1'000;
  s.client("RETR 1\r\n");
  s.upstream_expects("RETR 1\r\n");
  s.at_client().end();
  const std::string text = "+OK\r\n" + std::string(50'000, 'x') + "\r\n.\r\n";
  s.upstream(text);
  s.expect_client(text);
  EXPECT_TRUE(s.at_client().saw_fin());
  s.expect_upstream_aborted();
  s.expect_ended(EndReason::client_closed);
}

TEST(ClientGone, forfeits_a_quit_behind_answers_that_it_did_not_await) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("RETR 1\r\nDELE 1\r\nQUIT\r\n");
    s.upstream_expects("RETR 1\r\nDELE 1\r\n");
    s.client_ends();
    s.upstream("+OK\r\nabc\r\n.\r\n+OK deleted\r\n");
    s.expect_client("+OK\r\nabc\r\n.\r\n+OK deleted\r\n");
    s.expect_upstream_aborted();
    s.expect_ended(EndReason::client_closed);
  });
}

TEST(ClientGone, gets_quit_done_that_came_right_before_its_end) {
  SessionHarness s;
  begin(s);
  s.at_client().deliver("QUIT\r\n");
  s.client_ends();
  s.upstream_expects("QUIT\r\n");
  s.upstream("+OK bye\r\n");
  s.expect_client("+OK bye\r\n");
  s.expect_upstream_closed();
  s.expect_ended(EndReason::quit);
}

TEST(ClientGone, gets_no_quit_done_while_a_message_waits_to_be_taken) {
  SessionHarness s;
  begin(s);
  s.at_client().options.accept_per_turn = 0;
  s.client("RETR 1\r\nDELE 1\r\nQUIT\r\n");
  s.upstream_expects("RETR 1\r\nDELE 1\r\n");
  s.upstream("+OK\r\nabc\r\n.\r\n+OK deleted\r\n");
  s.upstream_expects("");
  s.client_ends(ErrorCode::network);
  s.expect_upstream_aborted();
  s.expect_ended(EndReason::client_error);
}

TEST(ClientGone, is_noticed_when_sending_fails) {
  SessionHarness s;
  begin(s);
  s.client("RETR 1\r\n");
  s.upstream_expects("RETR 1\r\n");
  s.at_client().options.fail_send_at = s.at_client().total_sent() + 10;
  s.upstream("+OK\r\nmore than ten octets\r\n");
  s.ignore_the_rest();
  s.expect_upstream_aborted();
  s.expect_ended(EndReason::client_error);
}

TEST(UpstreamGone, ends_an_idle_session) {
  for (const ErrorCode code : {ErrorCode::closed, ErrorCode::truncated, ErrorCode::network}) {
    for_each_run([code](SessionHarness& s) {
      begin(s);
      s.upstream_ends(code);
      s.expect_client("");
      s.expect_ended(EndReason::upstream_lost);
    });
  }
}

TEST(UpstreamGone, is_said_to_a_client_that_waits_for_an_answer) {
  for (const ErrorCode code : {ErrorCode::closed, ErrorCode::truncated, ErrorCode::network}) {
    for_each_run([code](SessionHarness& s) {
      begin(s);
      s.client("STAT\r\nLIST\r\n");
      s.upstream_expects("STAT\r\nLIST\r\n");
      s.upstream("+OK 1 5\r\n+O");
      s.expect_client("+OK 1 5\r\n");
      s.upstream_ends(code);
      s.expect_client_line("-ERR [SYS/TEMP] ");
      s.expect_ended(EndReason::upstream_lost);
    });
  }
}

TEST(UpstreamGone, breaks_the_connection_inside_a_message) {
  for (const std::string part : {"", "half a line", "a line\r\n", "a line\r\n.", "a line\r\n.\r"}) {
    for (const ErrorCode code : {ErrorCode::closed, ErrorCode::truncated}) {
      for_each_run([&part, code](SessionHarness& s) {
        begin(s);
        s.client("RETR 1\r\n");
        s.upstream_expects("RETR 1\r\n");
        s.upstream("+OK\r\n" + part);
        s.upstream_ends(code);
        if (s.killed()) return;
        EXPECT_TRUE(s.at_client().saw_reset());
        EXPECT_TRUE(s.at_client().sent().starts_with("+OK\r\n"));
        EXPECT_FALSE(s.at_client().sent().ends_with("\r\n.\r\n"));
        s.ignore_the_rest();
        s.expect_ended(EndReason::upstream_lost);
      });
    }
  }
}

TEST(UpstreamGone, is_no_success_of_quit) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("DELE 1\r\n");
    s.upstream_expects("DELE 1\r\n");
    s.upstream("+OK\r\n");
    s.expect_client("+OK\r\n");
    s.client("QUIT\r\n");
    s.upstream_expects("QUIT\r\n");
    s.upstream_ends();
    s.expect_client_line("-ERR [SYS/TEMP] ");
    s.expect_ended(EndReason::upstream_lost);
  });
}

TEST(UpstreamGone, may_close_right_behind_its_answer_to_quit) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("QUIT\r\n");
    s.upstream_expects("QUIT\r\n");
    if (s.killed()) return;
    s.at_upstream()->deliver("+OK bye\r\n");
    s.upstream_ends();
    s.expect_client("+OK bye\r\n");
    s.expect_ended(EndReason::quit);
  });
}

TEST(UpstreamGone, loses_nothing_that_it_sent_before) {
  SessionHarness s;
  begin(s);
  s.at_client().options.accept_per_turn = 0;
  s.client("RETR 1\r\nNOOP\r\n");
  s.upstream_expects("RETR 1\r\nNOOP\r\n");
  const std::string text = "+OK\r\n" + std::string(300'000, 'x') + "\r\n.\r\n";
  s.at_upstream()->deliver(text);
  s.upstream_ends();
  s.expect_alive();
  s.at_client().options.accept_per_turn = 10'000;
  s.run();
  s.expect_client(text);
  s.expect_client_line("-ERR [SYS/TEMP] ");
  s.expect_ended(EndReason::upstream_lost);
}

TEST(UpstreamGone, is_noticed_when_sending_fails) {
  SessionHarness s;
  begin(s);
  s.at_upstream()->options.fail_send_at = s.at_upstream()->total_sent();
  s.client("STAT\r\n");
  s.expect_client_line("-ERR [SYS/TEMP] ");
  s.expect_ended(EndReason::upstream_lost);
}

TEST(Closing, waits_a_moment_for_the_client_to_end_its_side) {
  SessionHarness s;
  s.start();
  s.expect_client_line("+OK");
  s.client_says_and_gets("QUIT\r\n", "+OK Bye\r\n");
  EXPECT_TRUE(s.at_client().saw_fin());
  s.expect_alive();
  s.advance(Session::kLinger - Duration(1));
  s.expect_alive();
  s.advance(Duration(1));
  EXPECT_TRUE(s.ended());
  s.expect_ended(EndReason::quit);
}

TEST(Closing, gives_up_on_a_client_that_does_not_take_the_last_words) {
  SessionHarness s;
  s.start();
  s.expect_client_line("+OK");
  s.at_client().options.accept_per_turn = 0;
  s.client("QUIT\r\n");
  s.advance(Session::kFlushStall - Duration(1));
  s.expect_alive();
  s.advance(Duration(1));
  EXPECT_TRUE(s.ended());
  s.expect_ended(EndReason::quit);
}

TEST(Cut, ends_a_session_in_any_state_without_quit) {
  for (int stage = 0; stage < 5; ++stage) {
    SessionHarness s;
    s.start();
    s.ignore_the_rest();
    if (stage >= 1) s.client("USER joe\r\nPASS x\r\n");
    if (stage >= 2) s.upstream_accepts();
    if (stage >= 3) {
      s.upstream("+OK\r\n");
      s.upstream("-ERR\r\n");
      s.upstream("+OK\r\n");
      s.upstream("+OK in\r\n");
    }
    if (stage >= 4) s.client("RETR 1\r\n");
    s.session()->cut(EndReason::drained);
    s.run();
    s.expect_ended(EndReason::drained);
    EXPECT_TRUE(s.at_client().saw_reset());
    if (stage >= 2) {
      EXPECT_TRUE(s.at_upstream()->destroyed());
      EXPECT_EQ(s.at_upstream()->sent().find("QUIT"), std::string::npos);
    }
  }
}

TEST(Drain, turns_away_who_has_not_logged_in) {
  SessionHarness s;
  s.start();
  s.expect_client_line("+OK");
  s.session()->drain();
  s.run();
  s.expect_client_line("-ERR [SYS/TEMP] ");
  s.expect_ended(EndReason::drained);
}

TEST(Drain, turns_away_who_is_in_a_handshake_or_dialog) {
  for (const bool sasl : {true, false}) {
    SessionHarness s;
    if (!sasl) s.settings.client_tls_mode = config::ListenerTls::implicit;
    s.start();
    s.client("AUTH PLAIN\r\n");
    s.ignore_the_rest();
    s.session()->drain();
    s.run();
    s.expect_ended(EndReason::drained);
  }
}

TEST(Drain, lets_logged_in_sessions_go_on) {
  SessionHarness s;
  begin(s);
  s.session()->drain();
  s.run();
  s.client("RETR 1\r\n");
  s.upstream_expects("RETR 1\r\n");
  s.upstream("+OK\r\nabc\r\n.\r\n");
  s.expect_client("+OK\r\nabc\r\n.\r\n");
  s.client("QUIT\r\n");
  s.upstream_expects("QUIT\r\n");
  s.upstream("+OK\r\n");
  s.expect_client("+OK\r\n");
  s.expect_ended(EndReason::quit);
}

/// Until upstream was asked for a login.
void ask_for_login(SessionHarness& s) {
  s.start();
  s.expect_client_line("+OK");
  s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
  s.client("PASS x\r\n");
  s.session()->drain();
  s.run();
  s.expect_client("");
  s.upstream_accepts();
  s.upstream("+OK\r\n");
  s.upstream_expects("CAPA\r\n");
  s.upstream("-ERR\r\n");
  s.upstream_expects("USER joe\r\n");
}

TEST(Drain, lets_a_login_under_way_go_on) {
  SessionHarness s;
  ask_for_login(s);
  s.upstream("+OK\r\n");
  s.upstream_expects("PASS x\r\n");
  s.upstream("+OK\r\n");
  s.expect_client("+OK\r\n");
  s.client("QUIT\r\n");
  s.upstream_expects("QUIT\r\n");
  s.upstream("+OK\r\n");
  s.expect_client("+OK\r\n");
  s.expect_ended(EndReason::quit);
}

TEST(Drain, gives_a_login_under_way_one_chance) {
  SessionHarness s;
  ask_for_login(s);
  s.upstream("-ERR wrong\r\n");
  s.expect_client("-ERR wrong\r\n");
  s.expect_ended(EndReason::drained);
}

}  // namespace
}  // namespace gatepost::testing
