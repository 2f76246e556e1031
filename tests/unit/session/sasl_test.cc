// AUTH PLAIN and AUTH LOGIN towards the client (RFC 5034, RFC 4616).
#include <gtest/gtest.h>

#include <string>

#include "tests/support/session_harness.h"

namespace gatepost::testing {
namespace {

using session::EndReason;

constexpr std::string_view kPlain = "AGpvZQBzZWNyZXQ=";                  // NUL joe NUL secret
constexpr std::string_view kPlainForSelf = "am9lAGpvZQBzZWNyZXQ=";       // joe NUL joe NUL secret
constexpr std::string_view kPlainForOther = "Ym9zcwBqb2UAc2VjcmV0";      // boss NUL joe NUL secret
constexpr std::string_view kPlainWithLine = "AGpvZQBzZWMNCkRFTEUgMQ==";  // … NUL sec CRLF DELE 1

void begin(SessionHarness& s) {
  s.start();
  s.expect_client_line("+OK");
}

/// Upstream takes joe with his password, by USER and PASS.
void upstream_takes_joe(SessionHarness& s) {
  s.upstream_accepts();
  s.upstream("+OK\r\n");
  s.upstream("-ERR\r\n");
  s.upstream("+OK\r\n");
  s.upstream_expects("CAPA\r\nUSER joe\r\nPASS secret\r\n");
  s.upstream("+OK in\r\n");
  s.expect_client("+OK in\r\n");
  s.client("STAT\r\n");
  s.upstream_expects("STAT\r\n");
  s.upstream("+OK 0 0\r\n");
  s.expect_client("+OK 0 0\r\n");
  s.ignore_the_rest();
}

void refused_but_alive(SessionHarness& s) {
  s.expect_client_line("-ERR ");
  if (!s.killed()) {
    EXPECT_EQ(s.connector.started(), 0U);
  }
  // What follows is a command again, not a response.
  s.client_says_and_gets("QUIT\r\n", "+OK Bye\r\n");
  s.expect_ended(EndReason::quit);
}

TEST(Sasl, takes_plain_with_an_initial_response) {
  for (const std::string_view message : {kPlain, kPlainForSelf}) {
    for_each_run([message](SessionHarness& s) {
      begin(s);
      s.client("AUTH PLAIN " + std::string(message) + "\r\n");
      upstream_takes_joe(s);
    });
  }
}

TEST(Sasl, takes_plain_after_a_challenge) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client_says_and_gets("auth plain\r\n", "+ \r\n");
    s.client(std::string(kPlain) + "\r\n");
    upstream_takes_joe(s);
  });
}

TEST(Sasl, takes_login_in_two_steps) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client_says_and_gets("AUTH LOGIN\r\n", "+ VXNlcm5hbWU6\r\n");
    s.client_says_and_gets("am9l\r\n", "+ UGFzc3dvcmQ6\r\n");
    s.client("c2VjcmV0\r\n");
    upstream_takes_joe(s);
  });
}

TEST(Sasl, takes_login_with_the_user_ahead) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client_says_and_gets("AUTH LOGIN am9l\r\n", "+ UGFzc3dvcmQ6\r\n");
    s.client("c2VjcmV0\r\n");
    upstream_takes_joe(s);
  });
}

TEST(Sasl, passes_an_upstream_refusal_on) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("AUTH PLAIN " + std::string(kPlain) + "\r\n");
    s.upstream_accepts();
    s.upstream("+OK\r\n");
    s.upstream("+OK\r\nSASL PLAIN\r\n.\r\n");
    s.upstream_expects("CAPA\r\nAUTH PLAIN " + std::string(kPlain) + "\r\n");
    s.upstream("-ERR [AUTH] no\r\n");
    s.expect_client("-ERR [AUTH] no\r\n");
    s.client_says_and_gets("QUIT\r\n", "+OK Bye\r\n");
    s.expect_ended(EndReason::quit);
    if (!s.killed()) {
      EXPECT_EQ(s.log.count(kPlain), 0U);
    }
  });
}

TEST(Sasl, lets_the_client_cancel) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client_says_and_gets("AUTH PLAIN\r\n", "+ \r\n");
    s.client("*\r\n");
    refused_but_alive(s);
  });
}

TEST(Sasl, takes_every_line_in_the_dialog_for_a_response) {
  for (const std::string line : {"QUIT", "CAPA", "STLS", "", "not base64!", "AUTH PLAIN"}) {
    for_each_run([&line](SessionHarness& s) {
      begin(s);
      s.client_says_and_gets("AUTH PLAIN\r\n", "+ \r\n");
      s.client(line + "\r\n");
      refused_but_alive(s);
    });
  }
}

TEST(Sasl, refuses_to_act_for_others) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("AUTH PLAIN " + std::string(kPlainForOther) + "\r\n");
    refused_but_alive(s);
  });
}

TEST(Sasl, lets_no_line_end_through_in_decoded_credentials) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("AUTH PLAIN " + std::string(kPlainWithLine) + "\r\n");
    refused_but_alive(s);
  });
}

TEST(Sasl, refuses_mechanisms_that_it_cannot_carry) {
  for (const std::string name :
       {"NTLM", "SCRAM-SHA-256-PLUS", "GSSAPI", "EXTERNAL", "PLAIN-PLUS", "XYZ"}) {
    for_each_run([&name](SessionHarness& s) {
      begin(s);
      s.client("AUTH " + name + "\r\n");
      refused_but_alive(s);
    });
  }
}

TEST(Sasl, lists_mechanisms_for_old_clients) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client_says_and_gets("AUTH\r\n", "+OK Mechanisms follow\r\nPLAIN\r\nLOGIN\r\n.\r\n");
    s.ignore_the_rest();
  });
}

TEST(Sasl, refuses_an_endless_response_as_a_whole) {
  SessionHarness s;
  begin(s);
  s.client_says_and_gets("AUTH PLAIN\r\n", "+ \r\n");
  s.client(std::string(40'000, 'A') + "\r\n");
  refused_but_alive(s);
}

TEST(Sasl, takes_responses_as_long_as_tokens_are) {
  SessionHarness s;
  begin(s);
  s.client_says_and_gets("AUTH LOGIN\r\n", "+ VXNlcm5hbWU6\r\n");
  s.client_says_and_gets("am9l\r\n", "+ UGFzc3dvcmQ6\r\n");
  s.client(std::string(12'000, 'A') + "\r\n");  // decodes to NULs: no password, but a whole line
  refused_but_alive(s);
}

TEST(Sasl, ends_the_connection_when_guessing_goes_on) {
  SessionHarness s;
  s.settings.limits.bad_commands = 3;
  begin(s);
  for (int i = 0; i < 3; ++i) {
    s.client("AUTH PLAIN !\r\n");
    s.expect_client_line("-ERR ");
  }
  s.client("AUTH PLAIN !\r\n");
  s.expect_client_line("-ERR ");
  s.expect_ended(EndReason::too_many_errors);
}

}  // namespace
}  // namespace gatepost::testing
