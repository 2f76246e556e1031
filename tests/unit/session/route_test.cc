// Which server a login goes to, under which name, and what comes when it fails.
#include <gtest/gtest.h>

#include <string>

#include "proxy/pop3/sasl.h"
#include "tests/support/session_harness.h"

namespace gatepost::testing {
namespace {

using session::EndReason;
using session::LoginResult;

const std::string kDigest = "b913a602c7eda7a495b4e6e7334d3890";

/// One route for all, whose users are known upstream by their whole address.
void use_addresses(SessionHarness& s) {
  upstream::Route route;
  route.conditions.name = "addresses";
  route.form = upstream::UserForm("{local}@{domain}", true, "a.example");
  route.pool = SessionHarness::make_pool({s.server});
  s.routes = {route};
}

void begin(SessionHarness& s) {
  s.start();
  s.expect_client_line("+OK");
}

/// Until upstream was asked for CAPA, which lists `sasl`.
void upstream_opens(SessionHarness& s, const std::string& sasl) {
  s.upstream_accepts();
  s.upstream("+OK\r\n");
  s.upstream("+OK\r\n" + sasl + "\r\n.\r\n");
  s.upstream_expects("CAPA\r\n");
}

void send_pass(SessionHarness& s, const std::string& user = "joe") {
  s.client_says_and_gets("USER " + user + "\r\n", "+OK Send PASS\r\n");
  s.client("PASS secret\r\n");
}

TEST(Routes, know_a_user_by_both_names) {
  for (const std::string user : {"joe", "joe@a.example", "Joe@A.example"}) {
    for_each_run([&user](SessionHarness& s) {
      use_addresses(s);
      begin(s);
      send_pass(s, user);
      upstream_opens(s, "USER");
      s.upstream_expects("USER joe@a.example\r\n");
      s.upstream("+OK\r\n");
      s.upstream_expects("PASS secret\r\n");
      s.upstream("+OK in\r\n");
      s.expect_client("+OK in\r\n");
      s.client("QUIT\r\n");
      s.upstream("+OK\r\n");
      s.expect_ended(EndReason::quit);
      s.ignore_the_rest();
      if (s.killed()) return;
      const std::string line = s.log.find(" session ");
      EXPECT_NE(line.find("user=" + user +
                          " mechanism=USER route=addresses pool=pop.example "
                          "upstream=pop.example:110 "),
                std::string::npos)
          << line;
    });
  }
}

TEST(Routes, change_the_name_inside_relayed_messages) {
  const std::string token = "\1auth=Bearer x\1\1";
  struct Case {
    std::string mechanism, said, passed;
  };
  const Case cases[] = {{"XOAUTH2", "user=joe" + token, "user=joe@a.example" + token},
                        {"OAUTHBEARER", "n,a=joe," + token, "n,a=joe@a.example," + token}};
  for (const Case& it : cases) {
    SessionHarness s;
    use_addresses(s);
    begin(s);
    s.client("AUTH " + it.mechanism + " " + pop3::base64_encode(it.said) + "\r\n");
    upstream_opens(s, "SASL " + it.mechanism);
    s.upstream_expects("AUTH " + it.mechanism + " " + pop3::base64_encode(it.passed) + "\r\n");
    s.ignore_the_rest();
  }
}

TEST(Routes, change_the_name_in_a_cram_md5_answer) {
  for_each_run([](SessionHarness& s) {
    use_addresses(s);
    begin(s);
    s.client("AUTH CRAM-MD5\r\n");
    upstream_opens(s, "SASL CRAM-MD5");
    s.upstream_expects("AUTH CRAM-MD5\r\n");
    s.upstream("+ Zm9v\r\n");
    s.expect_client("+ Zm9v\r\n");
    s.client(pop3::base64_encode("joe " + kDigest) + "\r\n");
    s.upstream_expects(pop3::base64_encode("joe@a.example " + kDigest) + "\r\n");
    s.ignore_the_rest();
  });
}

TEST(Routes, cannot_change_the_name_in_a_scram) {
  for (const std::string user : {"joe", "joe@a.example"}) {
    SessionHarness s;
    use_addresses(s);
    begin(s);
    const std::string message = pop3::base64_encode("n,,n=" + user + ",r=abc");
    s.client("AUTH SCRAM-SHA-1 " + message + "\r\n");
    if (user == "joe") {
      s.expect_client_line("-ERR SCRAM cannot be used with this name");
      EXPECT_EQ(s.connector.started(), 0U);
    } else {
      upstream_opens(s, "SASL SCRAM-SHA-1");
      s.upstream_expects("AUTH SCRAM-SHA-1 " + message + "\r\n");
    }
    s.ignore_the_rest();
  }
}

TEST(Routes, lead_users_to_their_pools) {
  for (const std::string domain : {"a", "b"}) {
    SessionHarness s;
    for (const std::string name : {"a", "b"}) {
      upstream::Route route;
      route.conditions.domains = {name + ".example"};
      route.pool = SessionHarness::make_pool({SessionHarness::make_server(name)});
      s.routes.push_back(route);
    }
    begin(s);
    send_pass(s, "joe@" + domain + ".example");
    EXPECT_EQ(s.connector.target().host, domain);
    s.ignore_the_rest();
  }
}

TEST(Routes, promise_nothing_that_depends_on_the_user) {
  SessionHarness s;
  for (const std::string name : {"a", "b"}) {
    upstream::Route route;
    route.conditions.domains = {name + ".example"};
    const upstream::Server server = SessionHarness::make_server(name);
    SessionHarness::teach(server, "SASL XOAUTH2\r\nUTF8\r\n");
    route.pool = SessionHarness::make_pool({server});
    s.routes.push_back(route);
  }
  begin(s);
  s.client_says_and_gets("CAPA\r\n",
                         "+OK Capability list follows\r\nTOP\r\nUIDL\r\nPIPELINING\r\n"
                         "RESP-CODES\r\nUSER\r\nSASL PLAIN LOGIN\r\n.\r\n");
  // It is passed on all the same, once the user is known.
  const std::string message = pop3::base64_encode("user=joe@b.example\1auth=Bearer x\1\1");
  s.client("AUTH XOAUTH2 " + message + "\r\n");
  EXPECT_EQ(s.connector.target().host, "b");
  s.ignore_the_rest();
}

TEST(Retry, asks_the_next_server_when_one_cannot_be_reached) {
  for_each_run([](SessionHarness& s) {
    s.more_servers = {SessionHarness::make_server("second")};
    begin(s);
    send_pass(s);
    s.upstream_refuses(ErrorCode::refused);
    s.expect_client("");
    upstream_opens(s, "USER");
    s.upstream_expects("USER joe\r\n");
    s.upstream("+OK\r\n");
    s.upstream_expects("PASS secret\r\n");
    s.upstream("+OK in\r\n");
    s.expect_client("+OK in\r\n");
    s.ignore_the_rest();
  });
}

TEST(Retry, asks_the_next_server_when_one_cannot_look_at_a_password) {
  for (const std::string trouble :
       {"-ERR [SYS/TEMP] later\r\n", "-ERR [SYS/PERM] broken\r\n", ""}) {
    for_each_run([&trouble](SessionHarness& s) {
      s.more_servers = {SessionHarness::make_server("second")};
      begin(s);
      send_pass(s);
      upstream_opens(s, "SASL PLAIN");
      s.upstream_expects("AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n");
      if (trouble.empty()) {
        s.upstream_ends();
      } else {
        s.upstream(trouble);
      }
      s.expect_client("");
      upstream_opens(s, "USER");
      s.upstream_expects("USER joe\r\n");
      s.upstream("+OK\r\n");
      s.upstream_expects("PASS secret\r\n");
      s.upstream("+OK in\r\n");
      s.expect_client("+OK in\r\n");
      s.ignore_the_rest();
      if (s.killed()) return;
      EXPECT_EQ(s.counters.logins[LoginResult::ok].get(), 1U);
      EXPECT_EQ(s.log.count("login_failed"), 0U);
    });
  }
}

TEST(Retry, does_not_ask_on_when_a_password_is_wrong) {
  for (const std::string answer : {"-ERR [AUTH] no\r\n", "-ERR no\r\n", "-ERR [IN-USE] busy\r\n"}) {
    for_each_run([&answer](SessionHarness& s) {
      s.more_servers = {SessionHarness::make_server("second")};
      begin(s);
      send_pass(s);
      upstream_opens(s, "SASL PLAIN");
      s.upstream_expects("AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n");
      s.upstream(answer);
      s.expect_client(answer);
      s.client_says_and_gets("QUIT\r\n", "+OK Bye\r\n");
      s.expect_ended(EndReason::quit);
      if (s.killed()) return;
      EXPECT_EQ(s.connector.started(), 1U);
    });
  }
}

TEST(Retry, says_what_the_last_server_said) {
  for_each_run([](SessionHarness& s) {
    s.more_servers = {SessionHarness::make_server("second")};
    begin(s);
    send_pass(s);
    for (int i = 0; i < 2; ++i) {
      upstream_opens(s, "SASL PLAIN");
      s.upstream_expects("AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n");
      s.upstream("-ERR [SYS/TEMP] trouble " + std::to_string(i) + "\r\n");
    }
    s.expect_client("-ERR [SYS/TEMP] trouble 1\r\n");
    s.client_says_and_gets("QUIT\r\n", "+OK Bye\r\n");
    s.expect_ended(EndReason::quit);
  });
}

TEST(Retry, is_not_for_dialogs) {
  for_each_run([](SessionHarness& s) {
    s.more_servers = {SessionHarness::make_server("second")};
    begin(s);
    s.client("AUTH XOAUTH2 " + pop3::base64_encode("user=joe\1auth=Bearer x\1\1") + "\r\n");
    upstream_opens(s, "SASL XOAUTH2");
    s.upstream("-ERR [SYS/TEMP] later\r\n");
    s.expect_client("-ERR [SYS/TEMP] later\r\n");
    s.ignore_the_rest();
    if (s.killed()) return;
    EXPECT_EQ(s.connector.started(), 1U);
  });
}

TEST(Places, are_held_from_the_login_to_the_end) {
  SessionHarness s;
  s.server.max_connections = 1;
  begin(s);
  EXPECT_EQ(s.server.state->sessions(), 0U);
  s.log_in();
  EXPECT_EQ(s.server.state->sessions(), 1U);
  s.client("QUIT\r\n");
  s.upstream_expects("QUIT\r\n");
  s.upstream("+OK\r\n");
  s.expect_client("+OK\r\n");
  s.expect_ended(EndReason::quit);
  EXPECT_EQ(s.server.state->sessions(), 0U);
}

TEST(Places, are_given_back_by_a_failed_login) {
  SessionHarness s;
  begin(s);
  send_pass(s);
  upstream_opens(s, "SASL PLAIN");
  EXPECT_EQ(s.server.state->sessions(), 1U);
  s.upstream("-ERR no\r\n");
  s.expect_client("-ERR no\r\n");
  EXPECT_EQ(s.server.state->sessions(), 0U);
  s.ignore_the_rest();
}

TEST(Places, that_are_all_taken_are_temporary_trouble) {
  for_each_run([](SessionHarness& s) {
    s.server.max_connections = 1;
    const upstream::Lease other = upstream::Lease::take(s.server);
    begin(s);
    send_pass(s);
    s.expect_client_line("-ERR [SYS/TEMP] ");
    s.client_says_and_gets("QUIT\r\n", "+OK Bye\r\n");
    s.expect_ended(EndReason::quit);
  });
}

}  // namespace
}  // namespace gatepost::testing
