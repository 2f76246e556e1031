#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "filters/scan/conversation.h"
#include "filters/scan/icap_codec.h"
#include "tests/support/fake_tls.h"
#include "tests/unit/filters/scan/http_scanner_fixture.h"

namespace gatepost::filters {
namespace {

const std::string kMessage = "Subject: x\r\n\r\ntext\r\n";
const std::string kNoChange = "ICAP/1.0 204 Unmodified\r\nISTag: \"one\"\r\n\r\n";

std::string options(const std::string& more = "") {
  return "ICAP/1.0 200 OK\r\nMethods: RESPMOD, REQMOD\r\nISTag: \"one\"\r\nAllow: 204\r\n" + more +
         "Encapsulated: null-body=0\r\n\r\n";
}

std::string chunk(const std::string& text) {
  return fmt::format("{:x}\r\n{}\r\n", text.size(), text);
}

/// 200 with a response inside.
std::string modified(const std::string& fields, const std::string& status,
                     const std::string& body) {
  const std::string http = "HTTP/1.1 " + status + "\r\nContent-Type: text/html\r\n\r\n";
  return "ICAP/1.0 200 OK\r\nISTag: \"one\"\r\n" + fields +
         "Encapsulated: res-hdr=0, res-body=" + std::to_string(http.size()) + "\r\n\r\n" + http +
         (body.empty() ? "" : chunk(body)) + "0\r\n\r\n";
}

struct IcapTest : test::HttpScannerFixture {
  IcapTest() : HttpScannerFixture(make_icap) {}

  /// OPTIONS has been answered; what came with RESPMOD is in `asked`.
  void respmod(const std::string& text, const std::string& more_options = "",
               testing::WireOptions wire = {}) {
    renew();
    begin(text);
    accept(std::move(wire));
    run();
    static_cast<void>(peer->take_sent());
    deliver(options(more_options));
    asked = peer->take_sent();
  }
  /// What comes of this answer to a whole message.
  Verdict answer(const std::string& text) {
    respmod(kMessage);
    deliver(text);
    EXPECT_TRUE(verdict) << text;
    return verdict.value_or(Verdict());
  }

