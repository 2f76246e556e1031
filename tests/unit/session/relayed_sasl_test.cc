// AUTH with mechanisms whose dialog is upstream's: CRAM-MD5, SCRAM, XOAUTH2, OAUTHBEARER (RFC
// 5034).
#include <gtest/gtest.h>

#include <string>

#include "proxy/pop3/sasl.h"
#include "tests/support/session_harness.h"

namespace gatepost::testing {
namespace {

using pop3::base64_encode;
using session::EndReason;
using session::LoginResult;
using session::SessionState;

const std::string kToken = "ya29.secret-token";
const std::string kXoauth2 = base64_encode("user=joe\1auth=Bearer " + kToken + "\1\1");
const std::string kScram = base64_encode("n,,n=joe,r=fyko+d2lbbFgONRv9qkxdawL");
const std::string kCramChallenge = base64_encode("<1896.697170952@pop.example>");
const std::string kDigest = "b913a602c7eda7a495b4e6e7334d3890";
const std::string kCramAnswer = base64_encode("joe " + kDigest);

void begin(SessionHarness& s) {
  s.start();
  s.expect_client_line("+OK");
}

/// Until upstream, whose CAPA lists `sasl`, was asked for CAPA.
void upstream_opens(SessionHarness& s, const std::string& sasl) {
  s.upstream_accepts();
  s.upstream("+OK ready\r\n");
  s.upstream_expects("CAPA\r\n");
  s.upstream("+OK\r\nSASL " + sasl + "\r\nUSER\r\nTOP\r\nUIDL\r\n.\r\n");
}

void logged_in(SessionHarness& s) {
  s.upstream("+OK in\r\n");
  s.expect_client("+OK in\r\n");
  s.client("STAT\r\n");
  s.upstream_expects("STAT\r\n");
  s.upstream("+OK 0 0\r\n");
  s.expect_client("+OK 0 0\r\n");
  if (s.killed()) return;
  EXPECT_EQ(s.counters.logins[LoginResult::ok].get(), 1U);
  s.ignore_the_rest();
}

void quit(SessionHarness& s) {
  s.client_says_and_gets("QUIT\r\n", "+OK Bye\r\n");
  s.expect_ended(EndReason::quit);
}

void no_secret_in_the_log(const SessionHarness& s) {
  for (const std::string& secret :
       {kToken, kXoauth2, kScram, kDigest, kCramAnswer, kCramChallenge}) {
    EXPECT_EQ(s.log.count(secret), 0U) << secret;
  }
}

TEST(RelayedSasl, takes_xoauth2_with_an_initial_response) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("AUTH XOAUTH2 " + kXoauth2 + "\r\n");
    upstream_opens(s, "XOAUTH2");
    s.upstream_expects("AUTH XOAUTH2 " + kXoauth2 + "\r\n");
    logged_in(s);
    no_secret_in_the_log(s);
  });
}

TEST(RelayedSasl, takes_xoauth2_after_a_challenge) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client_says_and_gets("auth xoauth2\r\n", "+ \r\n");
    s.client(kXoauth2 + "\r\n");
    upstream_opens(s, "PLAIN XOAUTH2");
    s.upstream_expects("AUTH XOAUTH2 " + kXoauth2 + "\r\n");
    logged_in(s);
  });
}

TEST(RelayedSasl, takes_tokens_of_twelve_kib_either_way) {
  const std::string token(12 * 1024 - 200, 't');
  const std::string message = base64_encode("user=joe\1auth=Bearer " + token + "\1\1");
  ASSERT_GT(message.size(), 12U * 1024);
  for (const bool initial : {true, false}) {
    SessionHarness s;
    begin(s);
    if (initial) {
      s.client("AUTH XOAUTH2 " + message + "\r\n");
    } else {
      s.client_says_and_gets("AUTH XOAUTH2\r\n", "+ \r\n");
      s.client(message + "\r\n");
    }
    upstream_opens(s, "XOAUTH2");
    s.upstream_expects("AUTH XOAUTH2\r\n");
    s.upstream("+ \r\n");
    s.upstream_expects(message + "\r\n");
    logged_in(s);
    EXPECT_EQ(s.log.count(token), 0U);
  }
}

TEST(RelayedSasl, sends_two_lines_to_a_server_that_wants_them) {
  for (const std::string go : {"+ \r\n", "+\r\n", "+OK\r\n", "+OK go on\r\n"}) {
    for_each_run([&go](SessionHarness& s) {
      s.server.initial_response = false;
      begin(s);
      s.client("AUTH XOAUTH2 " + kXoauth2 + "\r\n");
      upstream_opens(s, "XOAUTH2");
      s.upstream_expects("AUTH XOAUTH2\r\n");
      s.upstream(go);
      s.upstream_expects(kXoauth2 + "\r\n");
      logged_in(s);
    });
  }
}

