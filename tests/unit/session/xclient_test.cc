// What is believed of the client: told by the socket, by who stands in front, by TLS.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/session_harness.h"

namespace gatepost::testing {
namespace {

using config::ListenerTls;
using session::EndReason;

constexpr std::string_view kGreeting = "+OK [XCLIENT] Gatepost ready\r\n";

/// The client is a proxy that is trusted.
void begin(SessionHarness& s) {
  s.settings.xclient = true;
  s.settings.trusted_networks = {IpNetwork::parse("10.0.0.0/8").value()};
  s.facts.address.ip = IpAddress::parse("10.1.2.3").value();
  s.start();
  s.expect_client(kGreeting);
}

void quit(SessionHarness& s) {
  s.client_says_and_gets("QUIT\r\n", "+OK Bye\r\n");
  s.expect_ended(EndReason::quit);
}

TEST(Xclient, is_believed_of_trusted_peers) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client_says_and_gets(
        "XCLIENT ADDR=203.0.113.9 PORT=5555 SESSION=abc DESTNAME=pop.b.example\r\n",
        "+OK Updated\r\n");
    s.log_in();
    s.client("QUIT\r\n");
    s.upstream("+OK\r\n");
    s.expect_ended(EndReason::quit);
    s.ignore_the_rest();
    if (s.killed()) return;
    const std::string line = s.log.find(" session ");
    EXPECT_NE(line.find("client=203.0.113.9:5555 via=0.0.0.0:4711 "), std::string::npos) << line;
    EXPECT_NE(line.find("sni=pop.b.example"), std::string::npos) << line;
  });
}

TEST(Xclient, is_believed_of_whoever_may_open_our_unix_socket) {
  for_each_run([](SessionHarness& s) {
    s.settings.xclient = true;
    s.facts.address = {.ip = IpAddress(), .port = 0, .unix_socket = true};
    s.start();
    s.expect_client(kGreeting);
    s.client_says_and_gets("XCLIENT ADDR=203.0.113.9 PORT=5555\r\n", "+OK Updated\r\n");
    quit(s);
    if (s.killed()) return;
    EXPECT_EQ(s.log.count("client=203.0.113.9:5555"), 1U);
  });
}

TEST(Xclient, is_ignored_of_others) {
  for_each_run([](SessionHarness& s) {
    s.settings.xclient = true;
    s.settings.trusted_networks = {IpNetwork::parse("10.0.0.0/8").value()};
    s.start();
    s.expect_client("+OK Gatepost ready\r\n");
    s.client_says_and_gets("XCLIENT ADDR=203.0.113.9 PORT=5555\r\n",
                           "+OK You are not from trusted IP - ignoring\r\n");
    quit(s);
    if (s.killed()) return;
    EXPECT_EQ(s.log.count("203.0.113.9"), 0U);
  });
}

TEST(Xclient, is_ignored_where_it_is_not_configured) {
  for_each_run([](SessionHarness& s) {
    s.settings.trusted_networks = {IpNetwork::parse("0.0.0.0/0").value()};
    s.start();
    s.expect_client("+OK Gatepost ready\r\n");
    s.client_says_and_gets("XCLIENT ADDR=203.0.113.9\r\n",
                           "+OK You are not from trusted IP - ignoring\r\n");
    quit(s);
  });
}

TEST(Xclient, is_not_believed_a_second_time) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client_says_and_gets("XCLIENT ADDR=203.0.113.9 PORT=1\r\n", "+OK Updated\r\n");
    s.client_says_and_gets("XCLIENT ADDR=192.0.2.1 PORT=2\r\n",
                           "+OK You are not from trusted IP - ignoring\r\n");
    quit(s);
    if (s.killed()) return;
    EXPECT_NE(s.log.find(" session ").find("client=203.0.113.9:1 "), std::string::npos);
  });
}

TEST(Xclient, comes_before_the_login) {
  for (const std::string first : {"USER joe", "AUTH LOGIN", "PASS x"}) {
    for_each_run([&first](SessionHarness& s) {
      begin(s);
      s.client(first + "\r\n");
      if (first == "AUTH LOGIN") s.client("*\r\n");
      if (!s.killed()) static_cast<void>(s.at_client().take_sent());
      s.client_says_and_gets("XCLIENT ADDR=203.0.113.9\r\n",
                             "-ERR XCLIENT comes before the login\r\n");
      quit(s);
    });
  }
}

TEST(Xclient, refuses_nonsense_as_a_whole) {
  for (const std::string arguments : {"ADDR=nonsense", "ADDR=203.0.113.9 PORT=x", "TTL=1"}) {
    for_each_run([&arguments](SessionHarness& s) {
      begin(s);
      s.client("XCLIENT " + arguments + "\r\n");
      s.expect_client_line("-ERR ");
      quit(s);
      if (s.killed()) return;
      EXPECT_NE(s.log.find(" session ").find("client=10.1.2.3:4711 "), std::string::npos);
    });
  }
}

