// How a client gets in: USER and PASS here, USER and PASS or AUTH PLAIN upstream.
#include <gtest/gtest.h>

#include <string>

#include "proxy/pop3/sasl.h"
#include "tests/support/session_harness.h"

namespace gatepost::testing {
namespace {

using session::EndReason;
using session::LoginResult;

constexpr std::string_view kPlain = "AGpvZQBzZWNyZXQ=";  // NUL joe NUL secret

/// Until upstream has greeted and was asked for CAPA.
void ask_upstream(SessionHarness& s, std::string_view password = "secret") {
  s.start();
  s.expect_client("+OK Gatepost ready\r\n");
  s.client("USER joe\r\n");
  s.expect_client("+OK Send PASS\r\n");
  s.client("PASS " + std::string(password) + "\r\n");
  s.upstream_accepts();
  s.upstream("+OK ready\r\n");
  s.upstream_expects("CAPA\r\n");
}

void client_may_try_again(SessionHarness& s) {
  s.expect_alive();
  s.client_says_and_gets("QUIT\r\n", "+OK Bye\r\n");
  s.expect_ended(EndReason::quit);
}

TEST(Login, greets_for_itself_and_asks_upstream_only_at_pass) {
  for_each_run([](SessionHarness& s) {
    s.start();
    s.expect_client("+OK Gatepost ready\r\n");
    s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
    EXPECT_EQ(s.connector.started(), 0U);
    s.client("PASS secret\r\n");
    s.upstream_accepts();
    s.upstream_expects("");
    s.upstream("+OK pop.example ready <123@pop.example>\r\n");
    s.upstream_expects("CAPA\r\n");
    s.upstream("+OK\r\nUSER\r\nUIDL\r\n.\r\n");
    s.upstream_expects("USER joe\r\n");
    s.upstream("+OK\r\n");
    s.upstream_expects("PASS secret\r\n");
    s.upstream("+OK joe has 2 messages\r\n");
    s.expect_client("+OK joe has 2 messages\r\n");
    s.client("QUIT\r\n");
    s.upstream_expects("QUIT\r\n");
    s.upstream("+OK bye\r\n");
    s.expect_client("+OK bye\r\n");
    s.expect_upstream_closed();
    s.expect_ended(EndReason::quit);
    if (s.killed()) return;
    EXPECT_EQ(s.counters.logins[LoginResult::ok].get(), 1U);
    EXPECT_EQ(s.log.count("secret"), 0U);
  });
}

TEST(Login, passes_the_password_on_blanks_and_all) {
  for_each_run([](SessionHarness& s) {
    ask_upstream(s, "  two  blanks at the end  ");
    s.upstream("-ERR no CAPA here\r\n");
    s.upstream_expects("USER joe\r\n");
    s.upstream("+OK\r\n");
    s.upstream_expects("PASS   two  blanks at the end  \r\n");
    s.upstream("+OK\r\n");
    s.expect_client("+OK\r\n");
    s.ignore_the_rest();
  });
}

TEST(Login, passes_a_long_password_on) {
  const std::string password(1'000, 'p');
  SessionHarness s;
  ask_upstream(s, password);
  s.upstream("-ERR\r\n");
  s.upstream_expects("USER joe\r\n");
  s.upstream("+OK\r\n");
  s.upstream_expects("PASS " + password + "\r\n");
  s.upstream("+OK\r\n");
  s.expect_client("+OK\r\n");
}

TEST(Login, uses_auth_plain_where_upstream_offers_it) {
  for_each_run([](SessionHarness& s) {
    ask_upstream(s);
    s.upstream("+OK\r\nSASL CRAM-MD5 plain\r\nUSER\r\n.\r\n");
    s.upstream_expects("AUTH PLAIN " + std::string(kPlain) + "\r\n");
    s.upstream("+OK in\r\n");
    s.expect_client("+OK in\r\n");
    s.client("NOOP\r\n");
    s.upstream_expects("NOOP\r\n");
    s.upstream("+OK\r\n");
    s.expect_client("+OK\r\n");
    s.ignore_the_rest();
  });
}

TEST(Login, sends_a_long_initial_response_in_a_line_of_its_own) {
  for_each_run([](SessionHarness& s) {
    const std::string password(400, 'x');
    ask_upstream(s, password);
    s.upstream("+OK\r\nSASL PLAIN\r\n.\r\n");
    s.upstream_expects("AUTH PLAIN\r\n");
    s.upstream("+ \r\n");
    s.upstream_expects(pop3::sasl_plain_message("joe", password) + "\r\n");
    s.upstream("+OK in\r\n");
    s.expect_client("+OK in\r\n");
    s.ignore_the_rest();
  });
}

TEST(Login, sends_two_lines_to_a_server_that_wants_them) {
  for (const std::string go : {"+ \r\n", "+\r\n", "+OK\r\n", "+OK go on\r\n"}) {
    for_each_run([&go](SessionHarness& s) {
      s.server.initial_response = false;
      ask_upstream(s);
      s.upstream("+OK\r\nSASL PLAIN\r\n.\r\n");
      s.upstream_expects("AUTH PLAIN\r\n");
      s.upstream(go);
      s.upstream_expects(std::string(kPlain) + "\r\n");
      s.upstream("+OK in\r\n");
      s.expect_client("+OK in\r\n");
      s.ignore_the_rest();
    });
  }
}

TEST(Login, uses_auth_login_where_there_is_nothing_else) {
  for_each_run([](SessionHarness& s) {
    ask_upstream(s);
    s.upstream("+OK\r\nSASL LOGIN XOAUTH2\r\n.\r\n");
    s.upstream_expects("AUTH LOGIN\r\n");
    s.upstream("+ VXNlcm5hbWU6\r\n");
    s.upstream_expects("am9l\r\n");
    s.upstream("+ UGFzc3dvcmQ6\r\n");
    s.upstream_expects("c2VjcmV0\r\n");
    s.upstream("+OK in\r\n");
    s.expect_client("+OK in\r\n");
    s.ignore_the_rest();
  });
}

TEST(Login, takes_no_success_before_the_password_was_said) {
  for (const bool user_said : {true, false}) {
    for_each_run([user_said](SessionHarness& s) {
      ask_upstream(s);
      s.upstream("+OK\r\nSASL LOGIN\r\n.\r\n");
      s.upstream_expects("AUTH LOGIN\r\n");
      s.upstream("+OK\r\n");  // as Exchange 2003 says "+"
      s.upstream_expects("am9l\r\n");
      s.upstream(user_said ? "+OK in\r\n" : "-ERR no\r\n");
      s.expect_client_line(user_said ? "-ERR [SYS/TEMP] " : "-ERR no");
      client_may_try_again(s);
      if (s.killed()) return;
      EXPECT_EQ(s.counters.logins[LoginResult::ok].get(), 0U);
    });
  }
}

TEST(Login, does_not_take_a_second_challenge_for_success) {
  for_each_run([](SessionHarness& s) {
    ask_upstream(s, std::string(400, 'x'));
    s.upstream("+OK\r\nSASL PLAIN\r\n.\r\n");
    s.upstream_expects("AUTH PLAIN\r\n");
    s.upstream("+\r\n");
    if (s.at_upstream() != nullptr) static_cast<void>(s.at_upstream()->take_sent());
    s.upstream("+ bW9yZQ==\r\n");
    s.expect_client_line("-ERR [SYS/TEMP] ");
    client_may_try_again(s);
    if (s.killed()) return;
    EXPECT_EQ(s.counters.logins[LoginResult::ok].get(), 0U);
  });
}

TEST(Login, needs_a_way_to_say_a_password_upstream) {
  for_each_run([](SessionHarness& s) {
    ask_upstream(s);
    s.upstream("+OK\r\nSASL SCRAM-SHA-256\r\nTOP\r\n.\r\n");
    s.expect_client_line("-ERR [SYS/PERM] ");
    s.upstream_expects("");
    client_may_try_again(s);
  });
}

TEST(Login, passes_a_refusal_on_with_its_code) {
  for (const std::string reply :
       {"-ERR [AUTH] wrong\r\n", "-ERR no\r\n", "-ERR\r\n", "-ERR [IN-USE] busy\r\n",
        "-ERR [SYS/TEMP] later\r\n", "-ERR [LOGIN-DELAY] too often\r\n"}) {
    for_each_run([&](SessionHarness& s) {
      ask_upstream(s);
      s.upstream("-ERR\r\n");
      s.upstream_expects("USER joe\r\n");
      s.upstream("+OK\r\n");
      s.upstream_expects("PASS secret\r\n");
      s.upstream(reply);
      s.expect_client(reply);
      client_may_try_again(s);
      if (s.killed()) return;
      const bool wrong = reply.find('[') == std::string::npos || reply.find("AUTH") < 10;
      EXPECT_EQ(s.counters.logins[wrong ? LoginResult::refused : LoginResult::unavailable].get(),
                1U);
      EXPECT_EQ(s.log.count("login_failed"), 1U);
      EXPECT_NE(s.log.find("login_failed").find("user=joe"), std::string::npos);
    });
  }
}

TEST(Login, passes_on_what_upstream_says_to_the_user_name) {
  for_each_run([](SessionHarness& s) {
    ask_upstream(s);
    s.upstream("-ERR\r\n");
    s.upstream_expects("USER joe\r\n");
    s.upstream("-ERR never heard of you\r\n");
    s.expect_client("-ERR never heard of you\r\n");
    s.upstream_expects("");
    client_may_try_again(s);
  });
}

TEST(Login, may_be_tried_again_on_the_same_connection) {
  for_each_run([](SessionHarness& s) {
    ask_upstream(s, "wrong");
    s.upstream("-ERR\r\n");
    s.upstream_expects("USER joe\r\n");
    s.upstream("+OK\r\n");
    s.upstream_expects("PASS wrong\r\n");
    s.upstream("-ERR [AUTH] no\r\n");
    s.expect_client("-ERR [AUTH] no\r\n");
    s.client_says_and_gets("PASS again\r\n", "-ERR Send USER first\r\n");
    s.log_in();
    s.ignore_the_rest();
  });
}

TEST(Login, ends_the_connection_after_too_many_attempts) {
  SessionHarness s;
  s.settings.limits.login_attempts = 3;
  s.start();
  s.expect_client_line("+OK");
  for (int i = 0; i < 3; ++i) {
    s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
    s.client("PASS x\r\n");
    s.upstream_accepts();
    s.upstream("+OK\r\n");
    s.upstream("-ERR\r\n");
    s.upstream("+OK\r\n");
    s.upstream_expects("CAPA\r\nUSER joe\r\nPASS x\r\n");
    s.upstream("-ERR no\r\n");
    s.expect_client("-ERR no\r\n");
  }
  s.expect_ended(EndReason::too_many_errors);
}

TEST(Login, tells_of_trouble_with_the_connection_as_temporary) {
  for (const ErrorCode code :
       {ErrorCode::refused, ErrorCode::network, ErrorCode::timeout, ErrorCode::system}) {
    for_each_run([code](SessionHarness& s) {
      s.start();
      s.expect_client_line("+OK");
      s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
      s.client("PASS secret\r\n");
      s.upstream_refuses(code);
      s.expect_client_line("-ERR [SYS/TEMP] ");
      client_may_try_again(s);
      if (s.killed()) return;
      EXPECT_EQ(s.counters.logins[LoginResult::unavailable].get(), 1U);
    });
  }
}

/// Replies of upstream before the one that goes wrong.
const std::vector<std::string> kSteps = {"+OK ready\r\n", "+OK\r\nUSER\r\n.\r\n", "+OK\r\n"};

TEST(Login, tells_of_nonsense_at_any_step_as_temporary) {
  using namespace std::string_literals;
  for (const std::string& nonsense :
       {"220 smtp.example ESMTP\r\n"s, "* OK IMAP4rev1\r\n"s, "+OKAY\r\n"s, "+OK\n"s, "\r\n"s,
        "+ \r\n"s, "+OK nul \0 inside\r\n"s, "+OK cr \r inside\r\n"s}) {
    for (std::size_t step = 0; step <= kSteps.size(); ++step) {
      for_each_run([&](SessionHarness& s) {
        s.start();
        s.expect_client_line("+OK");
        s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
        s.client("PASS secret\r\n");
        s.upstream_accepts();
        for (std::size_t i = 0; i < step; ++i) s.upstream(kSteps[i]);
        if (!s.killed()) static_cast<void>(s.at_upstream()->take_sent());
        s.upstream(nonsense);
        s.expect_client_line("-ERR [SYS/TEMP] ");
        client_may_try_again(s);
      });
    }
  }
}

TEST(Login, tells_of_an_upstream_that_leaves_at_any_step_as_temporary) {
  for (const ErrorCode code : {ErrorCode::closed, ErrorCode::truncated, ErrorCode::network}) {
    for (std::size_t step = 0; step <= kSteps.size(); ++step) {
      for_each_run([&](SessionHarness& s) {
        s.start();
        s.expect_client_line("+OK");
        s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
        s.client("PASS secret\r\n");
        s.upstream_accepts();
        for (std::size_t i = 0; i < step; ++i) s.upstream(kSteps[i]);
        if (!s.killed()) static_cast<void>(s.at_upstream()->take_sent());
        s.upstream("+O");
        s.upstream_ends(code);
        s.expect_client_line("-ERR [SYS/TEMP] ");
        client_may_try_again(s);
      });
    }
  }
}

TEST(Login, tells_of_a_greeting_that_refuses_as_temporary) {
  for_each_run([](SessionHarness& s) {
    s.start();
    s.expect_client_line("+OK");
    s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
    s.client("PASS secret\r\n");
    s.upstream_accepts();
    s.upstream("-ERR too many connections\r\n");
    s.expect_client_line("-ERR [SYS/TEMP] ");
    s.upstream_expects("");
    client_may_try_again(s);
  });
}

TEST(Login, does_not_read_endless_lines_or_capabilities) {
  for (const bool line : {true, false}) {
    SessionHarness s;
    ask_upstream(s);
    s.upstream("+OK ");
    if (!line) s.upstream("\r\n");
    const std::string piece = line ? std::string(1'000, 'x') : std::string(998, 'x') + "\r\n";
    std::size_t pieces = 0;
    while (s.at_client().sent().empty() && pieces++ < 100) s.upstream(piece);
    s.expect_client_line("-ERR [SYS/TEMP] ");
    EXPECT_LE(pieces, line ? 5U : 18U);
    client_may_try_again(s);
  }
}

TEST(Login, keeps_a_password_that_upstream_repeats_out_of_the_log) {
  for (const std::string text : {"secret", "c2VjcmV0", "AGpvZQBzZWNyZXQ="}) {
    SessionHarness s;
    ask_upstream(s);
    s.upstream("-ERR\r\n");
    s.upstream("+OK\r\n");
    s.upstream_expects("USER joe\r\nPASS secret\r\n");
    s.upstream("-ERR what is '" + text + "'?\r\n");
    s.expect_client_line("-ERR ");
    EXPECT_EQ(s.log.count("login_failed"), 1U);
    EXPECT_EQ(s.log.count(text), 0U);
  }
}

TEST(Login, trusts_no_upstream_that_is_ahead_at_any_step) {
  for (std::size_t step = 0; step < kSteps.size(); ++step) {
    SessionHarness s;
    s.start();
    s.expect_client_line("+OK");
    s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
    s.client("PASS secret\r\n");
    s.upstream_accepts();
    for (std::size_t i = 0; i < step; ++i) s.upstream(kSteps[i]);
    static_cast<void>(s.at_upstream()->take_sent());
    s.upstream(kSteps[step] + "+OK\r\n");
    s.expect_client_line("-ERR [SYS/TEMP] ");
    s.upstream_expects("");
    client_may_try_again(s);
  }
}

TEST(Login, trusts_no_upstream_that_answers_ahead) {
  // What comes together with the login's +OK would become the answer to the client's first command.
  SessionHarness s;
  ask_upstream(s);
  s.upstream("-ERR\r\n");
  s.upstream("+OK\r\n");
  s.upstream_expects("USER joe\r\nPASS secret\r\n");
  s.upstream("+OK in\r\n+OK 0 0\r\n");
  s.expect_client_line("-ERR [SYS/TEMP] ");
  client_may_try_again(s);
}

TEST(Login, waits_for_commands_that_came_behind_pass) {
  for_each_run([](SessionHarness& s) {
    s.start();
    s.expect_client_line("+OK");
    s.client("USER joe\r\nPASS secret\r\nSTAT\r\nQUIT\r\n");
    s.expect_client("+OK Send PASS\r\n");
    s.upstream_accepts();
    s.upstream("+OK\r\n");
    s.upstream("-ERR\r\n");
    s.upstream("+OK\r\n");
    s.upstream_expects("CAPA\r\nUSER joe\r\nPASS secret\r\n");
    s.upstream("+OK in\r\n");
    s.expect_client("+OK in\r\n");
    s.upstream_expects("STAT\r\n");
    s.upstream("+OK 2 320\r\n");
    s.upstream_expects("QUIT\r\n");
    s.upstream("+OK bye\r\n");
    s.expect_client("+OK 2 320\r\n+OK bye\r\n");
    s.expect_ended(EndReason::quit);
  });
}

TEST(Login, treats_commands_behind_a_failed_login_as_before_login) {
  for_each_run([](SessionHarness& s) {
    s.start();
    s.expect_client_line("+OK");
    s.client("USER joe\r\nPASS secret\r\nSTAT\r\nQUIT\r\n");
    s.expect_client("+OK Send PASS\r\n");
    s.upstream_refuses(ErrorCode::refused);
    s.expect_client_line("-ERR [SYS/TEMP] ");
    s.expect_client("-ERR Log in first\r\n+OK Bye\r\n");
    s.expect_ended(EndReason::quit);
  });
}

}  // namespace
}  // namespace gatepost::testing
