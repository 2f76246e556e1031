// From the connection to the point where a login may begin.
#include "proxy/upstream/opening.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proxy/net/proxy_protocol.h"
#include "tests/unit/upstream/opening_harness.h"

namespace gatepost::testing {
namespace {

using upstream::Opening;
using upstream::Security;
using Health = upstream::ServerState::Health;

constexpr std::string_view kCapa = "+OK list\r\nUSER\r\nSASL PLAIN CRAM-MD5\r\n.\r\n";
constexpr std::string_view kOffer = "+OK [XCLIENT] Dovecot ready.\r\n";

/// The XCLIENT line that was sent, with its CRLF; what came behind it stays.
std::string take_xclient(OpeningHarness& o) {
  const std::string sent = o.peer->take_sent();
  const std::size_t end = sent.find("\r\n");
  EXPECT_TRUE(sent.starts_with("XCLIENT ")) << sent;
  EXPECT_NE(end, std::string::npos) << sent;
  if (end == std::string::npos) return sent;
  o.peer->put_back(sent.substr(end + 2));
  return sent.substr(0, end + 2);
}

TEST(Opening, waits_for_the_greeting_and_asks_for_capabilities) {
  for_each_opening([](OpeningHarness& o) {
    o.start();
    o.accept();
    o.expect_sent("");
    o.says("+OK pop.example ready <1896.697@pop.example>\r\n");
    o.expect_sent("CAPA\r\n");
    o.says(kCapa);
    o.expect_sent("");
    if (o.killed()) return;
    ASSERT_NE(o.opened(), nullptr);
    EXPECT_TRUE(o.opened()->capabilities->has_sasl("CRAM-MD5"));
    EXPECT_EQ(o.opened()->timestamp, "<1896.697@pop.example>");
    EXPECT_EQ(o.opened()->warning, "");
    EXPECT_EQ(o.opened()->codec.owed(), 0U);
    EXPECT_FALSE(o.peer->closed().has_value());
    EXPECT_EQ(o.server.state->health(), Health::up);
    ASSERT_NE(o.server.state->capabilities(), nullptr);
    EXPECT_TRUE(o.server.state->capabilities()->has("USER"));
  });
}

TEST(Opening, takes_a_server_without_capa_as_it_is) {
  for_each_opening([](OpeningHarness& o) {
    o.start();
    o.accept();
    o.says("+OK\r\n");
    o.expect_sent("CAPA\r\n");
    o.says("-ERR unknown command\r\n");
    if (o.killed()) return;
    ASSERT_NE(o.opened(), nullptr);
    EXPECT_TRUE(o.opened()->capabilities->empty());
    EXPECT_EQ(o.opened()->timestamp, "");
    ASSERT_NE(o.server.state->capabilities(), nullptr);
    EXPECT_TRUE(o.server.state->capabilities()->empty());
  });
}

TEST(Opening, speaks_tls_from_the_first_byte_where_told) {
  for_each_opening([](OpeningHarness& o) {
    o.server.security = Security::implicit;
    o.start();
    o.accept();
    o.expect_sent("");
    o.handshake();
    o.says("+OK\r\n");
    o.expect_sent("CAPA\r\n");
    o.says(kCapa);
    if (o.killed()) return;
    ASSERT_NE(o.opened(), nullptr);
    EXPECT_NE(o.opened()->transport->tls(), nullptr);
  });
}

TEST(Opening, asks_for_capabilities_only_behind_stls) {
  for_each_opening([](OpeningHarness& o) {
    o.server.security = Security::stls;
    o.start();
    o.accept();
    o.says("+OK ready <1@pop.example>\r\n");
    o.expect_sent("STLS\r\n");
    o.says("+OK begin\r\n");
    o.expect_sent("");
    o.handshake();
    o.expect_sent("CAPA\r\n");
    o.says(kCapa);
    if (o.killed()) return;
    ASSERT_NE(o.opened(), nullptr);
    EXPECT_NE(o.opened()->transport->tls(), nullptr);
    EXPECT_EQ(o.opened()->timestamp, "<1@pop.example>");
  });
}

TEST(Opening, sends_the_proxy_header_ahead_of_everything) {
  for (const auto version : {config::ProxyProtocol::v1, config::ProxyProtocol::v2}) {
    for (const Security security : {Security::none, Security::stls, Security::implicit}) {
      for_each_opening([&](OpeningHarness& o) {
        o.server.proxy_protocol = version;
        o.server.security = security;
        const std::string header = version == config::ProxyProtocol::v1
                                       ? net::proxy_header_v1(some_client())
                                       : net::proxy_header_v2(some_client());
        o.start();
        o.accept();
        o.expect_sent(header);
        if (security == Security::implicit) o.handshake();
        o.says("+OK\r\n");
        if (security == Security::stls) {
          o.expect_sent("STLS\r\n");
          o.says("+OK\r\n");
          o.handshake();
        }
        o.expect_sent("CAPA\r\n");
        o.says(kCapa);
        if (o.killed()) return;
        EXPECT_NE(o.opened(), nullptr);
      });
    }
  }
}

TEST(Opening, speaks_of_no_client_in_its_own_proxy_header) {
  for (const auto version : {config::ProxyProtocol::v1, config::ProxyProtocol::v2}) {
    OpeningHarness o;
    o.server.proxy_protocol = version;
    o.client.reset();
    o.start();
    o.accept();
    const std::string header = o.peer->take_sent();
    if (version == config::ProxyProtocol::v1) {
      EXPECT_TRUE(header.starts_with("PROXY UNKNOWN")) << header;
    } else {
      ASSERT_GE(header.size(), 16U);
      EXPECT_EQ(header.find("203"), std::string::npos);
    }
    ByteChain bytes(o.pool, header);
    net::ProxyHeaderReader reader;
    EXPECT_EQ(reader.next(bytes), net::ProxyHeaderReader::Outcome::header);
    net::ClientFacts facts = some_client();
    reader.apply(facts);
    EXPECT_EQ(facts.address.to_string(), "203.0.113.9:5555");  // left as it was
    EXPECT_TRUE(bytes.empty());
  }
}

TEST(Opening, introduces_the_client_together_with_capa) {
  for_each_opening([](OpeningHarness& o) {
    o.server.xclient = true;
    o.start();
    o.accept();
    o.says(kOffer);
    if (!o.killed()) {
      const std::string line = take_xclient(o);
      for (const char* part : {" ADDR=203.0.113.9", " PORT=5555", " TTL=6"}) {
        EXPECT_NE(line.find(part), std::string::npos) << line;
      }
    }
    o.expect_sent("CAPA\r\n");
    o.says("+OK Updated\r\n");
    o.says(kCapa);
    if (o.killed()) return;
    ASSERT_NE(o.opened(), nullptr);
    EXPECT_EQ(o.opened()->warning, "");
  });
}

TEST(Opening, introduces_the_client_inside_tls) {
  for_each_opening([](OpeningHarness& o) {
    o.server.xclient = true;
    o.server.security = Security::stls;
    o.start();
    o.accept();
    o.says(kOffer);
    o.expect_sent("STLS\r\n");
    o.says("+OK\r\n");
    o.handshake();
    if (!o.killed()) static_cast<void>(take_xclient(o));
    o.expect_sent("CAPA\r\n");
    o.says("+OK\r\n" + std::string(kCapa));  // both were asked for
    if (o.killed()) return;
    EXPECT_NE(o.opened(), nullptr);
  });
}

TEST(Opening, introduces_nobody_where_that_is_not_wanted) {
  for (const std::string why : {"not offered", "not configured", "no client"}) {
    OpeningHarness o;
    o.server.xclient = why != "not configured";
    if (why == "no client") o.client.reset();
    o.start();
    o.accept();
    o.says(why == "not offered" ? "+OK Dovecot ready.\r\n" : kOffer);
    o.expect_sent("CAPA\r\n");
    o.says(kCapa);
    EXPECT_NE(o.opened(), nullptr) << why;
  }
}

TEST(Opening, warns_of_a_server_that_does_not_trust_us) {
  for_each_opening([](OpeningHarness& o) {
    o.server.xclient = true;
    o.start();
    o.accept();
    o.says(kOffer);
    if (!o.killed()) static_cast<void>(take_xclient(o));
    o.says("+OK You are not from trusted IP - ignoring\r\n");
    o.says(kCapa);
    if (o.killed()) return;
    ASSERT_NE(o.opened(), nullptr);
    EXPECT_NE(o.opened()->warning.find("not from trusted IP"), std::string::npos);
  });
}

TEST(Opening, needs_a_server_to_accept_xclient) {
  for_each_opening([](OpeningHarness& o) {
    o.server.xclient = true;
    o.start();
    o.accept();
    o.says(kOffer);
    if (!o.killed()) static_cast<void>(o.peer->take_sent());
    o.says("-ERR Invalid parameters\r\n");
    o.expect_failed(ErrorCode::refused, "upstream refused XCLIENT: -ERR Invalid parameters");
  });
}

TEST(Opening, ends_a_loop) {
  for (const int hops : {0, 1, 2}) {
    OpeningHarness o;
    o.server.xclient = true;
    o.client->hops = static_cast<std::uint8_t>(hops);
    o.start();
    o.accept();
    o.says(kOffer);
    o.expect_sent("");
    o.expect_failed(ErrorCode::limit, "loop");
    EXPECT_EQ(o.server.state->health(), Health::unknown);
  }
  OpeningHarness o;
  o.server.xclient = true;
  o.client->hops = 3;
  o.start();
  o.accept();
  o.says(kOffer);
  EXPECT_NE(take_xclient(o).find(" TTL=2"), std::string::npos);
}

TEST(Opening, fails_with_the_connection) {
  for (const ErrorCode code :
       {ErrorCode::refused, ErrorCode::network, ErrorCode::timeout, ErrorCode::system}) {
    OpeningHarness o;
    o.server.state->set_rules({.fall = 1});
    o.start();
    EXPECT_EQ(o.connector.target(), o.server.address);
    EXPECT_EQ(o.connector.limit(), o.timeouts.upstream_connect);
    o.refuse(code);
    o.expect_failed(code, "connect: the test refused");
    // Running out of descriptors is not the server's fault.
    EXPECT_EQ(o.server.state->health(), code == ErrorCode::system ? Health::unknown : Health::down);
  }
}

/// An opening with everything in it, up to one of its steps.
const std::vector<std::string> kSteps = {std::string(kOffer), "+OK begin\r\n", "+OK Updated\r\n",
                                         "+OK\r\nUSER\r\n.\r\n"};

void go_to_step(OpeningHarness& o, std::size_t step) {
  o.server.xclient = true;
  o.server.security = Security::stls;
  o.server.state->set_rules({.fall = 1});
  o.start();
  o.accept();
  for (std::size_t i = 0; i < step; ++i) {
    o.says(kSteps[i]);
    if (i == 1) o.handshake();
  }
  if (!o.killed()) static_cast<void>(o.peer->take_sent());
}

TEST(Opening, gives_up_on_nonsense_at_any_step) {
  using namespace std::string_literals;
  for (const std::string& nonsense :
       {"220 smtp.example ESMTP\r\n"s, "* OK IMAP4rev1\r\n"s, "+OKAY\r\n"s, "+OK\n"s, "\r\n"s,
        "+ \r\n"s, "+OK nul \0 inside\r\n"s, "+OK cr \r inside\r\n"s}) {
    for (std::size_t step = 0; step < kSteps.size(); ++step) {
      OpeningHarness o;
      go_to_step(o, step);
      o.says(nonsense);
      o.expect_failed(ErrorCode::protocol, "protocol: ");
      // From XCLIENT on it may be the client that the server minds.
      EXPECT_EQ(o.server.state->health(), step < 2 ? Health::down : Health::unknown);
      EXPECT_EQ(o.server.state->capabilities(), nullptr);
    }
  }
}

TEST(Opening, gives_up_on_a_server_that_leaves_at_any_step) {
  for (const ErrorCode code : {ErrorCode::closed, ErrorCode::truncated, ErrorCode::network}) {
    for (std::size_t step = 0; step < kSteps.size(); ++step) {
      for_each_opening([&](OpeningHarness& o) {
        go_to_step(o, step);
        o.says("+O");
        o.ends(code);
        o.expect_failed(code, to_string(code));
      });
    }
  }
}

TEST(Opening, does_not_trust_a_server_that_is_ahead_at_any_step) {
  for (std::size_t step = 0; step < kSteps.size(); ++step) {
    if (step == 2) continue;  // CAPA was asked for already
    OpeningHarness o;
    go_to_step(o, step);
    o.says(kSteps[step] + "+OK\r\n");
    o.expect_failed(ErrorCode::protocol, "");
    o.expect_sent("");
  }
}

TEST(Opening, does_not_trust_a_server_that_begins_a_reply_too_early) {
  // The beginning of a line has been read when the command that it is to answer is not even sent.
  for (const std::size_t step : {0U, 1U, 3U}) {
    OpeningHarness o;
    go_to_step(o, step);
    o.says(kSteps[step] + "+");
    o.expect_failed(ErrorCode::protocol, "");
  }
}

TEST(Opening, needs_stls_where_told) {
  for_each_opening([](OpeningHarness& o) {
    o.server.security = Security::stls;
    o.start();
    o.accept();
    o.says("+OK\r\n");
    o.expect_sent("STLS\r\n");
    o.says("-ERR no TLS here\r\n");
    o.expect_sent("");
    o.expect_failed(ErrorCode::refused, "upstream refuses STLS: -ERR no TLS here");
  });
}

TEST(Opening, fails_with_the_handshake) {
  for (const Security security : {Security::stls, Security::implicit}) {
    OpeningHarness o;
    o.server.security = security;
    o.start();
    o.accept();
    if (security == Security::stls) o.says("+OK\r\n");
    if (security == Security::stls) o.says("+OK\r\n");
    o.tls->fail();
    o.opening.reset();
    o.expect_failed(ErrorCode::tls, "the test failed the handshake");
  }
}

TEST(Opening, does_not_take_a_greeting_in_clear_for_one_inside_tls) {
  OpeningHarness o;
  o.server.security = Security::implicit;
  o.start();
  ASSERT_EQ(o.connector.pending(), 1U);
  o.accept();
  o.says("+OK too early\r\n");
  o.expect_sent("");
  EXPECT_FALSE(o.result.has_value());
}

TEST(Opening, reports_a_greeting_that_refuses) {
  for_each_opening([](OpeningHarness& o) {
    o.start();
    o.accept();
    o.says("-ERR [SYS/TEMP] too many connections\r\n");
    o.expect_sent("");
    o.expect_failed(ErrorCode::refused, "greeting: -ERR [SYS/TEMP] too many connections");
  });
}

TEST(Opening, does_not_blame_a_server_that_turns_one_client_away) {
  for (const bool own : {false, true}) {
    for (const bool told : {false, true}) {
      OpeningHarness o;
      o.server.state->set_rules({.fall = 1});
      if (told) o.server.proxy_protocol = config::ProxyProtocol::v1;
      if (own) o.client.reset();
      o.start();
      o.accept();
      o.says("-ERR you again\r\n");
      o.expect_failed(ErrorCode::refused, "you again");
      EXPECT_EQ(o.server.state->health(), told && !own ? Health::unknown : Health::down);
    }
  }
  OpeningHarness o;
  o.server.state->set_rules({.fall = 1});
  o.server.proxy_protocol = config::ProxyProtocol::v1;
  o.start();
  o.accept();
  o.advance(o.timeouts.upstream_greeting);
  o.expect_failed(ErrorCode::timeout, "greeting");
  EXPECT_EQ(o.server.state->health(), Health::down) << "silence is no answer to anybody";
}

TEST(Opening, has_a_deadline_for_every_step) {
  const config::Timeouts timeouts;
  const std::vector<Duration> deadlines = {timeouts.upstream_greeting, timeouts.upstream_login,
                                           timeouts.upstream_login, timeouts.upstream_login};
  const std::vector<std::string> names = {"greeting", "STLS", "XCLIENT", "CAPA"};
  for (std::size_t step = 0; step < kSteps.size(); ++step) {
    OpeningHarness o;
    go_to_step(o, step);
    o.says("+O");  // a beginning buys no time
    o.advance(deadlines[step] - Duration(1));
    EXPECT_FALSE(o.result.has_value()) << names[step];
    o.advance(Duration(1));
    o.expect_failed(ErrorCode::timeout, names[step] + ": no answer in time");
  }
}

TEST(Opening, has_a_deadline_for_the_handshake) {
  for (const Security security : {Security::stls, Security::implicit}) {
    OpeningHarness o;
    o.server.security = security;
    o.start();
    o.timers.advance(Duration(4'000));
    o.accept();
    if (security == Security::stls) o.says("+OK\r\n");
    if (security == Security::stls) o.says("+OK\r\n");
    // Implicit TLS is part of the connection and its time.
    const Duration left = security == Security::implicit
                              ? o.timeouts.upstream_connect - Duration(4'000)
                              : o.timeouts.upstream_connect;
    o.advance(left - Duration(1));
    EXPECT_FALSE(o.result.has_value());
    o.advance(Duration(1));
    o.expect_failed(ErrorCode::timeout, "TLS: no answer in time");
  }
}

TEST(Opening, measures_the_time_to_connect) {
  OpeningHarness o;
  o.server.security = Security::implicit;
  o.start();
  o.timers.advance(Duration(300));
  o.accept();
  o.timers.advance(Duration(200));
  o.handshake();
  o.timers.advance(Duration(5'000));
  o.says("+OK\r\n");
  o.says(kCapa);
  ASSERT_NE(o.opened(), nullptr);
  EXPECT_EQ(o.opened()->connect_time, Duration(500));
}

TEST(Opening, does_not_read_endless_lines_or_capabilities) {
  for (const bool line : {true, false}) {
    OpeningHarness o;
    o.start();
    o.accept();
    if (!line) o.says("+OK\r\n");
    o.says("+OK ");
    if (!line) o.says("\r\n");
    const std::string piece = line ? std::string(1'000, 'x') : std::string(998, 'x') + "\r\n";
    std::size_t pieces = 0;
    while (!o.result && pieces++ < 100) o.says(piece);
    o.expect_failed(ErrorCode::protocol, line ? "status line too long" : "endless CAPA reply");
    EXPECT_LE(pieces, line ? 5U : 1 + Opening::kMaxCapaBody / 1'000);
  }
}

TEST(Opening, takes_capabilities_up_to_the_limit) {
  OpeningHarness o;
  o.start();
  o.accept();
  o.says("+OK\r\n");
  std::string body;
  while (body.size() < Opening::kMaxCapaBody) body += std::string(62, 'x') + "\r\n";
  ASSERT_EQ(body.size(), Opening::kMaxCapaBody);
  o.says("+OK\r\n" + body + ".\r\n");
  EXPECT_NE(o.opened(), nullptr);
}

TEST(Opening, may_be_cancelled_while_connecting) {
  OpeningHarness o;
  o.start();
  o.opening->cancel();
  EXPECT_TRUE(o.opening->finished());
  EXPECT_EQ(o.connector.pending(), 0U);
  EXPECT_EQ(o.connector.cancelled(), 1U);
  EXPECT_EQ(o.told, 0);
  EXPECT_EQ(o.server.state->health(), Health::unknown);
}

}  // namespace
}  // namespace gatepost::testing