TEST(Xclient, tells_of_tls_that_ended_in_front) {
  for_each_run([](SessionHarness& s) {
    s.settings.client_tls_mode = ListenerTls::starttls;
    begin(s);
    s.client_says_and_gets("USER joe\r\n", "-ERR TLS required, use STLS first\r\n");
    s.client_says_and_gets("XCLIENT ADDR=203.0.113.9 CLIENT-TRANSPORT=TLS\r\n", "+OK Updated\r\n");
    s.client_says_and_gets("STLS\r\n", "-ERR TLS is active already\r\n");
    s.client_says_and_gets("CAPA\r\n",
                           "+OK Capability list follows\r\nTOP\r\nUIDL\r\nPIPELINING\r\n"
                           "RESP-CODES\r\nUSER\r\nSASL PLAIN LOGIN\r\n.\r\n");
    s.log_in();
    s.ignore_the_rest();
  });
}

TEST(Xclient, decides_the_route) {
  SessionHarness s;
  upstream::Route by_name;
  by_name.conditions.server_names = {"*.b.example"};
  by_name.pool = SessionHarness::make_pool({SessionHarness::make_server("b")});
  upstream::Route rest;
  rest.pool = SessionHarness::make_pool({SessionHarness::make_server("rest")});
  s.routes = {by_name, rest};
  begin(s);
  s.client_says_and_gets("XCLIENT DESTNAME=pop.b.example\r\n", "+OK Updated\r\n");
  s.client("USER joe\r\nPASS x\r\n");
  EXPECT_EQ(s.connector.target().host, "b");
  s.ignore_the_rest();
}

TEST(Xclient, that_upstream_ignores_is_told_to_the_log) {
  SessionHarness s;
  s.server.xclient = true;
  s.start();
  s.expect_client_line("+OK");
  s.client_says_and_gets("USER joe\r\n", "+OK Send PASS\r\n");
  s.client("PASS secret\r\n");
  s.upstream_accepts();
  s.upstream("+OK [XCLIENT] ready\r\n");
  s.upstream("+OK You are not from trusted IP - ignoring\r\n");
  s.upstream("-ERR\r\n");
  EXPECT_NE(s.log.find("xclient_ignored").find("upstream=pop.example:110"), std::string::npos);
  s.ignore_the_rest();
}

TEST(Facts, of_the_proxy_protocol_count_as_tls) {
  for_each_run([](SessionHarness& s) {
    s.settings.client_tls_mode = ListenerTls::starttls;
    s.facts.secure = true;
    s.facts.tls_version = "TLSv1.2";
    s.facts.address.ip = IpAddress::parse("203.0.113.9").value();
    s.start();
    s.expect_client_line("+OK");
    s.client_says_and_gets("CAPA\r\n",
                           "+OK Capability list follows\r\nTOP\r\nUIDL\r\nPIPELINING\r\n"
                           "RESP-CODES\r\nUSER\r\nSASL PLAIN LOGIN\r\n.\r\n");
    quit(s);
    if (s.killed()) return;
    EXPECT_NE(s.log.find(" session ").find("tls=TLSv1.2"), std::string::npos);
    EXPECT_EQ(s.counters.tls_versions[session::TlsVersionLabel::none].get(), 0U);
  });
}

TEST(Facts, of_the_proxy_protocol_are_kept_when_the_proxy_speaks_tls_itself) {
  SessionHarness s;
  s.settings.client_tls_mode = ListenerTls::implicit;
  s.facts.secure = true;
  s.facts.tls_version = "TLSv1.2";
  s.facts.server_name = "pop.a.example";
  s.client_tls->facts.server_name = "inside.example";
  s.start();
  s.client_handshake();
  s.expect_client_line("+OK");
  quit(s);
  const std::string line = s.log.find(" session ");
  EXPECT_NE(line.find("tls=TLSv1.2 cipher=\"\" sni=pop.a.example"), std::string::npos) << line;
}

TEST(Facts, are_completed_by_tls) {
  for_each_run([](SessionHarness& s) {
    s.settings.client_tls_mode = ListenerTls::implicit;
    s.client_tls->facts.server_name = "pop.a.example";
    s.client_tls->facts.certificate = "CN=joe,O=Example";
    s.start();
    s.client_handshake();
    s.expect_client_line("+OK");
    quit(s);
    if (s.killed()) return;
    const std::string line = s.log.find(" session ");
    EXPECT_NE(line.find("tls=TLSv1.3 cipher=TLS_AES_128_GCM_SHA256 sni=pop.a.example "
                        "certificate=\"CN=joe,O=Example\""),
              std::string::npos)
        << line;
    EXPECT_NE(line.find(" via=\"\" "), std::string::npos) << line;
  });
}

TEST(Facts, choose_old_tls_for_old_devices) {
  for (const bool old : {true, false}) {
    SessionHarness s;
    const auto legacy = std::make_shared<FakeTlsLayer>();
    legacy->facts.version = "TLSv1";
    s.settings.client_tls_mode = ListenerTls::implicit;
    s.settings.legacy_tls = legacy;
    s.settings.legacy_tls_networks = {IpNetwork::parse("192.0.2.0/24").value()};
    s.facts.address.ip = IpAddress::parse(old ? "192.0.2.7" : "198.51.100.7").value();
    s.start();
    (old ? *legacy : *s.client_tls).establish();
    s.run();
    s.expect_client_line("+OK");
    EXPECT_EQ(s.counters.tls_legacy.get(), old ? 1U : 0U);
    EXPECT_EQ(s.counters.tls_versions[session::TlsVersionLabel::tls1_0].get(), old ? 1U : 0U);
    quit(s);
  }
}

}  // namespace
}  // namespace gatepost::testing
