// Messages that are fetched and scanned before the client asks for them.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/session_harness.h"

namespace gatepost::testing {
namespace {

using filters::Cause;
using filters::Verdict;
using session::EndReason;

constexpr std::string_view kPipelining = "USER\r\nPIPELINING\r\nTOP\r\nUIDL\r\n";
const std::string kOk = "+OK Message follows\r\n";

std::string body(int number) { return "Subject: " + std::to_string(number) + "\r\n\r\nx\r\n.\r\n"; }
std::string reply(int number) { return "+OK 20 octets\r\n" + body(number); }

void begin(SessionHarness& s, std::string_view capabilities = kPipelining,
           std::uint32_t messages = 2) {
  s.use_chain().config.read_ahead = messages;
  s.start();
  s.expect_client_line("+OK");
  s.log_in(capabilities);
}

/// RETR 1 and what comes of it; nobody knows yet that the client goes on in order.
void first(SessionHarness& s) {
  s.client("RETR 1\r\n");
  s.upstream_expects("RETR 1\r\n");
  s.upstream(reply(1));
  s.scanner_says(Verdict::clean());
  s.expect_client(kOk + body(1));
  s.upstream_expects_nothing();
}

/// RETR 2, with which 3 and 4 are asked for as well.
void second(SessionHarness& s) {
  s.client("RETR 2\r\n");
  s.upstream_expects("RETR 2\r\nRETR 3\r\nRETR 4\r\n");
}

void end(SessionHarness& s) {
  s.upstream_expects("QUIT\r\n");
  s.upstream("+OK bye\r\n");
  s.expect_client("+OK bye\r\n");
  s.expect_upstream_closed();
  s.expect_ended(EndReason::quit);
}

TEST(ReadAhead, has_a_message_ready_when_it_is_asked_for) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    first(s);
    second(s);
    s.upstream(reply(2) + reply(3));
    s.expect_scans(2);
    s.scanner_says(Verdict::clean());
    s.expect_client(kOk + body(2));
    s.scanner_says(Verdict::clean());
    s.expect_client("");
    s.client("RETR 3\r\n");
    s.expect_client(kOk + body(3));
    s.upstream_expects("RETR 5\r\n");
    s.client("QUIT\r\n");
    s.upstream_expects_nothing();
    s.upstream(reply(4) + "-ERR there is no message 5\r\n");
    s.expect_scans(0);  // nobody wants 4 any more
    end(s);
    if (s.killed()) return;
    EXPECT_EQ(s.filters.counters.read_ahead_used.get(), 1U);
    EXPECT_EQ(s.filters.counters.read_ahead_wasted.get(), 2U);
    EXPECT_EQ(s.counters.messages_retrieved.get(), 3U);
  });
}

TEST(ReadAhead, keeps_the_order_of_the_clients_commands) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    first(s);
    second(s);
    s.client("DELE 2\r\n");
    s.upstream_expects("DELE 2\r\n");
    s.client("RETR 3\r\n");
    s.upstream_expects("RETR 5\r\n");
    s.client("DELE 3\r\n");
    s.upstream_expects("DELE 3\r\n");
    s.upstream(reply(2) + reply(3));
    s.scanner_says(Verdict::clean());
    s.expect_client(kOk + body(2));
    s.scanner_says(Verdict::clean());
    s.expect_client("");  // the answer to DELE 2 comes first
    s.upstream(reply(4));
    s.upstream("+OK 2 gone\r\n");
    s.expect_client("+OK 2 gone\r\n" + kOk + body(3));
    s.upstream(reply(5));
    s.upstream("+OK 3 gone\r\n");
    s.expect_client("+OK 3 gone\r\n");
    s.client("QUIT\r\n");
    end(s);
  });
}

TEST(ReadAhead, scans_what_the_client_waits_for_already) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    first(s);
    second(s);
    s.upstream(reply(2));
    s.scanner_says(Verdict::clean());
    s.expect_client(kOk + body(2));
    s.client("RETR 3\r\n");
    s.upstream_expects("RETR 5\r\n");
    s.expect_client("");
    s.upstream(reply(3));
    s.expect_client("");
    s.scanner_says(Verdict::of(Cause::timeout, "late"));
    s.expect_client("-ERR [SYS/TEMP] Message was not scanned in time, try again later\r\n");
    s.client("QUIT\r\n");
    s.upstream(reply(4) + reply(5));
    end(s);
  });
}

TEST(ReadAhead, passes_on_what_upstream_says_of_a_message_that_is_asked_for) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    first(s);
    second(s);
    s.upstream(reply(2) + "-ERR no message 3 \r\n-ERR no message 4\r\n");
    s.scanner_says(Verdict::clean());
    s.expect_client(kOk + body(2));
    s.client("RETR 3\r\n");
    // It was not asked for when upstream said so: who asks now gets a fresh answer.
    s.upstream_expects("RETR 3\r\n");
    s.upstream("-ERR still none\r\n");
    s.expect_client("-ERR still none\r\n");
    s.client("QUIT\r\n");
    end(s);
  });
}