TEST(RelayedSasl, takes_the_error_round_trip_of_oauth) {
  const std::string error = base64_encode(R"({"status":"401","schemes":"bearer"})");
  const std::string bearer = base64_encode("n,a=joe,\1auth=Bearer " + kToken + "\1\1");
  struct Case {
    std::string mechanism, message, answer;
  };
  for (const Case& it : {Case{"XOAUTH2", kXoauth2, ""}, Case{"OAUTHBEARER", bearer, "AQ=="}}) {
    for_each_run([&](SessionHarness& s) {
      begin(s);
      s.client("AUTH " + it.mechanism + " " + it.message + "\r\n");
      upstream_opens(s, it.mechanism);
      s.upstream_expects("AUTH " + it.mechanism + " " + it.message + "\r\n");
      s.upstream("+ " + error + "\r\n");
      s.expect_client("+ " + error + "\r\n");
      s.client(it.answer + "\r\n");
      s.upstream_expects(it.answer + "\r\n");
      s.upstream("-ERR [AUTH] no such token " + kToken + "\r\n");
      s.expect_client("-ERR [AUTH] no such token " + kToken + "\r\n");
      quit(s);
      if (s.killed()) return;
      EXPECT_EQ(s.counters.logins[LoginResult::refused].get(), 1U);
      EXPECT_NE(s.log.find("login_failed").find("user=joe"), std::string::npos);
      EXPECT_NE(s.log.find("login_failed").find("[AUTH]"), std::string::npos);
      EXPECT_EQ(s.log.count(error), 0U);
      no_secret_in_the_log(s);
    });
  }
}

TEST(RelayedSasl, carries_a_scram_to_its_end) {
  const std::string server_first = base64_encode("r=fyko+d2lbbFgONRv9qkxdawL3rfc,s=QSXCR,i=4096");
  const std::string client_final = base64_encode("c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfc,p=v0X8=");
  const std::string server_final = base64_encode("v=rmF9pqV8S7suAoZWja4dJRkFsKQ=");
  for_each_run([&](SessionHarness& s) {
    begin(s);
    s.client("AUTH SCRAM-SHA-256 " + kScram + "\r\n");
    upstream_opens(s, "SCRAM-SHA-1 SCRAM-SHA-256");
    s.upstream_expects("AUTH SCRAM-SHA-256 " + kScram + "\r\n");
    s.upstream("+ " + server_first + "\r\n");
    s.expect_client("+ " + server_first + "\r\n");
    if (!s.killed()) {
      EXPECT_EQ(s.session()->state(), SessionState::relay);
      EXPECT_EQ(s.session()->waits_for(), session::Session::kClientInput);
    }
    s.client(client_final + "\r\n");
    s.upstream_expects(client_final + "\r\n");
    s.upstream("+ " + server_final + "\r\n");
    s.expect_client("+ " + server_final + "\r\n");
    s.client("\r\n");
    s.upstream_expects("\r\n");
    logged_in(s);
    EXPECT_EQ(s.log.count(client_final), 0U);
    no_secret_in_the_log(s);
  });
}

TEST(RelayedSasl, carries_cram_md5) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("AUTH CRAM-MD5\r\n");
    upstream_opens(s, "CRAM-MD5");
    s.upstream_expects("AUTH CRAM-MD5\r\n");
    s.upstream("+ " + kCramChallenge + "\r\n");
    s.expect_client("+ " + kCramChallenge + "\r\n");
    s.client(kCramAnswer + "\r\n");
    s.upstream_expects(kCramAnswer + "\r\n");
    logged_in(s);
    no_secret_in_the_log(s);
    s.client("QUIT\r\n");
    s.upstream("+OK\r\n");
    s.expect_ended(EndReason::quit);
    if (s.killed()) return;
    EXPECT_NE(s.log.find(" session ").find("user=joe mechanism=CRAM-MD5"), std::string::npos);
  });
}

TEST(RelayedSasl, lets_the_client_break_off_before_upstream_is_asked) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client_says_and_gets("AUTH XOAUTH2\r\n", "+ \r\n");
    s.client_says_and_gets("*\r\n", "-ERR Authentication cancelled\r\n");
    EXPECT_EQ(s.connector.started(), 0U);
    quit(s);
  });
}

