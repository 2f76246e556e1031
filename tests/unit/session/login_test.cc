// How a client gets in: USER and PASS, and what upstream says to it.
#include <gtest/gtest.h>

#include "tests/support/session_harness.h"

namespace gatepost::testing {
namespace {

using session::EndReason;
using session::LoginResult;

TEST(Login, greets_for_itself_and_asks_upstream_only_at_pass) {
  for_each_run([](SessionHarness& s) {
    s.start();
    s.expect_client("+OK Gatepost ready\r\n");
    s.client("USER joe\r\n");
    s.expect_client("+OK Send PASS\r\n");
    EXPECT_EQ(s.connector.started(), 0U);
    s.client("PASS secret\r\n");
    s.expect_client("");
    s.upstream_accepts();
    s.upstream_expects("");
    s.upstream("+OK pop.example ready <123@pop.example>\r\n");
    s.upstream_expects("CAPA\r\n");
    s.upstream("+OK\r\nUSER\r\nUIDL\r\n.\r\n");
    s.upstream_expects("USER joe\r\n");
    s.upstream("+OK\r\n");
    s.upstream_expects("PASS secret\r\n");
    s.upstream("+OK joe has 2 messages\r\n");
    s.client_says_and_gets("", "+OK joe has 2 messages\r\n");
    s.client("QUIT\r\n");
    s.upstream_expects("QUIT\r\n");
    s.upstream("+OK bye\r\n");
    s.expect_client("+OK bye\r\n");
    s.expect_upstream_closed();
    s.expect_ended(EndReason::quit);
    if (s.killed()) return;
    EXPECT_EQ(s.counters.logins[LoginResult::ok].get(), 1U);
  });
}

}  // namespace
}  // namespace gatepost::testing
