// TLS on both legs: implicit and STLS (RFC 2595, RFC 8314), who may log in without, injection.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/session_harness.h"

namespace gatepost::testing {
namespace {

using config::ListenerTls;
using session::EndReason;
using session::HandshakeFailure;
using session::LoginResult;
using session::TlsVersionLabel;
using upstream::Security;

void quit(SessionHarness& s) {
  s.client_says_and_gets("QUIT\r\n", "+OK Bye\r\n");
  s.expect_ended(EndReason::quit);
}

TEST(ClientTls, greets_a_pop3s_client_after_the_handshake) {
  for_each_run([](SessionHarness& s) {
    s.settings.client_tls_mode = ListenerTls::implicit;
    s.start();
    s.expect_client("");
    s.client_handshake();
    s.expect_client("+OK Gatepost ready\r\n");
    s.client_says_and_gets("STLS\r\n", "-ERR TLS is active already\r\n");
    s.client_says_and_gets("CAPA\r\n",
                           "+OK Capability list follows\r\nTOP\r\nUIDL\r\nPIPELINING\r\n"
                           "RESP-CODES\r\nUSER\r\nSASL PLAIN LOGIN\r\n.\r\n");
    s.log_in();
    s.client("QUIT\r\n");
    s.upstream_expects("QUIT\r\n");
    s.upstream("+OK\r\n");
    s.expect_client("+OK\r\n");
    s.expect_ended(EndReason::quit);
    if (s.killed()) return;
    EXPECT_EQ(s.counters.tls_versions[TlsVersionLabel::tls1_3].get(), 1U);
    EXPECT_NE(s.log.find(" session ").find("tls=TLSv1.3"), std::string::npos);
  });
}

TEST(ClientTls, is_wanted_before_any_credentials) {
  for_each_run([](SessionHarness& s) {
    s.settings.client_tls_mode = ListenerTls::starttls;
    s.start();
    s.expect_client_line("+OK");
    for (const char* command : {"USER joe", "PASS secret", "AUTH PLAIN AGpvZQBzZWNyZXQ=",
                                "APOP joe 0123456789abcdef0123456789abcdef"}) {
      s.client_says_and_gets(std::string(command) + "\r\n",
                             "-ERR TLS required, use STLS first\r\n");
    }
    s.client_says_and_gets("CAPA\r\n",
                           "+OK Capability list follows\r\nTOP\r\nUIDL\r\nPIPELINING\r\n"
                           "RESP-CODES\r\nSTLS\r\n.\r\n");
    EXPECT_EQ(s.connector.started(), 0U);
    quit(s);
  });
}

TEST(ClientTls, starts_with_stls) {
  for_each_run([](SessionHarness& s) {
    s.settings.client_tls_mode = ListenerTls::starttls;
    s.start();
    s.expect_client_line("+OK");
    s.client_says_and_gets("STLS\r\n", "+OK Begin TLS\r\n");
    s.client_handshake();
    s.client_says_and_gets("CAPA\r\n",
                           "+OK Capability list follows\r\nTOP\r\nUIDL\r\nPIPELINING\r\n"
                           "RESP-CODES\r\nUSER\r\nSASL PLAIN LOGIN\r\n.\r\n");
    s.client_says_and_gets("STLS\r\n", "-ERR TLS is active already\r\n");
    s.log_in();
    s.client_says_and_gets("STLS\r\n", "-ERR STLS is for before the login\r\n");
    s.ignore_the_rest();
  });
}

TEST(ClientTls, takes_no_argument_for_stls) {
  for_each_run([](SessionHarness& s) {
    s.settings.client_tls_mode = ListenerTls::starttls;
    s.start();
    s.expect_client_line("+OK");
    s.client("STLS now\r\n");
    s.expect_client_line("-ERR ");
    if (!s.killed()) {
      EXPECT_EQ(s.client_tls->started(), 0U);
    }
    quit(s);
  });
}

TEST(ClientTls, is_not_wanted_from_exempt_networks) {
  for_each_run([](SessionHarness& s) {
    s.settings.client_tls_mode = ListenerTls::starttls;
    s.settings.cleartext_login_networks = {IpNetwork::parse("0.0.0.0/8").value()};
    s.start();
    s.expect_client_line("+OK");
    s.client_says_and_gets("CAPA\r\n",
                           "+OK Capability list follows\r\nTOP\r\nUIDL\r\nPIPELINING\r\n"
                           "RESP-CODES\r\nUSER\r\nSASL PLAIN LOGIN\r\nSTLS\r\n.\r\n");
    s.log_in();
    s.ignore_the_rest();
  });
}

TEST(ClientTls, never_runs_what_came_behind_stls_in_clear) {
  for (const std::string behind : {"QUIT\r\n", "USER joe\r\nPASS secret\r\n", "x", "\r\n"}) {
    SessionHarness s;
    s.settings.client_tls_mode = ListenerTls::starttls;
    s.start();
    s.expect_client_line("+OK");
    s.client("STLS\r\n" + behind);
    s.expect_client_line("-ERR ");
    EXPECT_EQ(s.client_tls->started(), 0U);
    EXPECT_EQ(s.connector.started(), 0U);
    s.expect_ended(EndReason::protocol_error);
  }
}

TEST(ClientTls, forgets_the_user_that_was_named_in_clear) {
  for_each_run([](SessionHarness& s) {
    s.settings.client_tls_mode = ListenerTls::starttls;
    s.settings.cleartext_login_networks = {IpNetwork::parse("0.0.0.0/0").value()};
    s.start();
    s.expect_client_line("+OK");
    s.client_says_and_gets("USER mallory\r\n", "+OK Send PASS\r\n");
    s.client_says_and_gets("STLS\r\n", "+OK Begin TLS\r\n");
    s.client_handshake();
    s.client_says_and_gets("PASS secret\r\n", "-ERR Send USER first\r\n");
    quit(s);
  });
}

TEST(ClientTls, ends_when_the_handshake_fails) {
  for (const ListenerTls mode : {ListenerTls::implicit, ListenerTls::starttls}) {
    SessionHarness s;
    s.settings.client_tls_mode = mode;
    s.start();
    if (mode == ListenerTls::starttls) {
      s.expect_client_line("+OK");
      s.client_says_and_gets("STLS\r\n", "+OK Begin TLS\r\n");
    }
    s.client_tls->fail();
    s.run();
    s.expect_client("");
    s.expect_ended(EndReason::handshake_failed);
    EXPECT_EQ(s.counters.handshake_failures[HandshakeFailure::other].get(), 1U);
  }
}

TEST(ClientTls, ends_when_the_client_leaves_during_the_handshake) {
  SessionHarness s;
  s.settings.client_tls_mode = ListenerTls::implicit;
  s.start();
  s.client_ends();
  s.expect_ended(EndReason::handshake_failed);
}

/// Until PASS was said and upstream's connection stands.
void connect(SessionHarness& s, Security security) {
  s.server.security = security;
  s.start();
  s.expect_client_line("+OK");
  s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
  s.client("PASS secret\r\n");
  s.upstream_accepts();
}

void upstream_takes_joe(SessionHarness& s) {
  s.upstream("+OK\r\nUSER\r\n.\r\n");
  s.upstream_expects("USER joe\r\n");
  s.upstream("+OK\r\n");
  s.upstream_expects("PASS secret\r\n");
  s.upstream("+OK in\r\n");
  s.expect_client("+OK in\r\n");
  s.ignore_the_rest();
}

void unavailable(SessionHarness& s) {
  s.expect_client_line("-ERR [SYS/TEMP] ");
  s.upstream_expects("");
  if (!s.killed()) {
    EXPECT_EQ(s.counters.logins[LoginResult::unavailable].get(), 1U);
  }
  quit(s);
}

TEST(UpstreamTls, is_implicit_where_it_is_configured_so) {
  for_each_run([](SessionHarness& s) {
    connect(s, Security::implicit);
    s.upstream_expects("");
    s.upstream_handshake();
    s.upstream("+OK ready\r\n");
    s.upstream_expects("CAPA\r\n");
    upstream_takes_joe(s);
  });
}

TEST(UpstreamTls, starts_with_stls_before_anything_else_is_said) {
  for_each_run([](SessionHarness& s) {
    connect(s, Security::stls);
    s.upstream("+OK ready\r\n");
    s.upstream_expects("STLS\r\n");
    s.upstream("+OK go\r\n");
    s.upstream_expects("");
    s.upstream_handshake();
    s.upstream_expects("CAPA\r\n");
    upstream_takes_joe(s);
  });
}

TEST(UpstreamTls, sends_no_credentials_when_stls_is_refused) {
  for_each_run([](SessionHarness& s) {
    connect(s, Security::stls);
    s.upstream("+OK ready\r\n");
    s.upstream_expects("STLS\r\n");
    s.upstream("-ERR what?\r\n");
    unavailable(s);
  });
}

TEST(UpstreamTls, sends_no_credentials_when_the_handshake_fails) {
  for (const Security security : {Security::implicit, Security::stls}) {
    SessionHarness s;
    connect(s, security);
    if (security == Security::stls) {
      s.upstream("+OK ready\r\n");
      s.upstream_expects("STLS\r\n");
      s.upstream("+OK go\r\n");
    }
    s.upstream_tls->fail();
    s.run();
    unavailable(s);
  }
}

TEST(UpstreamTls, never_reads_what_came_behind_stls_in_clear) {
  for (const std::string behind : {"+OK\r\nSASL PLAIN\r\n.\r\n", "+", "-ERR x\r\n"}) {
    SessionHarness s;
    connect(s, Security::stls);
    s.upstream("+OK ready\r\n");
    s.upstream_expects("STLS\r\n");
    s.upstream("+OK go\r\n" + behind);
    EXPECT_EQ(s.upstream_tls->started(), 0U);
    unavailable(s);
  }
}

}  // namespace
}  // namespace gatepost::testing
