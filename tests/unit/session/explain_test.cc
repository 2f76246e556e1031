// What the journal is told of sessions (gatepost explain).
#include <gtest/gtest.h>

#include <string>

#include "filters/retention/settlement.h"
#include "tests/support/session_harness.h"

namespace gatepost::testing {
namespace {

using filters::Cause;
using filters::Verdict;
using session::EndReason;

constexpr std::string_view kMessage = "Subject: hello\r\n\r\nwhole\r\n.\r\n";

/// Each decision of the session as "about: text [rule]", details behind bars, in lines.
std::string story(const SessionHarness& s, std::string_view id = "s1") {
  std::string all;
  for (const Decision& decision : s.journal.about(id).decisions) {
    std::string text = decision.text;
    for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n')) {
      text.replace(at, 1, " | ");
    }
    all += std::string(to_string(decision.about)) + ": " + text;
    if (!decision.rule.empty()) all += " [" + decision.rule + "]";
    all += '\n';
  }
  return all;
}

upstream::Route route(const std::string& name, std::string path) {
  upstream::Route route;
  route.conditions.name = name;
  route.path = std::move(path);
  return route;
}

void begin(SessionHarness& s) {
  s.settings.path = "/listeners/0";
  s.start();
  s.expect_client_line("+OK");
}

void quit(SessionHarness& s) {
  s.client("QUIT\r\n");
  s.upstream_expects("QUIT\r\n");
  s.upstream("+OK bye\r\n");
  s.expect_client("+OK bye\r\n");
  s.expect_upstream_closed();
  s.expect_ended(EndReason::quit);
}

/// USER and PASS, up to the connection upstream.
void say_user(SessionHarness& s, const std::string& user) {
  s.client_says_and_gets("USER " + user + "\r\n", "+OK Send PASS\r\n");
  s.client("PASS secret word\r\n");
}

/// From there to the server's answer.
void open_upstream(SessionHarness& s, const std::string& user) {
  s.upstream_accepts();
  s.upstream("+OK\r\n");
  s.upstream_expects("CAPA\r\n");
  s.upstream("+OK\r\nUSER\r\n.\r\n");
  s.upstream_expects("USER " + user + "\r\n");
  s.upstream("+OK\r\n");
  s.upstream_expects("PASS secret word\r\n");
}

TEST(Explain, tells_of_a_session) {
  SessionHarness s;
  s.routes = {route("a", "/routes/0"), route("all", "/routes/1")};
  s.routes[0].conditions.domains = {"a.example"};
  s.routes[0].pool = SessionHarness::make_pool({SessionHarness::make_server("a.example")});
  config::Pool main;
  main.name = "main";
  s.routes[1].pool = SessionHarness::make_pool({s.server}, main);
  s.routes[1].form = upstream::UserForm("{local}", true, "", "+");
  begin(s);
  say_user(s, "Joe+phone@b.example");
  open_upstream(s, "joe");
  s.upstream("+OK in\r\n");
  s.expect_client("+OK in\r\n");
  quit(s);
  const std::string client = s.facts.address.to_string();
  EXPECT_EQ(story(s),
            "arrival: " + client +
                " came to listener test (without TLS) [/listeners/0]\n"
                "user: Joe+phone@b.example\n"
                "route: route all to pool main: it is for everybody | not route a, for its domains "
                "(/routes/0/domains): domain b.example [/routes/1]\n"
                "user: Joe@b.example [/routes/1/device_suffix]\n"
                "login: device phone [/routes/1/device_suffix]\n"
                "user: joe [/routes/1/user]\n"
                "upstream: server pop.example:110 of pool main, the only one [/pools/main]\n"
                "login: ok by USER, pop.example:110, in clear\n"
                "rules: messages are relayed as they are | the client decides what is deleted\n"
                "end: quit, after 3 commands and 0 messages\n");
  EXPECT_FALSE(s.journal.about("s1").begins_later);
  const auto sessions = s.journal.sessions_of("joe@B.example");
  ASSERT_EQ(sessions.size(), 1U);
  EXPECT_EQ(sessions[0].session, "s1");
  EXPECT_EQ(sessions[0].end, "quit, after 3 commands and 0 messages");
}

TEST(Explain, keeps_no_password) {
  SessionHarness s;
  begin(s);
  say_user(s, "joe");
  open_upstream(s, "joe");
  s.upstream("-ERR no, secret word is wrong\r\n");
  s.ignore_the_rest();
  EXPECT_FALSE(story(s).contains("secret")) << story(s);
  EXPECT_TRUE(story(s).contains("login: refused by USER, pop.example:110 | -ERR (text withheld"))
      << story(s);
}

TEST(Explain, tells_that_there_is_no_route) {
  SessionHarness s;
  s.routes = {route("a", "/routes/0")};
  s.routes[0].conditions.users = {"ann"};
  s.routes[0].pool = SessionHarness::make_pool({s.server});
  begin(s);
  say_user(s, "joe");
  s.ignore_the_rest();
  EXPECT_TRUE(
      story(s).contains("route: no route | not route a, for its users (/routes/0/users): "
                        "user joe [/routes]\n"
                        "login: refused by USER | no route\n"))
      << story(s);
}

TEST(Explain, tells_what_is_refused_before_a_login) {
  SessionHarness s;
  s.settings.client_tls_mode = config::ListenerTls::starttls;
  begin(s);
  s.client("USER joe\r\n");
  s.client("STLS\r\n");
  s.client_handshake();
  s.client("AUTH NTLM\r\n");
  s.client("QUIT\r\n");
  s.ignore_the_rest();
  const std::string told = story(s);
  EXPECT_TRUE(
      told.contains("login: USER was refused: -ERR TLS required, use STLS first "
                    "[/listeners/0/tls]\n"))
      << told;
  EXPECT_TRUE(told.contains("tls: TLSv1.3, ")) << told;
  EXPECT_TRUE(told.contains("login: AUTH NTLM was refused: -ERR ")) << told;
  EXPECT_FALSE(told.contains("user: ")) << told;
}

TEST(Explain, tells_which_certificate_a_client_was_shown) {
  for (const bool resumed : {false, true}) {
    SessionHarness s;
    s.settings.client_tls_mode = config::ListenerTls::starttls;
    s.client_tls->facts.server_name = "pop.example\ncertificate x\x1b[1m";
    s.client_tls->facts.identity = "/etc/pop.pem";
    s.client_tls->facts.identity_rule = "/tls/certificate_folders/0";
    s.client_tls->facts.resumed = resumed;
    begin(s);
    s.client("STLS\r\n");
    s.client_handshake();
    s.client("QUIT\r\n");
    s.ignore_the_rest();
    const std::string told = story(s);
    EXPECT_TRUE(told.contains(", for server name pop.example certificate x [1m")) << told;
    EXPECT_EQ(told.contains("[1m | certificate /etc/pop.pem (/tls/certificate_folders/0) [/tls]\n"),
              !resumed)
        << told;
  }
}

TEST(Explain, tells_why_another_server_was_asked) {
  SessionHarness s;
  s.pool_settings.retries = 2;
  s.more_servers = {SessionHarness::make_server("second.example"),
                    SessionHarness::make_server("standby.example")};
  s.server.priority = 1;
  s.more_servers[0].priority = 2;
  s.more_servers[1].priority = 3;
  begin(s);
  say_user(s, "joe");
  s.upstream_refuses(ErrorCode::refused);
  open_upstream(s, "joe");
  s.upstream("-ERR [SYS/TEMP] later\r\n");
  s.upstream_accepts();
  s.ignore_the_rest();
  const std::string told = story(s);
  EXPECT_TRUE(
      told.contains("upstream: server pop.example:110 of pool pool, by least_connections: "
                    "1 sessions with this one | not second.example:110: it is a standby: "
                    "priority 2 | not standby.example:110: it is a standby: priority 3 "
                    "[/pools/pool]\n"
                    "upstream: pop.example:110 cannot be used: connect: "))
      << told;
  EXPECT_TRUE(
      told.contains("upstream: second.example:110 could not log in: -ERR [SYS/TEMP] later "
                    "[/pools/pool/retries]\n"
                    "upstream: server standby.example:110 of pool pool"))
      << told;
}

TEST(Explain, tells_of_messages) {
  SessionHarness s;
  s.use_chain().path = "/chains/0";
  s.settings.path = "/listeners/0";
  s.start();
  s.expect_client_line("+OK");
  s.log_in();
  for (const Verdict& verdict : {Verdict::clean(), Verdict::of(Cause::infected, "Eicar")}) {
    s.client("RETR 1\r\n");
    s.upstream("+OK\r\n");
    s.upstream(kMessage);
    s.scanner_says(verdict);
  }
  s.ignore_the_rest();
  const std::string told = story(s, "s1/1");
  EXPECT_TRUE(told.starts_with("message: RETR: clean, so deliver, after 0 ms | ")) << told;
  EXPECT_TRUE(told.contains("message: RETR: infected, so notice, after 0 ms | ")) << told;
  EXPECT_TRUE(told.contains("infected (Eicar)")) << told;
  EXPECT_TRUE(told.contains(" [/chains/0/policy/infected]\n")) << told;
  EXPECT_TRUE(story(s).contains("rules: messages go through chain ")) << story(s);
  EXPECT_TRUE(
      story(s).contains("(/chains/0) | the client decides what is deleted "
                        "[/listeners/0/chain]\n"))
      << story(s);
}

// Not inline: g++ 12 takes the default of `devices` for uninitialized then.
[[gnu::noinline]] config::RetentionPolicy policy(std::string name, config::RetentionType type) {
  config::RetentionPolicy policy;
  policy.name = std::move(name);
  policy.type = type;
  return policy;
}

/// Three messages, of which upstream gives the UIDLs a, b, c.
void give_lists(SessionHarness& s) {
  s.upstream_expects("LIST\r\nUIDL\r\n");
  s.upstream("+OK\r\n1 10\r\n2 10\r\n3 10\r\n.\r\n+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n");
}

void begin_under(SessionHarness& s, config::RetentionPolicy config) {
  auto policy = std::make_shared<filters::RetentionPolicy>();
  policy->config = std::move(config);
  policy->counters = std::make_shared<filters::PolicyCounters>();
  policy->path = "/retention/policies/0";
  s.settings.retention = policy;
  begin(s);
  s.log_in_held("USER\r\nPIPELINING\r\nTOP\r\nUIDL\r\n");
  give_lists(s);
  s.expect_client("+OK Logged in\r\n");
}

TEST(Explain, tells_what_a_policy_hides) {
  SessionHarness first;
  begin_under(first, policy("keep", config::RetentionType::keep));
  first.client_says_and_gets("DELE 2\r\n", "+OK Marked to be deleted.\r\n");
  first.client("QUIT\r\n");
  first.ignore_the_rest();
  EXPECT_TRUE(
      story(first).contains("policy keep, keep (/retention/policies/0) | it is in force by "
                            "/listeners/0/retention\n"))
      << story(first);
  EXPECT_EQ(story(first, "s1/2"),
            "retention: DELE is noted, and counts with QUIT [/retention/policies/0]\n"
            "retention: DELE: the message is kept, and not shown any more "
            "[/retention/policies/0/view]\n");

  SessionHarness next;
  next.retention.host.store =
      std::make_shared<store::TableRecords>(first.retention.table, next.filters.background);
  begin_under(next, policy("keep", config::RetentionType::keep));
  next.ignore_the_rest();
  EXPECT_TRUE(story(next).contains(
      "mailbox: the mail server has 3 messages, 1 of them are not shown | not shown, for the "
      "client has deleted them (/retention/policies/0/view): 2 [/retention/policies/0]\n"))
      << story(next);
}

TEST(Explain, tells_no_more_of_a_mailbox_than_that) {
  constexpr std::size_t kMost = filters::SettlementPlan::kMaxFindings;
  static_assert(kMost == session::Mailbox::kMaxHiddenTold);
  constexpr std::size_t kMessages = kMost + 1;
  std::string lists = "+OK\r\n";
  std::string uidls = ".\r\n+OK\r\n";
  for (std::size_t i = 1; i <= kMessages; ++i) {
    lists += std::to_string(i) + " 10\r\n";
    uidls += std::to_string(i) + " uid" + std::to_string(i) + "\r\n";
  }
  lists += uidls + ".\r\n";
  SessionHarness first;
  first.settings.retention = RetentionFixture::policy(policy("keep", config::RetentionType::keep));
  begin(first);
  first.log_in_held("USER\r\nPIPELINING\r\nTOP\r\nUIDL\r\n");
  first.upstream(lists);
  for (std::size_t i = 1; i <= kMessages; ++i) first.client("DELE " + std::to_string(i) + "\r\n");
  first.client("QUIT\r\n");
  first.ignore_the_rest();
  std::size_t told = 0;
  for (const Decision& decision : first.journal.about("s1").decisions) {
    if (decision.text.starts_with("DELE: the message is kept")) ++told;
  }
  EXPECT_EQ(told, kMost);

  SessionHarness next;
  next.settings.retention = RetentionFixture::policy(policy("keep", config::RetentionType::keep));
  next.retention.host.store =
      std::make_shared<store::TableRecords>(first.retention.table, next.filters.background);
  begin(next);
  next.log_in_held("USER\r\nPIPELINING\r\nTOP\r\nUIDL\r\n");
  next.upstream(lists);
  next.ignore_the_rest();
  EXPECT_TRUE(story(next).contains(" 99 100 and more")) << story(next);
}

TEST(Explain, tells_what_a_guard_keeps) {
  SessionHarness s;
  begin_under(s, policy("pop", config::RetentionType::delete_after_retrieval));
  s.client("DELE 1\r\n");
  s.expect_client_line("-ERR");
  s.client("RETR 3\r\n");
  s.upstream_expects("RETR 3\r\n");
  s.upstream("+OK\r\n");
  s.upstream(kMessage);
  s.client("QUIT\r\n");
  s.upstream_expects("DELE 3\r\n");
  s.upstream("+OK\r\n");
  s.upstream_expects("QUIT\r\n");
  s.upstream("+OK bye\r\n");
  s.ignore_the_rest();
  EXPECT_EQ(story(s, "s1/1"),
            "retention: DELE is refused: this message was never retrieved, so it is kept "
            "[/retention/policies/0]\n");
  EXPECT_EQ(story(s, "s1/3"),
            "retention: the message is to be removed: it was retrieved "
            "[/retention/policies/0/period]\n"
            "retention: the mail server has removed the message [/retention/policies/0]\n");
  EXPECT_TRUE(story(s).contains("mailbox: QUIT was answered +OK bye\n")) << story(s);
}

}  // namespace
}  // namespace gatepost::testing