TEST(RelayedSasl, breaks_off_on_both_sides) {
  struct Case {
    std::string line, reply;
  };
  const Case cases[] = {{"*", "-ERR Authentication cancelled\r\n"},
                        {"not base64!", "-ERR Response is not base64\r\n"},
                        {"am9l", "-ERR Not a CRAM-MD5 response\r\n"},
                        {std::string(17'000, 'A'), "-ERR Line too long\r\n"}};
  for (const Case& it : cases) {
    for_each_run([&it](SessionHarness& s) {
      begin(s);
      s.client("AUTH CRAM-MD5\r\n");
      upstream_opens(s, "CRAM-MD5");
      s.upstream_expects("AUTH CRAM-MD5\r\n");
      s.upstream("+ " + kCramChallenge + "\r\n");
      s.expect_client("+ " + kCramChallenge + "\r\n");
      s.client(it.line + "\r\n");
      s.expect_client(it.reply);
      s.upstream_expects("*\r\n");
      s.expect_upstream_closed();
      quit(s);
      if (s.killed()) return;
      EXPECT_EQ(s.counters.logins[LoginResult::cancelled].get(), 1U);
    });
  }
}

TEST(RelayedSasl, refuses_to_act_for_others) {
  for (const std::string& message :
       {base64_encode("n,a=boss,n=joe,r=abc"), base64_encode("p=tls-unique,,n=joe,r=abc"),
        base64_encode("joe"), std::string("="), std::string("AAA")}) {
    for_each_run([&message](SessionHarness& s) {
      begin(s);
      s.client("AUTH SCRAM-SHA-1 " + message + "\r\n");
      s.expect_client_line("-ERR ");
      EXPECT_EQ(s.connector.started(), 0U);
      quit(s);
    });
  }
}

TEST(RelayedSasl, takes_no_initial_response_where_upstream_speaks_first) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client_says_and_gets("AUTH CRAM-MD5 " + kCramAnswer + "\r\n",
                           "-ERR This mechanism has no initial response\r\n");
    EXPECT_EQ(s.connector.started(), 0U);
    quit(s);
  });
}

TEST(RelayedSasl, asks_nobody_for_what_upstream_is_known_not_to_offer) {
  for (const std::string command : {"AUTH CRAM-MD5", "AUTH XOAUTH2", "AUTH SCRAM-SHA-256"}) {
    for_each_run([&command](SessionHarness& s) {
      SessionHarness::teach(s.server, "SASL PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS\r\n");
      begin(s);
      s.client_says_and_gets(command + "\r\n", "-ERR Mechanism is not offered here\r\n");
      EXPECT_EQ(s.connector.started(), 0U);
      quit(s);
    });
  }
}

TEST(RelayedSasl, passes_nothing_to_an_upstream_that_does_not_list_it) {
  for (const std::string sasl : {"PLAIN", "XOAUTH", "SCRAM-SHA-256"}) {
    for_each_run([&sasl](SessionHarness& s) {
      begin(s);
      s.client("AUTH XOAUTH2 " + kXoauth2 + "\r\n");
      upstream_opens(s, sasl);
      s.expect_client("-ERR Mechanism is not offered here\r\n");
      s.expect_upstream_closed();
      quit(s);
      if (s.killed()) return;
      EXPECT_EQ(s.counters.logins[LoginResult::unavailable].get(), 1U);
    });
  }
}

TEST(RelayedSasl, passes_no_scram_to_an_upstream_with_channel_binding) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("AUTH SCRAM-SHA-256 " + kScram + "\r\n");
    upstream_opens(s, "SCRAM-SHA-256 SCRAM-SHA-256-PLUS");
    s.expect_client("-ERR Mechanism is not offered here\r\n");
    s.expect_upstream_closed();
    quit(s);
  });
}

TEST(RelayedSasl, tells_of_an_upstream_that_dies_in_the_dialog) {
  for (const bool before_answer : {true, false}) {
    for_each_run([before_answer](SessionHarness& s) {
      begin(s);
      s.client("AUTH CRAM-MD5\r\n");
      upstream_opens(s, "CRAM-MD5");
      s.upstream_expects("AUTH CRAM-MD5\r\n");
      s.upstream("+ " + kCramChallenge + "\r\n");
      s.expect_client("+ " + kCramChallenge + "\r\n");
      if (before_answer) s.upstream_ends();
      s.expect_client("");  // it would be taken for the answer to what comes next
      s.client(kCramAnswer + "\r\n");
      if (!before_answer) {
        s.upstream_expects(kCramAnswer + "\r\n");
        s.upstream_ends();
      }
      s.expect_client_line("-ERR [SYS/TEMP] ");
      quit(s);
      if (s.killed()) return;
      EXPECT_EQ(s.counters.logins[LoginResult::unavailable].get(), 1U);
    });
  }
}

