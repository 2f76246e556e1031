// APOP (RFC 1939 section 7): upstream is asked before the greeting.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/session_harness.h"

namespace gatepost::testing {
namespace {

using session::EndReason;
using session::SessionState;

const std::string kDigest = "c4c9334bac560ecc979e58001b3e22fb";
const std::string kStamp = "<1896.697170952@dbc.mtview.ca.us>";

void upstream_greets(SessionHarness& s, const std::string& capabilities = "USER\r\n") {
  s.upstream_accepts();
  s.upstream("+OK POP3 server ready " + kStamp + "\r\n");
  s.upstream_expects("CAPA\r\n");
  s.upstream("+OK\r\n" + capabilities + ".\r\n");
}

/// Until the client has the greeting with upstream's timestamp.
void begin(SessionHarness& s, const std::string& capabilities = "USER\r\n") {
  s.settings.apop = true;
  s.start();
  s.expect_client("");
  upstream_greets(s, capabilities);
  s.expect_client("+OK Gatepost ready " + kStamp + "\r\n");
}

void quit(SessionHarness& s) {
  s.client_says_and_gets("QUIT\r\n", "+OK Bye\r\n");
  s.expect_ended(EndReason::quit);
}

TEST(Apop, shows_the_timestamp_of_upstream) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("APOP joe " + kDigest + "\r\n");
    s.upstream_expects("APOP joe " + kDigest + "\r\n");
    s.upstream("+OK in\r\n");
    s.expect_client("+OK in\r\n");
    s.client("QUIT\r\n");
    s.upstream_expects("QUIT\r\n");
    s.upstream("+OK bye\r\n");
    s.expect_client("+OK bye\r\n");
    s.expect_ended(EndReason::quit);
    if (s.killed()) return;
    EXPECT_EQ(s.log.count(kDigest), 0U);
    EXPECT_NE(s.log.find(" session ").find("user=joe mechanism=APOP"), std::string::npos);
  });
}

TEST(Apop, comes_after_the_handshake_of_pop3s) {
  for_each_run([](SessionHarness& s) {
    s.settings.apop = true;
    s.settings.client_tls_mode = config::ListenerTls::implicit;
    s.start();
    EXPECT_EQ(s.connector.started(), 0U);
    s.client_handshake();
    upstream_greets(s);
    s.expect_client("+OK Gatepost ready " + kStamp + "\r\n");
    quit(s);
  });
}

TEST(Apop, waits_for_upstream_before_the_greeting) {
  SessionHarness s;
  s.settings.apop = true;
  s.start();
  s.client("APOP joe " + kDigest + "\r\n");
  EXPECT_EQ(s.session()->state(), SessionState::opening);
  EXPECT_EQ(s.session()->waits_for(), session::Session::kUpstreamLogin);
  upstream_greets(s);
  s.expect_client("+OK Gatepost ready " + kStamp + "\r\n");
  s.upstream_expects("APOP joe " + kDigest + "\r\n");
  s.ignore_the_rest();
}

TEST(Apop, sends_the_client_away_when_upstream_cannot_be_asked) {
  for_each_run([](SessionHarness& s) {
    s.settings.apop = true;
    s.start();
    s.upstream_refuses(ErrorCode::refused);
    s.expect_client_line("-ERR [SYS/TEMP] ");
    s.expect_ended(EndReason::upstream_lost);
  });
}

TEST(Apop, ends_when_the_client_leaves_before_the_greeting) {
  for_each_run([](SessionHarness& s) {
    s.settings.apop = true;
    s.start();
    s.client_ends();
    s.expect_ended(EndReason::client_closed);
  });
}

TEST(Apop, is_drained_before_the_greeting) {
  SessionHarness s;
  s.settings.apop = true;
  s.start();
  s.session()->drain();
  s.run();
  s.expect_client_line("-ERR [SYS/TEMP] ");
  s.expect_ended(EndReason::drained);
}

TEST(Apop, is_not_offered_by_an_upstream_without_timestamp) {
  for_each_run([](SessionHarness& s) {
    s.settings.apop = true;
    s.start();
    s.upstream_accepts();
    s.upstream("+OK ready\r\n");
    s.upstream("-ERR\r\n");
    s.upstream_expects("CAPA\r\n");
    s.expect_client("+OK Gatepost ready\r\n");
    s.client_says_and_gets("APOP joe " + kDigest + "\r\n", "-ERR APOP is not offered here\r\n");
    s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
    s.client("PASS secret\r\n");
    s.upstream_expects("USER joe\r\n");  // on the connection that stands
    s.ignore_the_rest();
  });
}

TEST(Apop, leaves_its_connection_to_other_ways_of_logging_in) {
  for_each_run([](SessionHarness& s) {
    begin(s, "SASL PLAIN\r\n");
    s.client("AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n");
    s.upstream_expects("AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n");
    s.upstream("+OK in\r\n");
    s.expect_client("+OK in\r\n");
    EXPECT_EQ(s.connector.started(), s.killed() ? s.connector.started() : 1U);
    s.ignore_the_rest();
  });
}

