#include "filters/scan/spamd.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "tests/support/scanner_fixture.h"

namespace gatepost::filters {
namespace {

using testing::MemoryPeer;
using testing::WireOptions;

/// As spamd 4.0.1 replies to SYMBOLS.
std::string reply(const std::string& spam, const std::string& symbols) {
  return fmt::format("SPAMD/1.1 0 EX_OK\r\nContent-length: {}\r\nSpam: {}\r\n\r\n{}",
                     symbols.size(), spam, symbols);
}
const std::string kHam = reply("False ; 2.5 / 5.0", "WEAK_SUBJECT");
const std::string kSpam = reply("True ; 1002.5 / 5.0", "GTUBE,WEAK_SUBJECT");

struct SpamdTest : testing::ScannerFixture {
  void scan(const std::string& text) {
    verdict.reset();
    settings.type = config::ScannerType::spamd;
    scanner = make_spamd(settings, tools);
    ticket = scanner->scan({.message = message(text), .facts = {}}, [this](Verdict said) {
      EXPECT_FALSE(verdict) << "told twice";
      verdict = std::move(said);
    });
  }
  void accept(WireOptions options = {}) { spamd = connector.accept(std::move(options)); }
  /// The loop runs until nothing moves.
  void run() {
    for (int i = 0; i < 1'000'000 && (background.turn() || (spamd && spamd->turn())); ++i) {
    }
    timers.advance(Duration(0));
  }
  /// What spamd says to a message that it got whole, before it ends the connection.
  Verdict said(const std::string& text) {
    scan("Subject: x\r\n\r\ntext\r\n");
    accept();
    run();
    spamd->deliver(text);
    run();
    spamd->end();
    run();
    EXPECT_TRUE(verdict) << text;
    return verdict.value_or(Verdict());
  }
  static std::string value_of(const Verdict& verdict, std::string_view name) {
    const auto at = std::ranges::find(verdict.edits, name, &HeaderEdit::name);
    if (at == verdict.edits.end()) return "none";
    return at->what == HeaderEdit::What::remove ? "removed" : at->value;
  }

