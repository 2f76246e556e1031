#include "proxy/trace/replay.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "proxy/pop3/sasl.h"
#include "tests/support/model_server.h"
#include "tests/support/session_harness.h"
#include "tests/unit/trace/traced.h"

namespace gatepost::trace {
namespace {

using testing::Chopping;
using testing::RunMode;
using testing::SessionHarness;

/// Traces a session in chunks of every kind, and plays what came of it.
void for_each_trace(const std::function<void(SessionHarness&)>& prepare,
                    const std::function<void(SessionHarness&)>& talk,
                    const std::function<void(const std::string&, const Played&)>& check = {}) {
  const auto run = [&](RunMode mode, bool full) {
    SessionHarness harness(std::move(mode));
    harness.ignore_the_rest();
    prepare(harness);
    Order order;
    order.options.full = full;
    Traced traced(harness, std::move(order));
    harness.start();
    static_cast<void>(harness.at_client().take_sent());
    talk(harness);
    const std::string text = traced.text();
    EXPECT_FALSE(text.contains("secret")) << text;
    const Played played = expect_same(text);
    if (check && !full) check(text, played);
  };
  run({}, false);
  run({}, true);
  run({.chopping = Chopping(Chopping::Kind::bytes)}, false);
  run({.chopping = Chopping(Chopping::Kind::random, 1)}, false);
}

void nothing_special(SessionHarness& /*harness*/) {}

TEST(Replay, GoesAsASessionWent) {
  for_each_trace(
      nothing_special,
      [](SessionHarness& s) {
        s.log_in();
        s.client("STAT\r\n");
        s.upstream("+OK 3 1200\r\n");
        s.client("RETR 1\r\n");
        s.upstream("+OK 30 octets\r\nSubject: private matters\r\n\r\nHello 17\r\n..\r\n.\r\n");
        s.client("FOO bar\r\nQUIT\r\n");
        s.upstream("+OK bye\r\n");
        s.client_ends();
      },
      [](const std::string& text, const Played& played) {
        EXPECT_FALSE(text.contains("private"));
        EXPECT_FALSE(text.contains("joe"));
        EXPECT_TRUE(played.notes.empty());
        EXPECT_EQ(played.deeds.over, "quit");
      });
}

TEST(Replay, KnowsTls) {
  for_each_trace(
      [](SessionHarness& s) {
        s.settings.client_tls_mode = config::ListenerTls::starttls;
        s.server.security = upstream::Security::stls;
      },
      [](SessionHarness& s) {
        s.client("CAPA\r\n");
        s.client("USER joe\r\n");
        s.client("STLS\r\n");
        s.client_handshake();
        s.client("USER joe\r\n");
        s.client("PASS secret word\r\n");
        s.upstream_accepts();
        s.upstream("+OK ready\r\n");
        s.upstream("+OK begin\r\n");
        s.upstream_handshake();
        s.upstream("+OK\r\nUSER\r\nSASL PLAIN\r\n.\r\n");
        s.upstream("+OK joe has 3 messages\r\n");
        s.client("QUIT\r\n");
        s.upstream("+OK\r\n");
      });
}

TEST(Replay, KnowsImplicitTls) {
  for_each_trace(
      [](SessionHarness& s) {
        s.settings.client_tls_mode = config::ListenerTls::implicit;
        s.server.security = upstream::Security::implicit;
      },
      [](SessionHarness& s) {
        s.client_handshake();
        s.client("AUTH PLAIN " + pop3::base64_encode(std::string("\0joe\0secret", 11)) + "\r\n");
        s.upstream_accepts();
        s.upstream_handshake();
        s.upstream("+OK ready\r\n");
        s.upstream("-ERR what?\r\n");
        s.upstream("+OK\r\n");
        s.upstream("-ERR [AUTH] secret is wrong, joe\r\n");
        s.client("QUIT\r\n");
        s.client_ends();
      });
}

TEST(Replay, KnowsDialogsThatAreRelayed) {
  for_each_trace(nothing_special, [](SessionHarness& s) {
    s.client("AUTH CRAM-MD5\r\n");
    s.upstream_accepts();
    s.upstream("+OK ready\r\n");
    s.upstream("+OK\r\nSASL CRAM-MD5\r\n.\r\n");
    s.upstream("+ PDE5MC4yQGhvc3Q+\r\n");
    s.client(pop3::base64_encode("joe 0123456789abcdef0123456789abcdef") + "\r\n");
    s.upstream("+OK welcome\r\n");
    s.client("NOOP\r\n");
    s.upstream("+OK\r\n");
  });
}

TEST(Replay, KnowsApop) {
  for_each_trace([](SessionHarness& s) { s.settings.apop = true; },
                 [](SessionHarness& s) {
                   s.upstream_accepts();
                   s.upstream("+OK ready <1896.697@dbc.mtview.example>\r\n");
                   s.upstream("+OK\r\nUSER\r\n.\r\n");
                   s.client("APOP joe c4c9334bac560ecc979e58001b3e22fb\r\n");
                   s.upstream("+OK\r\n");
                   s.client("QUIT\r\n");
                   s.upstream("+OK\r\n");
                 });
}

TEST(Replay, KnowsFormsOfNames) {
  for_each_trace(
      [](SessionHarness& s) {
        upstream::Route& route = s.routes.emplace_back();
        route.conditions.name = "home";
        route.conditions.domains = {"example.org"};
        route.conditions.user = "{local}%{domain}.intern";
        route.conditions.lower_case = true;
        route.form = upstream::UserForm("{local}%{domain}.intern", true, "");
        route.pool = SessionHarness::make_pool({SessionHarness::make_server("pop.example")});
      },
      [](SessionHarness& s) {
        s.client("USER joe\r\nPASS secret\r\n");
        s.client("USER Joe.Bloggs@Example.org\r\nPASS secret\r\n");
        s.upstream_accepts();
        s.upstream("+OK ready\r\n");
        s.upstream("-ERR\r\n");
        s.upstream("+OK\r\n");
        s.upstream("+OK\r\n");
        s.client("QUIT\r\n");
        s.upstream("+OK\r\n");
      });
}

TEST(Replay, KnowsServersThatFail) {
  for_each_trace(
      [](SessionHarness& s) {
        s.more_servers.push_back(SessionHarness::make_server("two.example"));
      },
      [](SessionHarness& s) {
        s.client("USER joe\r\nPASS secret\r\n");
        s.upstream_refuses(ErrorCode::refused);
        s.upstream_accepts();
        s.upstream("+OK ready\r\n");
        s.upstream("+OK\r\nUSER\r\n.\r\n");
        s.upstream("+OK\r\n");
        s.upstream("-ERR [SYS/TEMP] later\r\n");
        s.advance(Duration(120'000));
      });
}

TEST(Replay, KnowsWhatUpstreamAnnouncedBefore) {
  for_each_trace(nothing_special, [](SessionHarness& s) {
    SessionHarness::teach(s.server, "USER\r\nPIPELINING\r\n");
    s.client("CAPA\r\n");
    static_cast<void>(s.at_client().take_sent());
    s.log_in("USER\r\nPIPELINING\r\nUIDL\r\n");
    s.client("UIDL\r\nLIST\r\nNOOP\r\n");
    s.upstream("+OK\r\n1 joe-1\r\n.\r\n+OK\r\n1 10\r\n.\r\n+OK\r\n");
    s.client_ends();
  });
}

TEST(Replay, KnowsTimeAndLostServers) {
  for_each_trace(nothing_special, [](SessionHarness& s) {
    s.log_in();
    s.client("RETR 1\r\n");
    s.upstream("+OK\r\nhalf a mess");
    s.upstream_ends(ErrorCode::network);
  });
  for_each_trace(nothing_special, [](SessionHarness& s) {
    s.log_in();
    s.advance(s.settings.timeouts.inactivity + Duration(10));
  });
  for_each_trace(nothing_special, [](SessionHarness& s) {
    s.client("USER joe\r\n");
    s.advance(s.settings.timeouts.login);
    s.client_ends();
  });
}

TEST(Replay, KnowsTheEndOfTheGateway) {
  for_each_trace(nothing_special, [](SessionHarness& s) {
    s.client("CAPA\r\n");
    s.session()->drain();
    s.run();
    s.client_ends();
  });
  for_each_trace(nothing_special, [](SessionHarness& s) {
    s.log_in();
    s.session()->cut(session::EndReason::drained);
    s.run();
  });
}

TEST(Replay, SaysWhatItDoesNotCompare) {
  for_each_trace([](SessionHarness& s) { s.use_chain(); },
                 [](SessionHarness& s) {
                   s.log_in();
                   s.client("RETR 1\r\n");
                   s.upstream("+OK\r\nSubject: x\r\n\r\nbad\r\n.\r\n");
                   s.scanner_says(filters::Verdict::of(filters::Cause::infected, "Eicar"));
                   s.client("STAT\r\n");
                   s.upstream("+OK 1 5\r\n");
                   s.client("QUIT\r\n");
                   s.upstream("+OK\r\n");
                   s.client_ends();
                 },
                 [](const std::string& /*text*/, const Played& played) {
                   ASSERT_EQ(played.notes.size(), 1U);
                   EXPECT_TRUE(played.notes.front().contains("chain"));
                 });
}

/// Clients that say anything in any order, a mailbox behind.
TEST(Replay, GoesAsRandomSessionsWent) {
  constexpr std::size_t kSessions = 40;
  const std::vector<std::string> commands = {
      "STAT\r\n",       "LIST\r\n",        "LIST 1\r\n", "UIDL\r\n",
      "UIDL 9\r\n",     "RETR 1\r\n",      "RETR 2\r\n", "TOP 2 1\r\n",
      "DELE 1\r\n",     "NOOP\r\n",        "RSET\r\n",   "CAPA\r\n",
      "USER again\r\n", "PASS secret\r\n", "what\r\n",   "RETR x\r\n",
      "AUTH PLAIN\r\n", "LANG\r\n",        "\r\n",       "XTND\r\n"};
  for (std::size_t i = 0; i < kSessions; ++i) {
    const ::testing::ScopedTrace where(__FILE__, __LINE__, testing::Random::name());
    testing::Random random(i);
    SessionHarness harness({.chopping = Chopping(Chopping::Kind::random, i)});
    harness.ignore_the_rest();
    Traced traced(harness);
    testing::ModelServer model;
    for (const char* const uidl : {"aa", "bb", "cc"}) {
      model.messages.push_back(std::make_shared<testing::ModelServer::Message>(
          uidl, "From: a@b\r\n\r\n" + std::string(random.between(0, 3000), 'z') + "\r\n"));
    }
    testing::ModelServer::Connection server(model);
    const auto serve = [&] {
      while (harness.at_upstream() != nullptr && !harness.at_upstream()->sent().empty()) {
        const auto replies = server.receive(harness.at_upstream()->take_sent());
        if (!replies) return;
        harness.upstream(*replies);
      }
    };
    harness.start();
    for (std::size_t j = random.between(0, 2); j > 0; --j) {
      harness.client(commands[random.between(0, commands.size() - 1)]);
    }
    harness.client("USER joe\r\nPASS secret\r\n");
    if (harness.connector.pending() > 0) {
      harness.upstream_accepts();
      harness.upstream("+OK ready\r\n");
      serve();
    }
    for (std::size_t j = random.between(0, 12); j > 0; --j) {
      std::string text;
      for (std::size_t k = random.between(1, 4); k > 0; --k) {
        text += commands[random.between(0, commands.size() - 1)];
      }
      if (harness.ended()) break;
      harness.client(text);
      serve();
      if (random.between(0, 9) == 0) harness.advance(Duration(random.between(1, 5'000)));
    }
    if (!harness.ended() && random.between(0, 1) == 0) {
      harness.client("QUIT\r\n");
      serve();
    }
    if (!harness.ended()) harness.client_ends();
    const std::string text = traced.text();
    EXPECT_FALSE(text.contains("secret"));
    expect_same(text);
    if (HasFailure()) return;
  }
}

TEST(Replay, FindsWhereASessionGoesAnotherWay) {
  SessionHarness harness;
  harness.ignore_the_rest();
  Traced traced(harness);
  harness.start();
  harness.expect_client_line("+OK");
  harness.log_in();
  harness.client("STAT\r\n");
  harness.upstream("+OK 3 1200\r\n");
  harness.client("QUIT\r\n");
  harness.upstream("+OK bye\r\n");
  harness.client_ends();
  std::string text = traced.text();
  // As if an older version had passed on something else.
  const std::size_t at = text.rfind("+OK 3 1200");
  ASSERT_NE(at, std::string::npos);
  text.replace(at, 10, "+OK 3 1201");
  const auto file = parse_trace(text);
  ASSERT_TRUE(file);
  const Played played = replay(file->sessions.front());
  ASSERT_TRUE(played.difference);
  EXPECT_EQ(played.difference->leg, net::Tap::kClient);
  EXPECT_EQ(played.difference->expected, "+OK 3 1201\r\n");
  EXPECT_EQ(played.difference->got, "+OK 3 1200\r\n");
  const std::string shown = transcript(file->sessions.front(), &*played.difference);
  EXPECT_TRUE(shown.contains("C: STAT\n")) << shown;
  EXPECT_TRUE(shown.contains("!!   here:         +OK 3 1200\n")) << shown;
}

}  // namespace
}  // namespace gatepost::trace
