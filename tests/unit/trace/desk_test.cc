#include "proxy/trace/desk.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/session_harness.h"
#include "tests/unit/trace/traced.h"

namespace gatepost::trace {
namespace {

using testing::SessionHarness;

Order of_user(std::string user) {
  Order order;
  order.user = std::move(user);
  order.options.key = "a key for tests";
  return order;
}

void log_in_and_leave(SessionHarness& s) {
  s.start();
  s.expect_client_line("+OK");
  s.log_in();
  s.client("QUIT\r\n");
  s.upstream("+OK\r\n");
  s.client_ends();
}

TEST(TraceDesk, FollowsTheUserThatIsWanted) {
  SessionHarness harness;
  harness.ignore_the_rest();
  Traced traced(harness, of_user("j?e"));
  log_in_and_leave(harness);
  // From the greeting on.
  EXPECT_TRUE(traced.sink->text.contains("Gatepost ready"));
  EXPECT_TRUE(traced.sink->text.contains("\"over\""));
  expect_same(traced.text());
}

TEST(TraceDesk, ForgetsOthers) {
  SessionHarness harness;
  harness.ignore_the_rest();
  Traced traced(harness, of_user("ann"));
  log_in_and_leave(harness);
  EXPECT_EQ(traced.sink->text, "");
}

TEST(TraceDesk, KnowsNetworks) {
  SessionHarness harness;
  harness.ignore_the_rest();
  Order order = of_user("");
  order.client = *IpNetwork::parse("192.0.2.0/24");
  Traced traced(harness, std::move(order));
  log_in_and_leave(harness);
  EXPECT_EQ(traced.recording, nullptr);
}

TEST(TraceDesk, CostsNothingWithoutATrace) {
  SessionHarness harness;
  harness.ignore_the_rest();
  Traced traced(harness, of_user("joe"));
  traced.ticket.reset();
  log_in_and_leave(harness);
  EXPECT_EQ(traced.recording, nullptr);
  EXPECT_EQ(traced.sink->text, "");
}

TEST(TraceDesk, EndsInTime) {
  SessionHarness harness;
  harness.ignore_the_rest();
  Order order = of_user("joe");
  order.lasts = std::chrono::seconds(5);
  Traced traced(harness, std::move(order));
  harness.start();
  harness.expect_client_line("+OK");
  harness.log_in();
  harness.advance(Duration(5'000));
  EXPECT_EQ(traced.sink->ended, "time");
  const std::string so_far = traced.sink->text;
  harness.client("STAT\r\n");
  EXPECT_EQ(traced.sink->text, so_far);
  const Played played = expect_same(traced.text());
  ASSERT_EQ(played.notes.size(), 1U);
  EXPECT_TRUE(played.notes.front().contains("ends before"));
}

TEST(TraceDesk, SaysWhatDidNotFit) {
  SessionHarness harness;
  harness.ignore_the_rest();
  Traced traced(harness, of_user("joe"));
  harness.start();
  harness.expect_client_line("+OK");
  harness.log_in();
  traced.sink->room = traced.sink->text.size();
  harness.client("NOOP\r\n");
  traced.sink->room = std::string::npos;
  harness.upstream("+OK\r\n");
  EXPECT_TRUE(traced.sink->text.contains("\"dropped\",\"octets\":")) << traced.sink->text;
  const Played played = expect_same(traced.text());
  ASSERT_EQ(played.notes.size(), 1U);
  EXPECT_TRUE(played.notes.front().contains("missing"));
}

TEST(TraceDesk, TakesOnlySoManyTraces) {
  testing::FakeTimers timers;
  TraceDesk desk(timers);
  std::vector<Ticket> tickets;
  for (std::size_t i = 0; i < TraceDesk::kMaxTraces; ++i) {
    auto begun = desk.begin(of_user("joe"), std::make_shared<KeepingSink>());
    ASSERT_TRUE(begun);
    tickets.push_back(std::move(*begun));
  }
  EXPECT_EQ(desk.begin(of_user("joe"), std::make_shared<KeepingSink>()).error().code,
            ErrorCode::limit);
  tickets.pop_back();
  EXPECT_TRUE(desk.begin(of_user("joe"), std::make_shared<KeepingSink>()));
}

TEST(TraceDesk, LastsNoLongerThanADay) {
  testing::FakeTimers timers;
  TraceDesk desk(timers);
  Order order = of_user("joe");
  order.lasts = 2 * TraceDesk::kMaxTime;
  const auto sink = std::make_shared<KeepingSink>();
  const auto ticket = desk.begin(std::move(order), sink);
  timers.advance(TraceDesk::kMaxTime);
  EXPECT_EQ(sink->ended, "time");
}

TEST(TraceDesk, FollowsOnlySoManySessions) {
  SessionHarness harness;
  harness.ignore_the_rest();
  Traced traced(harness, of_user(""));
  harness.start();
  harness.expect_client_line("+OK");
  const auto another = [&] {
    return traced.desk.record("x", traced.recording->services(), harness.settings, harness.facts);
  };
  for (std::size_t i = 1; i < TraceDesk::kMaxSessions; ++i) {
    const auto recording = another();
    EXPECT_EQ(traced.sink->ended, "");
  }
  const auto recording = another();
  EXPECT_EQ(traced.sink->ended, "sessions");
}

TEST(TraceDesk, WritesOnlySoManyOctets) {
  SessionHarness harness;
  harness.ignore_the_rest();
  Traced traced(harness, of_user(""));
  harness.start();
  harness.expect_client_line("+OK");
  harness.log_in();
  harness.client("RETR 1\r\n");
  harness.upstream("+OK\r\n");
  traced.sink->text.clear();
  // Octets that need six characters each.
  const std::string piece(60'000, '\x80');
  for (std::size_t i = 0; traced.sink->ended.empty() && i < 200; ++i) {
    harness.upstream(piece);
    EXPECT_LT(traced.sink->text.size(), TraceDesk::kMaxOctets);
  }
  EXPECT_EQ(traced.sink->ended, "octets");
}

TEST(TraceDesk, KeepsOnlySoMuchOfASessionThatNobodyKnowsYet) {
  SessionHarness harness;
  harness.ignore_the_rest();
  harness.settings.limits.bad_commands = 1'000'000;
  Traced traced(harness, of_user("joe"));
  harness.start();
  harness.expect_client_line("+OK");
  std::string lines;
  for (std::size_t i = 0; i < Recording::kMaxBacklog / 100; ++i) lines += "NOOP\r\n";
  for (std::size_t i = 0; i < 5; ++i) {
    for (std::size_t at = 0; at < lines.size(); at += 600) harness.client(lines.substr(at, 600));
  }
  harness.client("USER joe\r\nPASS secret\r\n");
  EXPECT_EQ(traced.sink->text, "");
}

TEST(Recording, HoldsOnlySoMuchUntilALineEnds) {
  SessionHarness harness;
  harness.ignore_the_rest();
  Traced traced(harness, of_user(""));
  harness.start();
  harness.expect_client_line("+OK");
  harness.log_in();
  harness.client("RETR 1\r\nPASS se");  // a line that does not end
  traced.sink->text.clear();
  harness.upstream("+OK\r\n");
  EXPECT_EQ(traced.sink->text, "");
  // What upstream says meanwhile waits for it, up to the limit.
  harness.upstream(std::string(Recording::kMaxHeld, 'z'));
  EXPECT_TRUE(traced.sink->text.contains("RETR 1\\r\\n*******"));
  harness.client("cret\r\n");
  EXPECT_FALSE(traced.sink->text.contains("cret"));
}

}  // namespace
}  // namespace gatepost::trace
