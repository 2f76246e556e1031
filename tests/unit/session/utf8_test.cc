// UTF8 and LANG (RFC 6856), and what CAPA tells after login.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/session_harness.h"

namespace gatepost::testing {
namespace {

using session::EndReason;

void begin(SessionHarness& s, std::string_view known = "USER\r\nUTF8\r\n") {
  SessionHarness::teach(s.server, known);
  s.start();
  s.expect_client_line("+OK");
}

void ask_upstream(SessionHarness& s) {
  s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
  s.client("PASS secret\r\n");
  s.upstream_accepts();
  s.upstream("+OK\r\n");
  s.upstream("+OK\r\nUSER\r\nUTF8\r\nLANG\r\n.\r\n");
  s.upstream_expects("CAPA\r\n");
}

/// A client that says UTF8, all the way in.
void log_in_with_utf8(SessionHarness& s) {
  begin(s);
  s.client_says_and_gets("UTF8\r\n", "+OK UTF8 it is\r\n");
  ask_upstream(s);
  s.upstream_expects("UTF8\r\n");
  s.upstream("+OK\r\n");
  s.upstream_expects("USER joe\r\n");
  s.upstream("+OK\r\n");
  s.upstream_expects("PASS secret\r\n");
  s.upstream("+OK in\r\n");
  s.expect_client("+OK in\r\n");
}

TEST(Utf8, is_said_upstream_before_the_login) {
  for_each_run([](SessionHarness& s) {
    log_in_with_utf8(s);
    s.ignore_the_rest();
  });
}

TEST(Utf8, that_upstream_refuses_fails_the_login) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client_says_and_gets("UTF8\r\n", "+OK UTF8 it is\r\n");
    ask_upstream(s);
    s.upstream_expects("UTF8\r\n");
    s.upstream("-ERR no\r\n");
    s.expect_client_line("-ERR [SYS/TEMP] ");
    s.expect_upstream_closed();
    s.client_says_and_gets("QUIT\r\n", "+OK Bye\r\n");
    s.expect_ended(EndReason::quit);
  });
}

TEST(Utf8, is_not_offered_where_upstream_is_not_known_to_have_it) {
  for_each_run([](SessionHarness& s) {
    begin(s, "USER\r\n");
    s.client_says_and_gets("UTF8\r\n", "-ERR UTF8 is not offered here\r\n");
    s.ignore_the_rest();
  });
}

TEST(Utf8, is_forgotten_at_stls) {
  for_each_run([](SessionHarness& s) {
    s.settings.client_tls_mode = config::ListenerTls::starttls;
    begin(s);
    s.client_says_and_gets("UTF8\r\n", "+OK UTF8 it is\r\n");
    s.client_says_and_gets("STLS\r\n", "+OK Begin TLS\r\n");
    s.client_handshake();
    ask_upstream(s);
    s.upstream_expects("USER joe\r\n");
    s.ignore_the_rest();
  });
}

// ------------------------------------------------------- on behalf of a client that lacks it

constexpr std::string_view kAnnounced = "USER\r\nUTF8\r\nTOP\r\n";
const std::string kOk = "+OK Message follows\r\n";

/// The client logs in without UTF8, and Gatepost says it; upstream answers `reply`.
void log_in_with_downgrade(SessionHarness& s, std::string_view reply = "+OK\r\n") {
  s.server.utf8 = config::Utf8::downgrade;
  s.start();
  s.expect_client_line("+OK");
  s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
  s.client("PASS secret\r\n");
  s.upstream_accepts();
  s.upstream("+OK\r\n");
  s.upstream_expects("CAPA\r\n");
  s.upstream("+OK\r\n" + std::string(kAnnounced) + ".\r\n");
  s.upstream_expects("UTF8\r\n");
  s.upstream(reply);
  s.upstream_expects("USER joe\r\n");
  s.upstream("+OK\r\n");
  s.upstream_expects("PASS secret\r\n");
  s.upstream("+OK in\r\n");
  s.expect_client("+OK in\r\n");
}