  std::unique_ptr<Scanner> scanner;
  Ticket ticket;
  std::shared_ptr<MemoryPeer> spamd;
  std::optional<Verdict> verdict;
};

TEST_F(SpamdTest, asks_for_symbols) {
  const std::string text = "Subject: x\r\n\r\ntext\r\n";
  scan(text);
  accept();
  run();
  EXPECT_EQ(spamd->take_sent(),
            fmt::format("SYMBOLS SPAMC/1.5\r\nContent-length: {}\r\n\r\n{}", text.size(), text));
  EXPECT_FALSE(verdict);
  spamd->deliver(kHam);
  run();
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->cause, Cause::clean);
  EXPECT_EQ(verdict->score, 2.5);
}

TEST_F(SpamdTest, an_empty_message_has_an_empty_line) {
  scan("");
  accept();
  run();
  EXPECT_EQ(spamd->take_sent(), "SYMBOLS SPAMC/1.5\r\nContent-length: 2\r\n\r\n\r\n");
}

TEST_F(SpamdTest, puts_its_findings_in_the_place_of_the_senders) {
  const Verdict ham = said(kHam);
  EXPECT_EQ(value_of(ham, "X-Spam-Flag"), "removed");
  EXPECT_EQ(value_of(ham, "X-Spam-Score"), "2.5");
  EXPECT_EQ(value_of(ham, "X-Spam-Symbols"), "WEAK_SUBJECT");
  const Verdict spam = said(kSpam);
  EXPECT_EQ(spam.cause, Cause::spam);
  EXPECT_EQ(spam.score, 1002.5);
  EXPECT_EQ(spam.detail, "1002.5 of 5.0: GTUBE,WEAK_SUBJECT");
  EXPECT_EQ(value_of(spam, "X-Spam-Flag"), "YES");
  EXPECT_EQ(value_of(spam, "X-Spam-Score"), "1002.5");
  EXPECT_EQ(value_of(said(reply("False ; -0.1 / 5.0", "")), "X-Spam-Symbols"), "removed");
}

TEST_F(SpamdTest, sends_a_large_message_in_bounded_memory) {
  const std::string text = std::string(3 << 20, 'x') + "\r\n";
  scan(text);
  accept({.accept_per_turn = 10'000});
  std::size_t most = 0;
  while (background.turn() || spamd->turn()) most = std::max(most, pool.held_blocks());
  EXPECT_LE(most, 8U);
  EXPECT_TRUE(spamd->sent().ends_with(text));
  spamd->deliver(kSpam);
  run();
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->cause, Cause::spam);
}

TEST_F(SpamdTest, understands_nothing_else) {
  std::string other_length = kHam;
  other_length.replace(other_length.find("12"), 2, "11");
  const std::string long_header =
      "SPAMD/1.1 0 EX_OK\r\nX: " + std::string(kMaxSpamdHeader, 'x') + "\r\n\r\n";
  const std::string long_reply = reply("False ; 0 / 5", std::string(kMaxSpamdReply, 'A'));
  for (const std::string& text :
       {std::string("SPAMD/1.0 76 Bad header line: (Content-Length mismatch)\r\n"),
        std::string("SPAMD/1.0 79 Timeout: (30 seconds)\r\n"),
        std::string("OK\r\n\r\n"),
        std::string("SPAMD/1.1 0 EX_OK\r\nSpam: False ; 2.5 / 5.0\r\n\r\n"),
        other_length,
        kHam + kHam,
        kHam + "x",
        long_header,
        long_reply,
        std::string("SPAMD/1.1 0 EX_OK\r\nContent-length: 0\r\n\r\n"),
        std::string("SPAMD/1.1 0 EX_OK\r\nContent-length: 0\r\nContent-length: 0\r\n"
                    "Spam: False ; 2.5 / 5.0\r\n\r\n"),
        std::string("SPAMD/1.1 0 EX_OK\r\nContent-length: 0\r\nSpam: False ; 2.5 / 5.0\r\n"
                    "Spam: True ; 2.5 / 5.0\r\n\r\n"),
        std::string("SPAMD/1.1 75 EX_TEMPFAIL\r\nContent-length: 0\r\n"
                    "Spam: False ; 2.5 / 5.0\r\n\r\n"),
        reply("Maybe ; 2.5 / 5.0", ""),
        reply("False", ""),
        reply("False ; 2.5", ""),
        reply("False ; nan / 5.0", ""),
        reply("False ; inf / 5.0", ""),
        reply("False ; 2.5 / ", ""),
        reply("False ; 2.5x / 5.0", ""),
        reply("False ; 1e999 / 5.0", ""),
        reply("False ; 2.5 / 5.0", "A B"),
        reply("False ; 2.5 / 5.0", "A\r\nB")}) {
    EXPECT_EQ(said(text).cause, Cause::not_understood) << text.substr(0, 200);
  }
}

TEST_F(SpamdTest, does_not_believe_an_early_reply) {
  for (const std::string& text : {kHam, kSpam}) {
    scan(std::string(1 << 20, 'x'));
    accept({.accept_per_turn = 1'000});
    spamd->turn();
    spamd->deliver(text);
    run();
    ASSERT_TRUE(verdict);
    EXPECT_EQ(verdict->cause, Cause::not_understood);
  }
}

TEST_F(SpamdTest, a_scan_that_spamd_broke_off_is_not_clean) {
  EXPECT_EQ(said(reply("False ; 2.5 / 5.0", "A,TIME_LIMIT_EXCEEDED")).cause, Cause::timeout);
  EXPECT_EQ(said(reply("True ; 9.5 / 5.0", "A,TIME_LIMIT_EXCEEDED")).cause, Cause::spam);
}

TEST_F(SpamdTest, no_answer_is_never_clean) {
  scan("text\r\n");
  connector.fail(ErrorCode::refused);
  run();
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->cause, Cause::unreachable);
  for (std::size_t n = 0; n < kHam.size(); ++n) {
    EXPECT_EQ(said(kHam.substr(0, n)).cause, Cause::unreachable) << n;
  }
  scan("text\r\n");
  accept();
  run();
  spamd->break_now();
  run();
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->cause, Cause::unreachable);
}

TEST_F(SpamdTest, hears_an_answer_octet_by_octet) {
  scan("text\r\n");
  accept({.deliver_per_turn = 1});
  run();
  spamd->deliver(kSpam);
  run();
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->cause, Cause::spam);
}

TEST_F(SpamdTest, may_be_given_up_at_any_time) {
  for (int turns = 0; turns < 30; ++turns) {
    scan(std::string(300'000, 'x'));
    accept({.deliver_per_turn = 3, .accept_per_turn = 20'000});
    for (int i = 0; i < turns; ++i) {
      if (!background.turn()) spamd->turn();
      if (i == 20) spamd->deliver(kHam);
    }
    ticket.reset();
    run();
    EXPECT_EQ(timers.armed(), 0U);
  }
  EXPECT_EQ(connector.pending(), 0U);
  EXPECT_EQ(pool.held_blocks(), 0U);
}

TEST_F(SpamdTest, has_no_version) {
  scanner = make_spamd(settings, tools);
  std::optional<std::string> version;
  ticket = scanner->ask_version([&version](Result<std::string> said) { version = *said; });
  timers.advance(Duration(0));
  EXPECT_EQ(version, "");
}

}  // namespace
}  // namespace gatepost::filters
