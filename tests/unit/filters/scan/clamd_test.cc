#include "filters/scan/clamd.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>

#include "tests/support/scanner_fixture.h"

namespace gatepost::filters {
namespace {

using namespace std::string_literals;
using testing::MemoryPeer;
using testing::WireOptions;

struct ClamdTest : testing::ScannerFixture {
  void scan(const std::string& text) {
    scanner = make_clamd(settings, tools);
    ticket = scanner->scan({.message = message(text), .facts = {}}, [this](Verdict said) {
      EXPECT_FALSE(verdict) << "told twice";
      verdict = std::move(said);
    });
  }
  void accept(WireOptions options = {}) { clamd = connector.accept(std::move(options)); }
  /// The loop runs until nothing moves.
  void run() {
    for (int i = 0; i < 1'000'000 && (background.turn() || (clamd && clamd->turn())); ++i) {
    }
    timers.advance(Duration(0));
  }
  /// What clamd says to a message that it got whole.
  Verdict reply_to(const std::string& reply) {
    verdict.reset();
    scan("Subject: x\r\n\r\ntext\r\n");
    accept();
    run();
    clamd->deliver(reply);
    run();
    EXPECT_TRUE(verdict) << reply;
    return verdict.value_or(Verdict());
  }
  static std::string chunk(const std::string& text) {
    const auto n = static_cast<std::uint32_t>(text.size());
    return {static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8),
            static_cast<char>(n)};
  }

  std::unique_ptr<Scanner> scanner;
  Ticket ticket;
  std::shared_ptr<MemoryPeer> clamd;
  std::optional<Verdict> verdict;
};

TEST_F(ClamdTest, sends_the_message_in_chunks) {
  const std::string text = "Subject: x\r\n\r\ntext\r\n";
  scan(text);
  accept();
  run();
  EXPECT_EQ(clamd->take_sent(), "zINSTREAM\0"s + chunk(text) + text + "\0\0\0\0"s);
  EXPECT_FALSE(verdict);
  clamd->deliver("stream: OK\0"s);
  run();
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->cause, Cause::clean);
}