  std::string asked;
};

TEST_F(IcapTest, asks_for_the_options_first) {
  begin(kMessage);
  accept();
  run();
  EXPECT_EQ(peer->take_sent(),
            "OPTIONS icap://scanner.example:1234/avscan ICAP/1.0\r\nHost: scanner.example:1234\r\n"
            "User-Agent: Gatepost\r\nEncapsulated: null-body=0\r\n\r\n");
}

TEST_F(IcapTest, shows_the_message_as_a_response_of_http) {
  begin(kMessage, {.session = {},
                   .listener = {},
                   .route = {},
                   .user = "joe@example.org",
                   .client = "192.0.2.1",
                   .number = "7"});
  accept();
  run();
  static_cast<void>(peer->take_sent());
  deliver(options());
  EXPECT_EQ(connector.started(), 1U);
  EXPECT_EQ(peer->take_sent(),
            "RESPMOD icap://scanner.example:1234/avscan ICAP/1.0\r\nHost: scanner.example:1234\r\n"
            "User-Agent: Gatepost\r\nAllow: 204\r\nX-Client-IP: 192.0.2.1\r\n"
            "X-Authenticated-User: TG9jYWw6Ly9qb2VAZXhhbXBsZS5vcmc=\r\n"
            "Encapsulated: req-hdr=0, res-hdr=82, res-body=151\r\n\r\n"
            "GET http://pop3.invalid/joe%40example%2Eorg/7.eml HTTP/1.1\r\n"
            "Host: pop3.invalid\r\n\r\n"
            "HTTP/1.1 200 OK\r\nContent-Type: message/rfc822\r\nContent-Length: 20\r\n\r\n"
            "14\r\nSubject: x\r\n\r\ntext\r\n\r\n0\r\n\r\n");
  deliver(kNoChange);
  EXPECT_EQ(cause(), Cause::clean);
}

TEST_F(IcapTest, keeps_connection_and_options) {
  respmod(kMessage, "Options-TTL: 60\r\n");
  deliver(kNoChange);
  begin(kMessage);
  run();
  EXPECT_TRUE(peer->take_sent().starts_with("RESPMOD"));
  deliver(kNoChange);
  EXPECT_EQ(cause(), Cause::clean);
  EXPECT_EQ(connector.started(), 1U);
  timers.advance(Duration(14'000));
  begin(kMessage);
  run();
  EXPECT_TRUE(peer->take_sent().starts_with("RESPMOD"));
  deliver(kNoChange);
  timers.advance(Duration(61'000));
  EXPECT_TRUE(peer->destroyed());
  begin(kMessage);
  accept();
  run();
  EXPECT_TRUE(peer->take_sent().starts_with("OPTIONS"));
}

TEST_F(IcapTest, asks_again_when_the_tag_changes) {
  respmod(kMessage);
  deliver("ICAP/1.0 204 Unmodified\r\nISTag: \"two\"\r\n\r\n");
  EXPECT_EQ(cause(), Cause::clean);
  begin(kMessage);
  run();
  EXPECT_TRUE(peer->take_sent().starts_with("OPTIONS"));
}

TEST_F(IcapTest, says_it_again_where_a_kept_connection_was_closed) {
  respmod(kMessage);
  deliver(kNoChange);
  begin(kMessage);
  peer->end();  // it crosses the request
  run();
  EXPECT_FALSE(verdict);
  ASSERT_EQ(connector.pending(), 1U);
  accept();
  run();
  EXPECT_TRUE(peer->take_sent().starts_with("RESPMOD"));
  peer->end();  // a new one is believed
  run();
  EXPECT_EQ(cause(), Cause::unreachable);
  EXPECT_EQ(connector.pending(), 0U);
}

TEST_F(IcapTest, shows_a_preview) {
  respmod(kMessage, "Preview: 7\r\n");
  EXPECT_TRUE(asked.contains("\r\nPreview: 7\r\n"));
  EXPECT_TRUE(asked.ends_with("\r\n\r\n7\r\nSubject\r\n0\r\n\r\n"));
  deliver("ICAP/1.0 100 Continue\r\n\r\n");
  EXPECT_EQ(peer->take_sent(), chunk(kMessage.substr(7)) + "0\r\n\r\n");
  EXPECT_FALSE(verdict);
  deliver(kNoChange);
  EXPECT_EQ(cause(), Cause::clean);
}

TEST_F(IcapTest, a_preview_may_be_enough_or_all) {
  respmod(kMessage, "Preview: 7\r\n");
  deliver(kNoChange);
  EXPECT_EQ(cause(), Cause::clean);
  respmod(kMessage, "Preview: 20\r\n");
  EXPECT_TRUE(asked.ends_with(chunk(kMessage) + "0; ieof\r\n\r\n"));
  deliver("ICAP/1.0 100 Continue\r\n\r\n");
  EXPECT_EQ(cause(), Cause::not_understood);
  respmod(kMessage, "Preview: 0\r\n");
  EXPECT_TRUE(asked.ends_with("\r\n\r\n0\r\n\r\n"));
  deliver("ICAP/1.0 100 Continue\r\n\r\n");
  EXPECT_EQ(peer->take_sent(), chunk(kMessage) + "0\r\n\r\n");
}

TEST_F(IcapTest, knows_for_what_a_preview_is_wanted) {
  const auto previewed = [this](const std::string& more) {
    respmod(kMessage, "Preview: 7\r\n" + more);
    return asked.contains("Preview");
  };
  EXPECT_TRUE(previewed("Transfer-Preview: *\r\n"));
  EXPECT_TRUE(previewed("Transfer-Preview: exe, eml\r\nTransfer-Complete: *\r\n"));
  EXPECT_FALSE(previewed("Transfer-Complete: *\r\n"));
  EXPECT_FALSE(previewed("Transfer-Preview: *\r\nTransfer-Complete: eml\r\n"));
  EXPECT_FALSE(previewed("Transfer-Preview: *\r\nTransfer-Ignore: eml\r\n"));
}

TEST_F(IcapTest, limits_the_preview) {
  respmod(std::string(100'000, 'x'), "Preview: 70000\r\n");
  EXPECT_TRUE(asked.contains("\r\nPreview: 65536\r\n"));
}

TEST_F(IcapTest, takes_what_a_response_names) {
  for (const auto& [field, name] : std::vector<std::pair<std::string, std::string>>{
           {"X-Infection-Found: Type=0; Resolution=2; Threat=Eicar;\r\n", "Eicar"},
           {"X-Infection-Found: Type=0; Resolution=2; Threat=OK;\r\n", "OK"},
           {"X-Infection-Found: \r\n", "a threat without a name"},
           {"X-Virus-ID: Eicar-Test\r\n", "Eicar-Test"},
           {"X-Violations-Found: 1\r\n\tfile.eml\r\n\tEicar\r\n\t7\r\n\t0\r\n", "Eicar"},
           {"X-Violations-Found: 2\r\n", "a threat without a name"},
           {"X-Blocked-Reason: policy\r\n", "policy"}}) {
    for (const std::string& whole :
         {modified(field, "200 OK", kMessage), modified(field, "403 Forbidden", "no"),
          "ICAP/1.0 204 Unmodified\r\n" + field + "\r\n"}) {
      const Verdict said = answer(whole);
      EXPECT_EQ(said.cause, Cause::infected) << whole;
      EXPECT_EQ(said.detail, name);
    }
  }
  EXPECT_EQ(
      answer(modified("X-Infection-Found: Type=2; Resolution=0; Threat=Zip;\r\n", "403 F", ""))
          .cause,
      Cause::unscannable);
}

TEST_F(IcapTest, takes_a_block_page_for_what_it_is) {
  EXPECT_EQ(answer(modified("", "403 Forbidden", "blocked")).cause, Cause::infected);
  EXPECT_EQ(answer(modified("", "307 Elsewhere", "")).cause, Cause::infected);
  EXPECT_EQ(answer(modified("", "500 Oops", "x")).cause, Cause::not_understood);
}

TEST_F(IcapTest, the_same_message_back_is_clean) {
  EXPECT_EQ(answer(modified("", "200 OK", kMessage)).cause, Cause::clean);
  EXPECT_EQ(answer(modified("X-Violations-Found: 0\r\n", "200 OK", kMessage)).cause, Cause::clean);
}

TEST_F(IcapTest, another_message_back_is_not) {
  for (const std::string& other : {std::string(), kMessage + " ", kMessage.substr(1)}) {
    const Verdict said = answer(modified("", "200 OK", other));
    EXPECT_EQ(said.cause, Cause::infected);
    EXPECT_EQ(said.detail, "changed by the scanner");
  }
}

TEST_F(IcapTest, calls_clean_nothing_else) {
  for (const std::string& text : std::vector<std::string>{
           "ICAP/1.0 200 OK\r\n\r\n", "ICAP/1.0 206 Partial\r\n\r\n", "ICAP/1.0 404 No\r\n\r\n",
           "ICAP/1.1 204 OK\r\n\r\n", "HTTP/1.1 204 OK\r\n\r\n", "ICAP/1.0 204OK\r\n\r\n",
           "ICAP/1.0 100 Continue\r\n\r\n", "OK\r\n\r\n", kNoChange + "x", kNoChange + kNoChange,
           "ICAP/1.0 204 x\r\nEncapsulated: res-hdr=0\r\n\r\n",
           "ICAP/1.0 204 x\r\nEncapsulated: req-hdr=0, null-body=9\r\n\r\n",
           "ICAP/1.0 204 x\r\nEncapsulated: res-hdr=0, res-body=7\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
           "ICAP/1.0 204 x\r\nEncapsulated: null-body=0\r\nEncapsulated: null-body=0\r\n\r\n"}) {
    EXPECT_EQ(answer(text).cause, Cause::not_understood) << text;
  }
  EXPECT_EQ(answer("ICAP/1.0 503 Overloaded\r\n\r\n").cause, Cause::unreachable);
}

TEST_F(IcapTest, does_not_believe_204_before_it_had_the_message) {
  begin(std::string(1 << 20, 'x'));
  accept({.accept_per_turn = 1'000});
  peer->deliver(options());
  while (peer->total_sent() < 100'000) {
    if (!background.turn()) peer->turn();
    timers.advance(Duration(0));
  }
  EXPECT_FALSE(verdict);
  deliver(kNoChange);
  EXPECT_EQ(cause(), Cause::not_understood);
}

TEST_F(IcapTest, no_answer_is_never_clean) {
  begin(kMessage);
  connector.fail(ErrorCode::refused);
  run();
  EXPECT_EQ(cause(), Cause::unreachable);
  const std::string echo = modified("", "200 OK", kMessage);
  for (std::size_t n = 0; n < echo.size(); n += 3) {
    respmod(kMessage);
    peer->deliver(echo.substr(0, n));
    peer->end();
    run();
    // Closed before the first octet: it is said once more.
    if (n == 0) connector.fail(ErrorCode::refused);
    run();
    EXPECT_EQ(cause(), Cause::unreachable) << n;
  }
}

TEST_F(IcapTest, hears_an_answer_octet_by_octet) {
  respmod(kMessage, "", {.deliver_per_turn = 1});
  deliver(modified("", "200 OK", kMessage));
  EXPECT_EQ(cause(), Cause::clean);
}

TEST_F(IcapTest, does_not_ask_a_service_that_cannot) {
  for (const std::string& text : std::vector<std::string>{
           "ICAP/1.0 404 Not Found\r\n\r\n",
           "ICAP/1.0 200 OK\r\nMethods: REQMOD\r\nISTag: \"x\"\r\n\r\n",
           "ICAP/1.0 200 OK\r\nMethods: RESPMOD\r\n\r\n",
           "ICAP/1.0 200 OK\r\nMethods: RESPMOD\r\nISTag: " +
               std::string(IcapOptions::kMaxTag + 1, 'x') + "\r\n\r\n",
           "ICAP/1.0 100 Continue\r\n\r\n", "ICAP/1.0 204 x\r\n\r\n", options() + "x",
           "ICAP/1.0 200 OK\r\nMethods: RESPMOD\r\nISTag: x\r\nEncapsulated: opt-body=0\r\n\r\n" +
               chunk(std::string(kMaxOptions + 1, 'x')) + "0\r\n\r\n"}) {
    renew();
    begin(kMessage);
    accept();
    run();
    deliver(text);
    EXPECT_EQ(cause(), Cause::not_understood) << text;
  }
}

TEST_F(IcapTest, tells_the_tag) {
  scanner = make_icap(settings, tools, nullptr);
  std::string version;
  ticket = scanner->ask_version([&version](Result<std::string> said) { version = *said; });
  accept();
  run();
  deliver(options());
  EXPECT_EQ(version, "\"one\"");
}

TEST_F(IcapTest, asks_again_after_an_hour_whatever_the_service_says) {
  const auto good_for = [this](const std::string& fields) {
    ByteChain in(pool, options(fields));
    http::HeadReader reader;
    EXPECT_EQ(reader.next(in), http::HeadReader::Event::head);
    return IcapOptions::of(200, reader.head()).value().good_for;
  };
  EXPECT_EQ(good_for("Options-TTL: 3599\r\n"), Duration(3'599'000));
  EXPECT_EQ(good_for("Options-TTL: 99999999\r\n"), IcapOptions::kMaxAge);
  EXPECT_EQ(good_for(""), IcapOptions::kDefaultAge);
}

TEST_F(IcapTest, respects_max_connections) {
  respmod(kMessage, "Max-Connections: 1\r\n");
  std::optional<Verdict> other;
  const Ticket second = scanner->scan({.message = message(kMessage), .facts = {}},
                                      [&other](Verdict said) { other = std::move(said); });
  run();
  EXPECT_EQ(connector.started(), 1U);
  EXPECT_EQ(peer->take_sent(), "");
  deliver(kNoChange);
  EXPECT_EQ(cause(), Cause::clean);
  EXPECT_TRUE(peer->take_sent().starts_with("RESPMOD"));
  deliver(kNoChange);
  ASSERT_TRUE(other);
  EXPECT_EQ(other->cause, Cause::clean);
  EXPECT_EQ(connector.started(), 1U);
}

TEST_F(IcapTest, speaks_tls_or_not_at_all) {
  settings.tls = true;
  begin(kMessage);
  accept();
  run();
  EXPECT_EQ(cause(), Cause::unreachable);
  EXPECT_EQ(peer->total_sent(), 0U);
  const auto tls = std::make_shared<testing::FakeTlsLayer>();
  scanner = make_icap(settings, tools, tls);
  begin(kMessage);
  accept();
  run();
  EXPECT_EQ(peer->total_sent(), 0U);
  tls->establish();
  run();
  EXPECT_TRUE(peer->take_sent().starts_with("OPTIONS"));
  renew();
}

TEST_F(IcapTest, sends_a_large_message_through_a_narrow_connection_in_bounded_memory) {
  const std::string text(3 << 20, 'x');
  begin(text);
  accept({.accept_per_turn = 10'000});
  run();
  peer->deliver(options());
  std::size_t most = 0;
  for (int i = 0; i < 10'000; ++i) {
    while (background.turn() || peer->turn()) most = std::max(most, pool.held_blocks());
    timers.advance(Duration(0));
  }
  EXPECT_LE(most, 8U);
  EXPECT_GT(peer->total_sent(), text.size());
  deliver(kNoChange);
  EXPECT_EQ(cause(), Cause::clean);
}

TEST_F(IcapTest, may_be_given_up_at_any_time) {
  for (int turns = 0; turns < 60; ++turns) {
    renew();
    begin(std::string(300'000, 'x'));
    accept({.deliver_per_turn = 3, .accept_per_turn = 20'000});
    peer->deliver(options("Preview: 1000\r\n"));
    for (int i = 0; i < turns; ++i) {
      if (!background.turn()) peer->turn();
      timers.advance(Duration(0));
      if (i == 40) peer->deliver("ICAP/1.0 100 Continue\r\n\r\n" + kNoChange);
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
