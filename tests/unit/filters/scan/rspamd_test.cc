#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "filters/scan/rspamd_reply.h"
#include "tests/unit/filters/scan/http_scanner_fixture.h"

namespace gatepost::filters {
namespace {

const std::string kMessage = "Subject: x\r\n\r\ntext\r\n";
const std::string kClean = R"({"action": "no action", "score": 1.5, "required_score": 15})";
const std::string kReject = R"({"action": "reject", "score": 20, "required_score": 15})";

std::string response(const std::string& body, const std::string& more = "") {
  return "HTTP/1.1 200 OK\r\nServer: rspamd/3.4\r\n" + more +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

struct RspamdTest : test::HttpScannerFixture {
  RspamdTest() : HttpScannerFixture(make_rspamd) {}

  /// What comes of this answer to a whole message.
  Verdict answer(const std::string& text) {
    renew();
    begin(kMessage);
    accept();
    run();
    peer->deliver(text);
    peer->end();
    run();
    EXPECT_TRUE(verdict) << text;
    return verdict.value_or(Verdict());
  }
  /// The header of the request for this message.
  std::string head_for(const std::string& text, const std::string& user = "joe@example.org") {
    renew();
    MessageFacts facts;
    facts.user = user;
    facts.client = "127.0.0.1";
    begin(text, facts);
    accept();
    run();
    const std::string sent = peer->take_sent();
    return sent.substr(0, sent.find("\r\n\r\n") + 2);
  }
};

TEST_F(RspamdTest, posts_the_message) {
  MessageFacts facts;
  facts.user = "joe@example.org";
  facts.client = "192.0.2.1";
  facts.session = "ab12";
  const std::string text = "Return-Path: <a@example.net>\r\n" + kMessage;
  begin(text, facts);
  accept();
  run();
  EXPECT_EQ(peer->take_sent(),
            "POST /checkv2 HTTP/1.1\r\nHost: scanner.example:1234\r\nUser-Agent: Gatepost\r\n"
            "Connection: keep-alive\r\nFrom: a@example.net\r\nRcpt: joe@example.org\r\n"
            "Deliver-To: joe@example.org\r\nQueue-Id: ab12\r\nContent-Type: message/rfc822\r\n"
            "Content-Length: 50\r\n\r\n" +
                text);
  deliver(response(kClean));
  EXPECT_EQ(cause(), Cause::clean);
  EXPECT_EQ(verdict->score, 1.5);
}

TEST_F(RspamdTest, says_where_the_message_came_from) {
  const std::string head = head_for(
      "Return-Path: <>\r\n"
      "Received: from mx.example.org (mx.example.org [10.0.0.5])\r\n\tby store; date\r\n"
      "Received: from sender.example (host.example [8.8.8.8]) by mx; date\r\n"
      "Received: from evil (evil [9.9.9.9]) by sender; date\r\n\r\ntext\r\n");
  EXPECT_TRUE(head.contains("\r\nFrom: <>\r\n"));
  EXPECT_TRUE(head.contains("\r\nIP: 8.8.8.8\r\nHelo: sender.example\r\n"));
  EXPECT_FALSE(head.contains("User:"));
}

TEST_F(RspamdTest, says_a_recipient_only_if_it_is_an_address) {
  const std::string head = head_for(kMessage, "joe");
  EXPECT_TRUE(head.contains("\r\nDeliver-To: joe\r\n"));
  EXPECT_FALSE(head.contains("Rcpt"));
}

TEST_F(RspamdTest, lets_nothing_into_its_request_that_ends_a_line) {
  for (const std::string& user :
       std::vector<std::string>{"a\r\nUser: b", "a b", "", std::string(400, 'a')}) {
    EXPECT_FALSE(head_for(kMessage, user).contains("Rcpt")) << user;
  }
  EXPECT_FALSE(head_for("Return-Path: <a@b\x01>\r\n\r\n").contains("From"));
  EXPECT_FALSE(head_for("Return-Path: <a b>\r\n\r\n").contains("From"));
  EXPECT_FALSE(head_for("Return-Path:\r\n <a@b\r\n >\r\n\r\n").contains("From"));
}

TEST_F(RspamdTest, knows_what_an_action_means) {
  for (const std::string action : {"no action", "greylist", "soft reject"}) {
    EXPECT_EQ(answer(response(R"({"action": ")" + action + R"(", "score": 1})")).cause,
              Cause::clean);
  }
  for (const std::string action : {"reject", "add header", "rewrite subject", "quarantine"}) {
    const Verdict said =
        answer(response(R"({"score": 20, "action": ")" + action + R"(", "required_score": 15})"));
    EXPECT_EQ(said.cause, Cause::spam);
    EXPECT_EQ(said.detail, action + " 20.00/15.00");
  }
}

TEST_F(RspamdTest, calls_clean_nothing_else) {
  for (const std::string& body : std::vector<std::string>{
           "", "OK", "{", "[]", "null", R"({"action": "no action"})", R"({"score": 1})",
           R"({"action": "No Action", "score": 1})", R"({"action": "no action", "score": "1"})",
           R"({"action": ["no action"], "score": 1})", R"({"action": "OK", "score": 1})",
           R"({"action": "reject", "action": "no action", "score": 1})",
           R"({"action": "no action", "score": 1}})", R"({"action": "no action", "score": 1e999})",
           R"({"x": {"action": "no action", "score": 1}})",
           R"({"action": "no action", "score": 1, "x": )" + std::string(100, '[') +
               std::string(100, ']') + "}"}) {
    EXPECT_EQ(answer(response(body)).cause, Cause::not_understood) << body;
  }
  for (const std::string& text : std::vector<std::string>{
           "OK", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n" + kClean, response(kClean) + "x",
           "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "spam: False\r\n\r\n"}) {
    const Cause cause = answer(text).cause;
    EXPECT_TRUE(cause == Cause::not_understood || cause == Cause::unreachable) << text;
  }
  EXPECT_EQ(answer("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").cause, Cause::unreachable);
}

TEST_F(RspamdTest, says_when_the_settings_of_rspamd_skip_a_message) {
  const Verdict said =
      answer(response(R"({"action": "no action", "score": 0, "is_skipped": true})"));
  EXPECT_EQ(said.cause, Cause::clean);
  EXPECT_FALSE(said.detail.empty());
}

TEST_F(RspamdTest, hears_an_answer_that_ends_with_the_connection) {
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\n\r\n" + kClean).cause, Cause::clean);
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\n\r\n" + kClean.substr(0, 20)).cause, Cause::not_understood);
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3b\r\n" + kClean +
                   "\r\n0\r\n\r\n")
                .cause,
            Cause::clean);
}

TEST_F(RspamdTest, no_answer_is_never_clean) {
  begin(kMessage);
  connector.fail(ErrorCode::refused);
  run();
  EXPECT_EQ(cause(), Cause::unreachable);
  const std::string whole = response(kClean);
  for (std::size_t n = 0; n < whole.size(); ++n) {
    EXPECT_EQ(answer(whole.substr(0, n)).cause, Cause::unreachable) << n;
  }
  begin(kMessage);
  accept();
  run();
  peer->break_now();
  run();
  EXPECT_EQ(cause(), Cause::unreachable);
}

TEST_F(RspamdTest, does_not_believe_a_verdict_ahead_of_the_message) {
  for (const auto& [body, expected] :
       {std::pair(kClean, Cause::not_understood), std::pair(kReject, Cause::spam)}) {
    renew();
    begin(std::string(1 << 20, 'x'));
    accept({.accept_per_turn = 1'000});
    while (background.turn()) {
    }
    peer->turn();
    deliver(response(body));
    EXPECT_EQ(cause(), expected);
  }
}

TEST_F(RspamdTest, hears_an_answer_octet_by_octet) {
  begin(kMessage);
  accept({.deliver_per_turn = 1});
  run();
  deliver(response(kReject));
  EXPECT_EQ(cause(), Cause::spam);
}

TEST_F(RspamdTest, keeps_connections_that_may_be_kept) {
  begin(kMessage);
  accept();
  run();
  deliver(response(kClean));
  EXPECT_EQ(cause(), Cause::clean);
  begin(kMessage);
  run();
  EXPECT_EQ(connector.started(), 1U);
  deliver(response(kClean, "Connection: close\r\n"));
  EXPECT_EQ(cause(), Cause::clean);
  begin(kMessage);
  EXPECT_EQ(connector.started(), 2U);
}

TEST_F(RspamdTest, says_it_again_where_a_kept_connection_was_closed) {
  begin(kMessage);
  accept();
  run();
  deliver(response(kClean));
  begin(kMessage);
  peer->end();
  run();
  EXPECT_FALSE(verdict);
  accept();
  run();
  deliver(response(kReject));
  EXPECT_EQ(cause(), Cause::spam);
}

TEST_F(RspamdTest, does_not_use_a_connection_on_which_more_was_said) {
  begin(kMessage);
  accept();
  run();
  deliver(response(kClean));
  deliver(response(kClean));  // for the next message
  begin(kMessage);
  EXPECT_EQ(connector.pending(), 1U);
}

TEST_F(RspamdTest, tells_score_and_symbols_in_place_of_what_a_sender_says) {
  const Verdict said = answer(response(
      R"({"action": "add header", "score": 9, "required_score": 15, "symbols": {
           "B": {"score": 1}, "A": {"score": 8, "options": ["x"]}, "C": {"score": "x"}}})"));
  std::vector<std::string> edits;
  for (const HeaderEdit& edit : said.edits) {
    edits.push_back((edit.what == HeaderEdit::What::replace ? "set " : "remove ") + edit.name +
                    (edit.value.empty() ? "" : ": " + edit.value));
  }
  EXPECT_EQ(edits, (std::vector<std::string>{
                       "set X-Spam-Status: Yes, score=9.00 required=15.00 action=add header",
                       "set X-Spam-Score: 9.00", "set X-Spam-Symbols: A(8.00), B(1.00)",
                       "remove X-Spam-Flag", "remove X-Spam-Level", "remove X-Spam-Action",
                       "remove X-Spam"}));
}

TEST_F(RspamdTest, does_what_rspamd_wants_with_the_header) {
  const Verdict said = answer(response(
      R"({"action": "rewrite subject", "score": 9, "subject": "[spam] x", "milter": {
           "add_headers": {"X-One": "1", "X-Two": {"value": "2", "order": 1},
                           "X-Three": [{"value": "3"}, "4"], "No name": "5", "X-Bad": 6},
           "remove_headers": {"X-Four": 0, "X-Five": [-1, 2], "X-Six": "7", "X-Seven": 5000}}})"));
  std::string edits;
  for (std::size_t i = 7; i < said.edits.size(); ++i) {
    const HeaderEdit& edit = said.edits[i];
    edits += edit.name + "=" + edit.value + std::to_string(edit.which) +
             (edit.place == HeaderEdit::Place::top ? "t" : "e") + " ";
  }
  EXPECT_EQ(edits,
            "Subject=[spam] x0t X-Five=-1t X-Five=2t X-Four=0t X-One=10e X-Three=30e X-Three=40e "
            "X-Two=20t ");
}

TEST_F(RspamdTest, limits_the_subject) {
  const auto changes_subject = [this](std::size_t octets) {
    const Verdict said =
        answer(response(R"({"action": "rewrite subject", "score": 9, "subject": ")" +
                        std::string(octets, 's') + "\"}"));
    return std::ranges::any_of(said.edits, [](const auto& edit) { return edit.name == "Subject"; });
  };
  EXPECT_TRUE(changes_subject(kMaxRspamdSubject));
  EXPECT_FALSE(changes_subject(kMaxRspamdSubject + 1));
}

TEST_F(RspamdTest, bounds_what_rspamd_wants) {
  std::string wishes;
  std::string symbols;
  for (int i = 0; i < 200; ++i) {
    const std::string comma = i == 0 ? "" : ",";
    wishes += comma + "\"X-" + std::to_string(i) + "\": \"" + std::string(10'000, 'v') + "\"";
    symbols += comma + "\"S" + std::to_string(i) + "\": {\"score\": 1}";
  }
  wishes.resize(wishes.rfind("\"X-90\"") - 1);
  const Verdict said =
      answer(response(R"({"action": "no action", "score": 1, "symbols": {)" + symbols +
                      R"(}, "milter": {"add_headers": {)" + wishes + "}}}"));
  EXPECT_EQ(said.cause, Cause::clean);
  EXPECT_EQ(said.edits.size(), Verdict::kMaxEdits);
  EXPECT_EQ(said.edits.back().value.size(), HeaderEditor::kMaxValue);
  EXPECT_EQ(std::ranges::count(said.edits[2].value, ','), 49);
}

TEST_F(RspamdTest, does_not_listen_for_ever) {
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\n\r\n" + std::string(2 << 20, ' ')).cause,
            Cause::not_understood);
}

TEST_F(RspamdTest, tells_the_version) {
  scanner = make_rspamd(settings, tools, nullptr);
  std::optional<Result<std::string>> version;
  const auto ask = [&] {
    ticket = scanner->ask_version([&](Result<std::string> said) { version = std::move(said); });
    accept();
    run();
    EXPECT_TRUE(peer->take_sent().starts_with("GET /ping HTTP/1.1\r\n"));
  };
  ask();
  deliver(response("pong\r\n", "Connection: close\r\n"));
  ASSERT_TRUE(version && *version);
  EXPECT_EQ(**version, "rspamd/3.4");
  ask();
  deliver("HTTP/1.1 404 No\r\nServer: x\r\nContent-Length: 0\r\n\r\n");
  EXPECT_FALSE(*version);
}

TEST_F(RspamdTest, speaks_tls_or_not_at_all) {
  settings.tls = true;
  begin(kMessage);
  accept();
  run();
  EXPECT_EQ(cause(), Cause::unreachable);
  EXPECT_EQ(peer->total_sent(), 0U);
}

TEST_F(RspamdTest, sends_a_large_message_through_a_narrow_connection_in_bounded_memory) {
  const std::string text(3 << 20, 'x');
  begin(text);
  accept({.accept_per_turn = 10'000});
  std::size_t most = 0;
  while (background.turn() || peer->turn()) most = std::max(most, pool.held_blocks());
  EXPECT_LE(most, 8U);
  EXPECT_GT(peer->total_sent(), text.size());
  deliver(response(kReject));
  EXPECT_EQ(cause(), Cause::spam);
}

TEST_F(RspamdTest, may_be_given_up_at_any_time) {
  for (int turns = 0; turns < 40; ++turns) {
    renew();
    begin(std::string(300'000, 'x'));
    accept({.deliver_per_turn = 3, .accept_per_turn = 20'000});
    for (int i = 0; i < turns; ++i) {
      if (!background.turn()) peer->turn();
      timers.advance(Duration(0));
      if (i == 20) peer->deliver(response(kClean));
    }
    ticket.reset();
    renew();
    run();
    EXPECT_EQ(timers.armed(), 0U);
  }
  EXPECT_EQ(connector.pending(), 0U);
  EXPECT_EQ(pool.held_blocks(), 0U);
}

}  // namespace
}  // namespace gatepost::filters