TEST(RelayedSasl, trusts_no_upstream_that_talks_while_the_client_thinks) {
  for (const std::string ahead : {"+OK in\r\n", "-ERR no\r\n", "+ Zm9v\r\n", "+OK"}) {
    for_each_run([&ahead](SessionHarness& s) {
      begin(s);
      s.client("AUTH CRAM-MD5\r\n");
      upstream_opens(s, "CRAM-MD5");
      s.upstream_expects("AUTH CRAM-MD5\r\n");
      s.upstream("+ " + kCramChallenge + "\r\n");
      s.expect_client("+ " + kCramChallenge + "\r\n");
      s.upstream(ahead);
      s.client(kCramAnswer + "\r\n");
      s.expect_client_line("-ERR [SYS/TEMP] ");
      s.upstream_expects("");
      quit(s);
      if (s.killed()) return;
      EXPECT_EQ(s.counters.logins[LoginResult::ok].get(), 0U);
    });
  }
}

TEST(RelayedSasl, takes_no_challenge_that_is_not_base64) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("AUTH CRAM-MD5\r\n");
    upstream_opens(s, "CRAM-MD5");
    s.upstream_expects("AUTH CRAM-MD5\r\n");
    s.upstream("+ what is your name?\r\n");
    s.expect_client_line("-ERR [SYS/TEMP] ");
    quit(s);
  });
}

TEST(RelayedSasl, takes_challenges_up_to_a_limit) {
  for (const bool fits : {true, false}) {
    SessionHarness s;
    begin(s);
    s.client("AUTH CRAM-MD5\r\n");
    upstream_opens(s, "CRAM-MD5");
    s.upstream_expects("AUTH CRAM-MD5\r\n");
    const std::string challenge((pop3::ClientCodec::kMaxStatusLine - 4) / 4 * 4 + (fits ? 0 : 4),
                                'A');
    s.upstream("+ " + challenge + "\r\n");
    if (fits) {
      s.expect_client("+ " + challenge + "\r\n");
    } else {
      s.expect_client_line("-ERR [SYS/TEMP] ");
    }
    s.ignore_the_rest();
  }
}

TEST(RelayedSasl, waits_for_the_client_no_longer_than_for_a_login) {
  SessionHarness s;
  begin(s);
  s.client("AUTH CRAM-MD5\r\n");
  upstream_opens(s, "CRAM-MD5");
  s.upstream_expects("AUTH CRAM-MD5\r\n");
  s.upstream("+ " + kCramChallenge + "\r\n");
  s.expect_client("+ " + kCramChallenge + "\r\n");
  s.advance(s.settings.timeouts.login - Duration(1));
  s.expect_alive();
  s.advance(Duration(1));
  s.expect_client("-ERR No login in time\r\n");
  s.expect_upstream_aborted();
  s.expect_ended(EndReason::timeout);
}

TEST(RelayedSasl, ends_when_the_client_leaves_in_the_dialog) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("AUTH CRAM-MD5\r\n");
    upstream_opens(s, "CRAM-MD5");
    s.upstream_expects("AUTH CRAM-MD5\r\n");
    s.upstream("+ " + kCramChallenge + "\r\n");
    s.expect_client("+ " + kCramChallenge + "\r\n");
    s.client_ends();
    s.expect_upstream_aborted();
    s.expect_ended(EndReason::client_closed);
    if (s.killed()) return;
    EXPECT_EQ(s.counters.logins[LoginResult::client_gone].get(), 1U);
  });
}

TEST(RelayedSasl, may_be_tried_again_with_another_mechanism) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("AUTH XOAUTH2 " + kXoauth2 + "\r\n");
    upstream_opens(s, "XOAUTH2");
    s.upstream_expects("AUTH XOAUTH2 " + kXoauth2 + "\r\n");
    s.upstream("-ERR [AUTH] no\r\n");
    s.expect_client("-ERR [AUTH] no\r\n");
    s.log_in();
    s.ignore_the_rest();
  });
}

TEST(RelayedSasl, is_announced_where_upstream_is_known_to_offer_it) {
  for_each_run([](SessionHarness& s) {
    SessionHarness::teach(s.server, "SASL PLAIN XOAUTH2 GSSAPI CRAM-MD5 NTLM\r\n");
    begin(s);
    s.client_says_and_gets("CAPA\r\n",
                           "+OK Capability list follows\r\nTOP\r\nUIDL\r\nPIPELINING\r\n"
                           "RESP-CODES\r\nUSER\r\nSASL PLAIN LOGIN XOAUTH2 CRAM-MD5\r\n.\r\n");
    s.client_says_and_gets("AUTH\r\n",
                           "+OK Mechanisms follow\r\nPLAIN\r\nLOGIN\r\nXOAUTH2\r\nCRAM-MD5\r\n"
                           ".\r\n");
    quit(s);
  });
}

}  // namespace
}  // namespace gatepost::testing