TEST(Utf8Downgrade, is_done_for_a_client_that_did_not_ask_for_utf8) {
  for_each_run([](SessionHarness& s) {
    log_in_with_downgrade(s);
    s.client("RETR 1\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.upstream("+OK 99 octets\r\nSubject: Grüße\r\n\r\n..ü\r\n.\r\n");
    s.expect_client(kOk + "Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n\r\n..ü\r\n.\r\n");
    s.client("TOP 2 0\r\n");
    s.upstream_expects("TOP 2 0\r\n");
    s.upstream("+OK\r\nFrom: ü@b.c\r\n\r\n.\r\n");
    s.expect_client(kOk + "From: =?UTF-8?B?w7xAYi5j?= :;\r\n\r\n.\r\n");
    s.client_says_and_gets("CAPA\r\n",
                           "+OK Capability list follows\r\nTOP\r\nPIPELINING\r\nRESP-CODES\r\n"
                           "UTF8\r\n.\r\n");
    s.client("STAT\r\n");
    s.upstream_expects("STAT\r\n");
    s.upstream("+OK 2 200\r\n");
    s.expect_client("+OK 2 200\r\n");
    s.ignore_the_rest();
  });
}

TEST(Utf8Downgrade, is_done_before_the_scanners_look) {
  for_each_run([](SessionHarness& s) {
    s.use_chain();
    log_in_with_downgrade(s);
    s.client("RETR 1\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.upstream("+OK\r\nSubject: ü\r\n\r\nx\r\n.\r\n");
    s.expect_client("");
    if (!s.killed()) {
      EXPECT_EQ(s.scanned_text(), "Subject: =?UTF-8?B?w7w=?=\r\n\r\nx\r\n");
    }
    s.scanner_says(filters::Verdict::clean());
    s.expect_client(kOk + "Subject: =?UTF-8?B?w7w=?=\r\n\r\nx\r\n.\r\n");
    s.ignore_the_rest();
  });
}

TEST(Utf8Downgrade, is_not_done_for_a_client_that_asked_for_utf8) {
  for_each_run([](SessionHarness& s) {
    s.server.utf8 = config::Utf8::downgrade;
    log_in_with_utf8(s);
    s.client("RETR 1\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.upstream("+OK 15 octets\r\nSubject: ü\r\n\r\n.\r\n");
    s.expect_client("+OK 15 octets\r\nSubject: ü\r\n\r\n.\r\n");
    s.ignore_the_rest();
  });
}

TEST(Utf8Downgrade, is_not_done_where_upstream_refuses_utf8) {
  for_each_run([](SessionHarness& s) {
    log_in_with_downgrade(s, "-ERR not now\r\n");
    s.client("RETR 1\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.upstream("+OK 15 octets\r\nSubject: ü\r\n\r\n.\r\n");
    s.expect_client("+OK 15 octets\r\nSubject: ü\r\n\r\n.\r\n");
    s.ignore_the_rest();
    if (s.killed()) return;
    EXPECT_NE(s.log.find("utf8_refused").find("not now"), std::string::npos);
    EXPECT_FALSE(s.server.state->refused_utf8());  // it is no news any more
  });
}

TEST(Utf8Downgrade, is_not_done_where_upstream_has_no_utf8) {
  for_each_run([](SessionHarness& s) {
    s.server.utf8 = config::Utf8::downgrade;
    s.start();
    s.expect_client_line("+OK");
    s.log_in();
    s.client("RETR 1\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.upstream("+OK\r\nSubject: ü\r\n\r\n.\r\n");
    s.expect_client("+OK\r\nSubject: ü\r\n\r\n.\r\n");
    s.ignore_the_rest();
  });
}

TEST(Utf8Downgrade, goes_before_a_login_in_a_hurry) {
  for_each_run([](SessionHarness& s) {
    s.server.utf8 = config::Utf8::downgrade;
    constexpr std::string_view kBefore = "PIPELINING\r\nSASL PLAIN\r\nUTF8\r\n";
    s.server.state->learned(kBefore, "ready");
    s.start();
    s.expect_client_line("+OK");
    s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
    s.client("PASS secret\r\n");
    s.upstream_accepts();
    s.upstream("+OK ready\r\n");
    s.upstream_expects("CAPA\r\nUTF8\r\n");
    s.upstream("+OK\r\nPIPELINING\r\nUSER\r\nUTF8\r\n.\r\n+OK\r\n");
    s.upstream_expects("USER joe\r\n");
    s.upstream("+OK\r\n");
    s.upstream_expects("PASS secret\r\n");
    s.upstream("+OK in\r\n");
    s.expect_client("+OK in\r\n");
    s.client("RETR 1\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.upstream("+OK\r\nSubject: ü\r\n\r\n.\r\n");
    s.expect_client(kOk + "Subject: =?UTF-8?B?w7w=?=\r\n\r\n.\r\n");
    s.ignore_the_rest();
  });
}

TEST(Lang, goes_upstream_after_the_login) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.log_in("USER\r\nLANG\r\nPIPELINING\r\n");
    s.client("LANG\r\nlang DE\r\nNOOP\r\n");
    s.upstream_expects("LANG\r\nLANG DE\r\nNOOP\r\n");
    s.upstream("+OK\r\nen English\r\nde Deutsch\r\n.\r\n");
    s.expect_client("+OK\r\nen English\r\nde Deutsch\r\n.\r\n");
    s.upstream("+OK de Jetzt deutsch\r\n+OK\r\n");
    s.expect_client("+OK de Jetzt deutsch\r\n+OK\r\n");
    s.ignore_the_rest();
  });
}

TEST(Lang, is_refused_where_upstream_has_none) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.log_in();
    s.client_says_and_gets("LANG de\r\n", "-ERR LANG is not offered here\r\n");
    s.upstream_expects("");
    s.ignore_the_rest();
  });
}