TEST_F(ClamdTest, sends_a_large_message_through_a_narrow_connection_in_bounded_memory) {
  const std::string text(3 << 20, 'x');
  scan(text);
  accept({.accept_per_turn = 10'000});
  std::size_t most = 0;
  while (background.turn() || clamd->turn()) most = std::max(most, pool.held_blocks());
  EXPECT_LE(most, 8U);
  EXPECT_EQ(clamd->total_sent(), 10 + text.size() + 4 * (text.size() / SpoolReader::kPiece + 1));
  clamd->deliver("stream: Eicar FOUND\0"s);
  run();
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->cause, Cause::infected);
}

TEST_F(ClamdTest, calls_clean_nothing_but_ok) {
  EXPECT_EQ(reply_to("stream: OK\0"s).cause, Cause::clean);
  for (const std::string& reply :
       {"OK\0"s, "stream: ok\0"s, "stream: OK \0"s, "stream: OK\n\0"s, "stream: FOUND\0"s, "\0"s,
        "stream:  FOUN\0"s, "1: stream: OK\0"s, "UNKNOWN COMMAND\0"s, "stream: x ERROR\0"s,
        "stream: OK\0stream: OK\0"s, "stream: OK\0x"s}) {
    EXPECT_EQ(reply_to(reply).cause, Cause::not_understood) << reply;
  }
}

TEST_F(ClamdTest, is_not_taken_in_by_names) {
  for (const std::string name : {"OK", "OK FOUND", "stream: OK", "Win.Test.EICAR_HDB-1", " "}) {
    const Verdict said = reply_to("stream: " + name + " FOUND\0"s);
    EXPECT_EQ(said.cause, Cause::infected) << name;
    EXPECT_EQ(said.detail, name);
  }
}

TEST_F(ClamdTest, knows_what_it_could_not_look_into) {
  EXPECT_EQ(reply_to("stream: Heuristics.Encrypted.Zip FOUND\0"s).cause, Cause::unscannable);
  EXPECT_EQ(reply_to("stream: Heuristics.Limits.Exceeded.MaxRecursion FOUND\0"s).cause,
            Cause::unscannable);
  EXPECT_EQ(reply_to("INSTREAM size limit exceeded. ERROR\0"s).cause, Cause::oversize);
}

TEST_F(ClamdTest, does_not_believe_ok_before_it_had_the_whole_message) {
  scan(std::string(1 << 20, 'x'));
  accept({.accept_per_turn = 1'000});
  clamd->turn();
  clamd->deliver("stream: OK\0"s);
  run();
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->cause, Cause::not_understood);
}

TEST_F(ClamdTest, believes_a_threat_at_any_time) {
  scan(std::string(1 << 20, 'x'));
  accept({.accept_per_turn = 1'000});
  clamd->turn();
  clamd->deliver("stream: Eicar FOUND\0"s);
  run();
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->cause, Cause::infected);
}

TEST_F(ClamdTest, no_answer_is_never_clean) {
  scan("text\r\n");
  connector.fail(ErrorCode::refused);
  run();
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->cause, Cause::unreachable);
  for (const std::string& said : {""s, "stream: OK"s}) {  // no NUL
    verdict.reset();
    scan("text\r\n");
    accept();
    run();
    clamd->deliver(said);
    clamd->end();
    run();
    ASSERT_TRUE(verdict);
    EXPECT_EQ(verdict->cause, Cause::unreachable);
  }
}

TEST_F(ClamdTest, does_not_listen_for_ever) {
  EXPECT_EQ(reply_to(std::string(kMaxClamdReply + 1, 'x')).cause, Cause::not_understood);
}

TEST_F(ClamdTest, hears_an_answer_octet_by_octet) {
  scan("text\r\n");
  accept({.deliver_per_turn = 1});
  run();
  clamd->deliver("stream: Eicar FOUND\0"s);
  run();
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->detail, "Eicar");
}

TEST_F(ClamdTest, may_be_given_up_at_any_time) {
  for (int turns = 0; turns < 30; ++turns) {
    scan(std::string(300'000, 'x'));
    accept({.deliver_per_turn = 3, .accept_per_turn = 20'000});
    for (int i = 0; i < turns; ++i) {
      if (!background.turn()) clamd->turn();
      if (i == 20) clamd->deliver("stream: OK\0"s);
    }
    ticket.reset();
    run();
    verdict.reset();
    EXPECT_EQ(timers.armed(), 0U);
  }
  scan("text\r\n");
  ticket.reset();
  EXPECT_EQ(connector.pending(), 0U);
  EXPECT_EQ(pool.held_blocks(), 0U);
}

TEST_F(ClamdTest, a_size_limit_is_heard_while_the_message_is_still_sent) {
  scan(std::string(1 << 20, 'x'));
  accept({.accept_per_turn = 1'000, .fail_send_at = 5'000});
  clamd->turn();
  clamd->deliver("INSTREAM size limit exceeded. ERROR\0"s);
  run();
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->cause, Cause::oversize);
}

TEST_F(ClamdTest, a_connection_that_breaks_while_it_is_written_is_not_clean) {
  scan(std::string(1 << 20, 'x'));
  accept({.accept_per_turn = 50'000, .fail_send_at = 300'000});
  run();
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->cause, Cause::unreachable);
}

TEST_F(ClamdTest, hands_the_message_over) {
  settings.descriptor = true;
  const std::string small = "Subject: x\r\n\r\ntext\r\n";
  for (const std::string& text : {small, std::string(300'000, 'x')}) {
    verdict.reset();
    scan(text);
    accept({.address = {.ip = IpAddress(), .port = 0, .unix_socket = true}});
    run();
    EXPECT_EQ(clamd->take_sent(), "zFILDES\0\0"s);
    ASSERT_GE(clamd->descriptor(), 0);
    std::string handed(text.size() + 1, 0);
    EXPECT_EQ(::read(clamd->descriptor(), handed.data(), handed.size()),
              static_cast<ssize_t>(text.size()));
    handed.pop_back();
    EXPECT_TRUE(handed == text);
    clamd->deliver("fd[12]: OK\0"s);
    run();
    ASSERT_TRUE(verdict);
    EXPECT_EQ(verdict->cause, Cause::clean);
  }
}

TEST_F(ClamdTest, hands_nothing_over_where_that_is_not_possible) {
  settings.descriptor = true;
  scan("text\r\n");
  accept();
  run();
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->cause, Cause::unreachable);
  EXPECT_EQ(clamd->total_sent(), 0U);
}

TEST(ClamdReply, to_a_descriptor_is_another_than_to_a_stream) {
  EXPECT_EQ(read_clamd_reply("fd[1]: OK", true, true).cause, Cause::clean);
  EXPECT_EQ(read_clamd_reply("fd[1]: OK", true, false).cause, Cause::not_understood);
  EXPECT_EQ(read_clamd_reply("fd[10]: OK FOUND", true, true).detail, "OK");
  EXPECT_EQ(
      read_clamd_reply("fd[1]: Heuristics.Limits.Exceeded.MaxFileSize FOUND", true, true).cause,
      Cause::unscannable);
  for (const std::string_view reply :
       {"stream: OK", "fd[]: OK", "fd[1: OK", "fd[1]:OK", "fd[x]: OK", "fd[", "fd[1",
        "fd[1]: ", "fd[1]: fd[1]: OK", "fd[1]: Eicar FOUND ", "fd[1]: FOUND",
        "No file descriptor received. ERROR"}) {
    EXPECT_EQ(read_clamd_reply(reply, true, true).cause, Cause::not_understood) << reply;
  }
  EXPECT_EQ(read_clamd_reply("fd[1]: OK", false, true).cause, Cause::not_understood);
}

TEST_F(ClamdTest, has_no_version_without_that_of_a_database) {
  scanner = make_clamd(settings, tools);
  std::optional<Result<std::string>> said;
  ticket = scanner->ask_version([&said](Result<std::string> version) { said = version; });
  accept();
  run();
  EXPECT_EQ(clamd->take_sent(), "zVERSION\0"s);
  clamd->deliver("ClamAV 1.4.6\0"s);
  run();
  ASSERT_TRUE(said);
  EXPECT_FALSE(said->has_value());
}

TEST_F(ClamdTest, asks_for_the_version) {
  scanner = make_clamd(settings, tools);
  std::string version;
  ticket = scanner->ask_version([&version](Result<std::string> said) { version = *said; });
  accept();
  run();
  EXPECT_EQ(clamd->take_sent(), "zVERSION\0"s);
  clamd->deliver("ClamAV 1.4.6/27000/Tue\0"s);
  run();
  EXPECT_EQ(version, "ClamAV 1.4.6/27000/Tue");
}

}  // namespace
}  // namespace gatepost::filters
