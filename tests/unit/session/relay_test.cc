// Messages on their way: in chunks, to slow clients, in bounded memory.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/session_harness.h"

namespace gatepost::testing {
namespace {

using session::EndReason;
using session::Session;

constexpr std::size_t kMiB = 1024 * 1024;

void begin(SessionHarness& s) {
  s.start();
  s.expect_client_line("+OK");
  s.log_in();
}

/// A multi-line reply with stuffed lines, of `size` octets or a little more.
std::string message(std::size_t size) {
  std::string text = "+OK message follows\r\n";
  for (std::size_t i = 0; text.size() < size; ++i) {
    text += i % 7 == 0 ? "..stuffed" : "line " + std::to_string(i);
    text.append(i * 37 % 2000, static_cast<char>('a' + i % 26));
    text += "\r\n";
  }
  return text + ".\r\n";
}

/// Gives the session `text` in pieces, so that the string on the wire stays short.
void upstream_in_pieces(SessionHarness& s, std::string_view text, std::size_t piece) {
  while (!text.empty() && !s.ended()) {
    s.upstream(text.substr(0, piece));
    text.remove_prefix(std::min(piece, text.size()));
  }
}

TEST(Relay, passes_a_large_message_on_unchanged_in_any_chunks) {
  const std::string text = message(kMiB / 4);
  for (const std::size_t piece : {1'000U, 65'536U, 1'000'000U}) {
    for (std::uint64_t i = 0; i < 4; ++i) {
      SCOPED_TRACE(Random::name());
      const auto kind = i == 0 ? Chopping::Kind::whole : Chopping::Kind::random;
      SessionHarness s({.chopping = Chopping(kind, i)});
      begin(s);
      s.client("RETR 1\r\n");
      s.upstream_expects("RETR 1\r\n");
      upstream_in_pieces(s, text, piece);
      ASSERT_TRUE(s.at_client().take_sent() == text);
      s.expect_alive();
      EXPECT_EQ(s.counters.messages_retrieved.get(), 1U);
      EXPECT_EQ(s.held_blocks(), 0U);
    }
  }
}

TEST(Relay, passes_small_messages_on_in_any_way) {
  const std::string text = "+OK\r\n..\r\n.\r\r\nFrom: me\r\n\r\nbody\r\n.x\r\n.\r\n";
  for_each_run([&text](SessionHarness& s) {
    begin(s);
    for (int i = 0; i < 3; ++i) {
      s.client("RETR 1\r\n");
      s.upstream_expects("RETR 1\r\n");
      s.upstream(text);
      s.expect_client(text);
    }
    s.ignore_the_rest();
  });
}

TEST(Relay, does_not_wait_for_the_end_of_a_message) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("RETR 1\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.upstream("+OK\r\n");
    s.expect_client("+OK\r\n");
    s.upstream("first line\r\nhalf a");
    s.expect_client("first line\r\nhalf a");
    s.upstream(" line\r\n.\r\n");
    s.expect_client(" line\r\n.\r\n");
    s.ignore_the_rest();
  });
}

TEST(Relay, reads_upstream_no_faster_than_the_client_takes) {
  SessionHarness s;
  begin(s);
  s.client("RETR 1\r\n");
  s.upstream_expects("RETR 1\r\n");
  s.at_client().options.accept_per_turn = 0;
  const std::string text = message(10 * kMiB);
  s.upstream(text);
  const std::size_t unsent = s.at_client().transport()->unsent();
  EXPECT_GE(unsent, Session::kMaxUnsent);
  EXPECT_LE(unsent, Session::kMaxUnsent + 64 * 1024);
  const std::size_t received = s.at_upstream()->transport()->received().size();
  EXPECT_LE(received, std::size_t{2} * 64 * 1024);
  EXPECT_EQ(s.at_upstream()->undelivered() + received + unsent, text.size());
  EXPECT_LE(s.held_blocks(), 8U);
  EXPECT_NE(s.session()->waits_for() & Session::kClientDrain, 0);
  // As soon as the client reads it gets the rest.
  s.at_client().options.accept_per_turn = 100'000;
  s.run();
  ASSERT_TRUE(s.at_client().take_sent() == text);
  EXPECT_EQ(s.held_blocks(), 0U);
}

TEST(Relay, does_not_read_commands_while_answers_are_not_taken) {
  SessionHarness s;
  s.start();
  s.expect_client_line("+OK");
  s.at_client().options.accept_per_turn = 0;
  s.at_client().options.receive_limit = 4096;
  std::string commands;
  for (int i = 0; i < 200'000; ++i) commands += "CAPA\r\n";
  s.client(commands);
  EXPECT_GT(s.at_client().undelivered(), commands.size() - 128 * 1024);
  EXPECT_LE(s.at_client().transport()->unsent(), Session::kMaxUnsent + 1024);
  EXPECT_LE(s.held_blocks(), 8U);
  s.ignore_the_rest();
}

TEST(Relay, lets_other_sessions_have_their_turn) {
  SessionHarness s;
  begin(s);
  s.client("RETR 1\r\n");
  s.upstream_expects("RETR 1\r\n");
  s.at_upstream()->options.deliver_sizes = nullptr;
  s.at_upstream()->options.read_in_settle = true;  // never stops having more
  s.at_upstream()->options.deliver_per_turn = 1'000;
  s.at_upstream()->deliver(message(kMiB));
  const std::size_t before = s.at_client().total_sent();
  EXPECT_TRUE(s.turn());
  EXPECT_LE(s.at_client().total_sent() - before, std::size_t{256} * 1024);
  EXPECT_NE(s.session()->waits_for() & Session::kOwnTurn, 0);
  s.run();
  EXPECT_EQ(s.at_client().take_sent(), message(kMiB));
}

TEST(Relay, holds_no_block_while_idle) {
  SessionHarness s;
  s.start();
  EXPECT_EQ(s.held_blocks(), 0U);
  s.expect_client_line("+OK");
  s.client_says_and_gets("USER bob\r\n", "+OK Send PASS\r\n");
  EXPECT_EQ(s.held_blocks(), 0U);
  s.log_in();
  EXPECT_EQ(s.held_blocks(), 0U);
  EXPECT_EQ(s.session()->waits_for(), Session::kClientInput);
  s.client("RE");
  EXPECT_EQ(s.held_blocks(), 0U) << "half a line is kept by the codec";
  s.ignore_the_rest();
}

TEST(Relay, counts_octets_each_way) {
  SessionHarness s;
  begin(s);
  const std::size_t in = s.counters.octets_from_clients.get();
  const std::size_t out = s.counters.octets_to_clients.get();
  EXPECT_EQ(out, s.at_client().total_sent());
  s.client("RETR 1\r\n");
  s.upstream_expects("RETR 1\r\n");
  s.upstream("+OK\r\nabc\r\n.\r\n");
  s.expect_client("+OK\r\nabc\r\n.\r\n");
  EXPECT_EQ(s.counters.octets_from_clients.get() - in, 8U);
  EXPECT_EQ(s.counters.octets_to_clients.get() - out, 13U);
}

}  // namespace
}  // namespace gatepost::testing