TEST(Apop, may_be_tried_again_while_upstream_stays) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("APOP joe " + std::string(32, '0') + "\r\n");
    s.upstream_expects("APOP joe " + std::string(32, '0') + "\r\n");
    s.upstream("-ERR [AUTH] no\r\n");
    s.expect_client("-ERR [AUTH] no\r\n");
    s.client("APOP joe " + kDigest + "\r\n");
    s.upstream_expects("APOP joe " + kDigest + "\r\n");
    s.upstream("+OK in\r\n");
    s.expect_client("+OK in\r\n");
    s.ignore_the_rest();
  });
}

TEST(Apop, may_be_pipelined_behind_one_that_fails) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("APOP joe " + std::string(32, '0') + "\r\nAPOP joe " + kDigest + "\r\nQUIT\r\n");
    s.upstream_expects("APOP joe " + std::string(32, '0') + "\r\n");
    s.upstream("-ERR no\r\n");
    s.expect_client("-ERR no\r\n");
    s.upstream_expects("APOP joe " + kDigest + "\r\n");
    s.upstream("-ERR no\r\n");
    s.expect_client("-ERR no\r\n+OK Bye\r\n");
    s.expect_ended(EndReason::quit);
  });
}

TEST(Apop, keeps_a_digest_that_upstream_repeats_out_of_the_log) {
  SessionHarness s;
  begin(s);
  s.client("APOP joe " + kDigest + "\r\n");
  s.upstream_expects("APOP joe " + kDigest + "\r\n");
  s.upstream("-ERR what is " + kDigest + "?\r\n");
  s.expect_client_line("-ERR ");
  EXPECT_EQ(s.log.count("login_failed"), 1U);
  EXPECT_EQ(s.log.count(kDigest), 0U);
}

TEST(Apop, is_not_for_whom_xclient_names_later) {
  for (const std::string said : {"ADDR=192.0.2.1", "SESSION=x", "FORWARD=YQ=="}) {
    SessionHarness s;
    s.settings.apop = true;
    s.settings.xclient = true;
    s.settings.trusted_networks = {IpNetwork::parse("0.0.0.0/0").value()};
    s.start();
    upstream_greets(s);
    s.expect_client("+OK [XCLIENT] Gatepost ready " + kStamp + "\r\n");
    s.client_says_and_gets("XCLIENT " + said + "\r\n", "+OK Updated\r\n");
    s.client_says_and_gets("APOP joe " + kDigest + "\r\n", "-ERR APOP is not offered here\r\n");
    s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
    s.client("PASS secret\r\n");
    s.expect_upstream_aborted();
    EXPECT_EQ(s.connector.started(), 2U);
    s.ignore_the_rest();
  }
}

TEST(Apop, is_over_when_upstream_has_left) {
  for (const bool said_so : {true, false}) {
    for_each_run([said_so](SessionHarness& s) {
      begin(s);
      if (said_so) s.upstream("-ERR timeout\r\n");
      s.upstream_ends();
      s.client("APOP joe " + kDigest + "\r\n");
      s.expect_client_line("-ERR [SYS/TEMP] ");
      s.log_in();  // on another connection
      s.ignore_the_rest();
    });
  }
}

TEST(Apop, is_not_for_users_of_another_pool) {
  SessionHarness s;
  s.settings.client_tls_mode = config::ListenerTls::starttls;
  s.settings.cleartext_login_networks = {IpNetwork::parse("0.0.0.0/0").value()};
  s.settings.apop = true;
  s.client_tls->facts.server_name = "b.example";
  upstream::Route by_name;
  by_name.conditions.name = "b";
  by_name.conditions.server_names = {"b.example"};
  by_name.pool = SessionHarness::make_pool({SessionHarness::make_server("b")});
  upstream::Route other;
  other.conditions.name = "rest";
  other.pool = SessionHarness::make_pool({s.server});
  s.routes = {by_name, other};
  s.start();
  EXPECT_EQ(s.connector.target().host, "pop.example");
  upstream_greets(s);
  s.expect_client("+OK Gatepost ready " + kStamp + "\r\n");
  s.client_says_and_gets("STLS\r\n", "+OK Begin TLS\r\n");
  s.client_handshake();
  s.client("APOP joe " + kDigest + "\r\n");
  s.expect_client_line("-ERR [SYS/TEMP] ");
  s.expect_upstream_aborted();
  s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
  s.client("PASS secret\r\n");
  EXPECT_EQ(s.connector.target().host, "b");
  s.ignore_the_rest();
}

TEST(Apop, greets_at_once_when_the_server_depends_on_the_user) {
  for_each_run([](SessionHarness& s) {
    s.settings.apop = true;
    upstream::Route by_user;
    by_user.conditions.domains = {"a.example"};
    by_user.pool = SessionHarness::make_pool({SessionHarness::make_server("a")});
    s.routes = {by_user};
    s.start();
    s.expect_client("+OK Gatepost ready\r\n");
    EXPECT_EQ(s.connector.started(), 0U);
    s.client_says_and_gets("APOP joe " + kDigest + "\r\n", "-ERR APOP is not offered here\r\n");
    s.client_says_and_gets("AUTH CRAM-MD5\r\n",
                           "-ERR The mail server depends on the user, use another mechanism\r\n");
    quit(s);
  });
}

}  // namespace
}  // namespace gatepost::testing