TEST(ReadAhead, refuses_what_upstream_refuses) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    first(s);
    second(s);
    s.client("RETR 3\r\n");
    s.upstream_expects("RETR 5\r\n");
    s.upstream(reply(2) + "-ERR no message 3\r\n");
    s.scanner_says(Verdict::clean());
    s.expect_client(kOk + body(2) + "-ERR no message 3\r\n");
    s.upstream("-ERR no message 4\r\n-ERR no message 5\r\n");
    s.client("QUIT\r\n");
    end(s);
  });
}

TEST(ReadAhead, drops_what_a_client_out_of_order_does_not_want) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    first(s);
    second(s);
    s.upstream(reply(2) + reply(3));
    s.scanner_says(Verdict::clean());
    s.expect_client(kOk + body(2));
    s.client("RETR 9\r\n");
    s.upstream_expects("RETR 9\r\n");
    s.expect_scans(0);
    s.upstream(reply(4) + reply(9));
    s.expect_scans(1);
    s.scanner_says(Verdict::clean());
    s.expect_client(kOk + body(9));
    s.client("QUIT\r\n");
    end(s);
    if (s.killed()) return;
    EXPECT_EQ(s.filters.counters.read_ahead_used.get(), 0U);
    EXPECT_EQ(s.filters.counters.read_ahead_wasted.get(), 2U);
  });
}

TEST(ReadAhead, fetches_nothing_twice_for_a_client_that_goes_back) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    first(s);
    second(s);
    s.client("RETR 3\r\n");
    s.upstream_expects("RETR 5\r\n");
    s.client("RETR 1\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.client("RETR 2\r\n");
    s.upstream_expects("RETR 2\r\n");
    s.upstream(reply(2) + reply(3) + reply(4) + reply(5));
    s.upstream_expects_nothing();  // 3 waits for its turn
    s.client("QUIT\r\n");
    s.scanner_says(Verdict::clean());
    s.expect_client(kOk + body(2));
    s.scanner_says(Verdict::clean());
    s.expect_client(kOk + body(3));
    s.upstream(reply(1));
    s.scanner_says(Verdict::clean());
    s.expect_client(kOk + body(1));
    s.upstream(reply(2));
    s.scanner_says(Verdict::clean());
    s.expect_client(kOk + body(2));
    end(s);
  });
}

TEST(ReadAhead, leaves_a_message_that_is_deleted_to_upstream) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    first(s);
    second(s);
    s.upstream(reply(2) + reply(3) + reply(4));
    s.scanner_says(Verdict::clean());
    s.expect_client(kOk + body(2));
    s.client("DELE 3\r\n");
    s.upstream_expects("DELE 3\r\n");
    s.upstream("+OK gone\r\n");
    s.expect_client("+OK gone\r\n");
    s.upstream_expects("RETR 5\r\n");
    s.client("RETR 3\r\n");
    s.upstream_expects("RETR 3\r\n");
    s.upstream(reply(5) + "-ERR deleted\r\n");
    s.expect_client("-ERR deleted\r\n");
    s.upstream_expects("RETR 4\r\nRETR 5\r\n");
    s.client("QUIT\r\n");
    s.upstream(reply(4) + reply(5));
    end(s);
  });
}

TEST(ReadAhead, goes_one_by_one_where_upstream_does) {
  for_each_run([](SessionHarness& s) {
    begin(s, "USER\r\nUIDL\r\n");
    first(s);
    s.client("RETR 2\r\n");
    s.upstream_expects("RETR 2\r\n");
    s.upstream(reply(2));
    s.upstream_expects("RETR 3\r\n");  // while 2 is scanned
    s.upstream(reply(3));
    s.upstream_expects("RETR 4\r\n");
    s.expect_scans(2);
    s.scanner_says(Verdict::clean());
    s.expect_client(kOk + body(2));
    s.upstream(reply(4));
    s.upstream_expects_nothing();
    s.client("QUIT\r\n");
    end(s);
  });
}

TEST(ReadAhead, ends_with_upstream) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    first(s);
    second(s);
    s.upstream(reply(2));
    s.scanner_says(Verdict::clean());
    s.expect_client(kOk + body(2));
    s.client("RETR 3\r\n");
    s.upstream_expects("RETR 5\r\n");
    s.upstream("+OK\r\nhalf of it\r\n");
    s.upstream_ends();
    s.expect_client("-ERR [SYS/TEMP] Mail server lost\r\n");
    s.expect_ended(EndReason::upstream_lost);
  });
}

TEST(ReadAhead, is_not_begun_for_a_client_that_has_left) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    first(s);
    s.client("RETR 2\r\n");
    s.upstream_expects("RETR 2\r\nRETR 3\r\nRETR 4\r\n");
    s.client_ends(ErrorCode::system);
    s.expect_upstream_aborted();
    s.expect_ended(EndReason::client_error);
  });
}

}  // namespace
}  // namespace gatepost::testing