TEST(Capa, tells_before_login_what_upstream_is_known_to_offer) {
  for_each_run([](SessionHarness& s) {
    s.settings.implementation = "Gate";
    begin(s, "USER\r\nUTF8 USER\r\nLANG\r\nEXPIRE 5\r\nIMPLEMENTATION Secret 1.0\r\n");
    s.client_says_and_gets("CAPA\r\n",
                           "+OK Capability list follows\r\nTOP\r\nUIDL\r\nPIPELINING\r\n"
                           "RESP-CODES\r\nUSER\r\nSASL PLAIN LOGIN\r\nUTF8 USER\r\n"
                           "IMPLEMENTATION Gate\r\n.\r\n");
    s.ignore_the_rest();
  });
}

TEST(Capa, promises_only_what_all_servers_have) {
  for_each_run([](SessionHarness& s) {
    s.more_servers = {SessionHarness::make_server("second")};
    SessionHarness::teach(s.more_servers.front(), "USER\r\nSASL XOAUTH2 CRAM-MD5\r\n");
    begin(s, "USER\r\nSASL PLAIN CRAM-MD5\r\nUTF8\r\n");
    s.client_says_and_gets("CAPA\r\n",
                           "+OK Capability list follows\r\nTOP\r\nUIDL\r\nPIPELINING\r\n"
                           "RESP-CODES\r\nUSER\r\nSASL PLAIN LOGIN CRAM-MD5\r\n.\r\n");
    s.ignore_the_rest();
  });
}

TEST(Capa, tells_after_login_what_upstream_says) {
  for_each_run([](SessionHarness& s) {
    s.settings.implementation = "Gate";
    begin(s);
    s.log_in(
        "USER\r\nUIDL\r\nEXPIRE NEVER\r\nLOGIN-DELAY 900 USER\r\nLANG\r\nUTF8\r\n"
        "IMPLEMENTATION Secret 1.0\r\nX-ODD\r\n");
    s.client_says_and_gets("CAPA\r\n",
                           "+OK Capability list follows\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\n"
                           "UTF8\r\nLANG\r\nEXPIRE NEVER\r\nLOGIN-DELAY 900 USER\r\n"
                           "IMPLEMENTATION Gate\r\n.\r\n");
    s.upstream_expects("");
    s.ignore_the_rest();
  });
}

}  // namespace
}  // namespace gatepost::testing
