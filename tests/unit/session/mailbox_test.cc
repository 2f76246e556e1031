// A mailbox whose messages a policy keeps or removes (config::RetentionPolicy).
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/support/session_harness.h"

namespace gatepost::testing {
namespace {

using config::RetentionType;
using session::EndReason;

constexpr std::string_view kPipelining = "USER\r\nPIPELINING\r\nTOP\r\nUIDL\r\n";
const std::string kList = "+OK 3 messages\r\n1 100\r\n2 200\r\n3 900\r\n.\r\n";
const std::string kUidl = "+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n";
const std::string kMarked = "+OK Marked to be deleted.\r\n";
const std::string kMessage = "+OK\r\nSubject: x\r\n\r\nhello\r\n.\r\n";

/// What several sessions have in common: the store, and so the policy's memory.
class Account {
 public:
  explicit Account(config::RetentionPolicy policy) : policy_(std::move(policy)) {}

  /// A session of joe, up to where upstream is asked for its lists.
  void log_in(SessionHarness& s, std::string_view capabilities = kPipelining) {
    s.settings.retention = RetentionFixture::policy(policy_);
    s.retention.table = table;
    s.retention.host.store = std::make_shared<store::TableRecords>(table, s.filters.background);
    s.retention.now = now;
    s.start();
    s.expect_client_line("+OK");
    s.log_in_held(capabilities);
  }
  void begin(SessionHarness& s, const std::string& list = kList, const std::string& uidl = kUidl) {
    log_in(s);
    s.upstream_expects("LIST\r\nUIDL\r\n");
    s.upstream(list + uidl);
    s.expect_client("+OK Logged in\r\n");
  }
  /// A session outside of the transcript that is tested.
  void session(const std::function<void(SessionHarness&)>& run) {
    SessionHarness s;
    begin(s);
    run(s);
  }

  std::int64_t now = 1'800'000'000;
  std::shared_ptr<store::RecordTable> table = std::make_shared<store::MemoryRecords>();

 private:
  const config::RetentionPolicy policy_;
};

// Not inline: g++ 12 takes the default of `devices` for uninitialized then.
[[gnu::noinline]] config::RetentionPolicy policy(std::string name, RetentionType type) {
  config::RetentionPolicy policy;
  policy.name = std::move(name);
  policy.type = type;
  return policy;
}

config::RetentionPolicy keep() { return policy("keep", RetentionType::keep); }
config::RetentionPolicy delete_after_retrieval() {
  return policy("pop", RetentionType::delete_after_retrieval);
}

void quit(SessionHarness& s) {
  s.client("QUIT\r\n");
  s.upstream_expects("QUIT\r\n");
  s.upstream("+OK bye\r\n");
  s.expect_client("+OK bye\r\n");
  s.expect_upstream_closed();
  s.expect_ended(EndReason::quit);
}

void retrieves(SessionHarness& s, const std::string& number, const std::string& upstreams) {
  s.client("RETR " + number + "\r\n");
  s.upstream_expects("RETR " + upstreams + "\r\n");
  s.upstream(kMessage);
  s.expect_client(kMessage);
}

TEST(Mailbox, keeps_what_the_client_deletes_and_hides_it_from_then_on) {
  for_each_run([](SessionHarness& s) {
    Account joe(keep());
    joe.begin(s);
    retrieves(s, "2", "2");
    s.client_says_and_gets("DELE 2\r\n", kMarked);
    s.client_says_and_gets("STAT\r\n", "+OK 2 1000\r\n");
    quit(s);
    if (s.killed()) return;
    SessionHarness next;
    joe.begin(next);
    next.client_says_and_gets("STAT\r\n", "+OK 2 1000\r\n");
    next.client_says_and_gets("LIST\r\n", "+OK 2 messages\r\n1 100\r\n2 900\r\n.\r\n");
    next.client_says_and_gets("UIDL\r\n", "+OK 2 messages\r\n1 a\r\n2 c\r\n.\r\n");
    next.client_says_and_gets("UIDL 3\r\n", "-ERR There's no such message.\r\n");
    retrieves(next, "2", "3");
    next.client("TOP 2 0\r\n");
    next.upstream_expects("TOP 3 0\r\n");
    next.upstream(kMessage);
    next.expect_client(kMessage);
    quit(next);
  });
}

TEST(Mailbox, forgets_deletions_of_a_session_without_quit) {
  Account joe(keep());
  for_each_run([&joe](SessionHarness& s) {
    joe.begin(s);
    s.client_says_and_gets("DELE 1\r\n", kMarked);
    s.client_ends();
    s.expect_upstream_aborted();
    s.expect_ended(EndReason::client_closed);
  });
  for_each_run([&joe](SessionHarness& s) {
    joe.begin(s);
    s.client_says_and_gets("DELE 1\r\n", kMarked);
    s.client_says_and_gets("RSET\r\n", "+OK\r\n");
    s.client_says_and_gets("STAT\r\n", "+OK 3 1200\r\n");
    quit(s);
  });
}

TEST(Mailbox, has_gaps_for_nobody) {
  Account joe(keep());
  joe.session([](SessionHarness& s) {
    s.client_says_and_gets("DELE 1\r\n", kMarked);
    s.client_says_and_gets("DELE 2\r\n", kMarked);
    quit(s);
  });
  for_each_run([&joe](SessionHarness& s) {
    joe.begin(s);
    s.client_says_and_gets("LIST 1\r\n", "+OK 1 900\r\n");
    s.client_says_and_gets("UIDL 1\r\n", "+OK 1 c\r\n");
    s.client_says_and_gets("RETR 2\r\n", "-ERR There's no such message.\r\n");
    retrieves(s, "1", "3");
    quit(s);
  });
}

TEST(Mailbox, tells_capa_the_truth_about_expire) {
  Account joe(keep());
  for_each_run([&joe](SessionHarness& s) {
    joe.begin(s);
    s.client_says_and_gets("CAPA\r\n",
                           "+OK Capability list follows\r\nTOP\r\nUIDL\r\nPIPELINING\r\n"
                           "RESP-CODES\r\nEXPIRE NEVER\r\n.\r\n");
    quit(s);
  });
}

TEST(Mailbox, removes_what_was_retrieved_and_nothing_else) {
  for_each_run([](SessionHarness& s) {
    Account joe(delete_after_retrieval());
    joe.begin(s);
    retrieves(s, "1", "1");
    retrieves(s, "3", "3");
    s.client("QUIT\r\n");
    s.upstream_expects("DELE 1\r\nDELE 3\r\n");
    s.upstream("+OK\r\n+OK\r\n");
    s.upstream_expects("QUIT\r\n");
    s.upstream("+OK bye\r\n");
    s.expect_client("+OK bye\r\n");
    s.expect_ended(EndReason::quit);
    if (s.killed()) return;
    EXPECT_EQ(s.retention.audit->reasons.size(), 2U);
  });
}

TEST(Mailbox, takes_top_of_all_lines_for_a_retrieval) {
  for_each_run([](SessionHarness& s) {
    Account joe(delete_after_retrieval());
    joe.begin(s);
    // As fetchmail does. The other is a part, for all we know.
    for (const std::string line : {"TOP 1 99999999\r\n", "TOP 3 999999\r\n"}) {
      s.client(line);
      s.upstream_expects(line);
      s.upstream(kMessage);
      s.expect_client(kMessage);
    }
    s.client("DELE 3\r\n");
    s.expect_client_line("-ERR ");
    s.client_says_and_gets("DELE 1\r\n", kMarked);
    s.client("QUIT\r\n");
    s.upstream_expects("DELE 1\r\n");
    s.upstream("+OK\r\n");
    s.upstream_expects("QUIT\r\n");
    s.upstream("+OK bye\r\n");
    s.expect_client("+OK bye\r\n");
    s.expect_ended(EndReason::quit);
  });
}

TEST(Mailbox, removes_nothing_that_broke_off) {
  for_each_run([](SessionHarness& s) {
    Account joe(delete_after_retrieval());
    joe.begin(s);
    s.client("RETR 1\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.upstream("+OK\r\nSubject: x\r\n");
    s.expect_client("+OK\r\nSubject: x\r\n");
    s.client("QUIT\r\n");
    s.upstream_ends();
    s.expect_ended(EndReason::upstream_lost);
    if (s.killed()) return;
    EXPECT_TRUE(s.retention.audit->reasons.empty());
  });
}

TEST(Mailbox, refuses_dele_with_the_reason) {
  Account joe(policy("archive", RetentionType::read_only));
  for_each_run([&joe](SessionHarness& s) {
    joe.begin(s);
    s.client("DELE 1\r\n");
    s.expect_client_line("-ERR ");
    s.client_says_and_gets("STAT\r\n", "+OK 3 1200\r\n");
    quit(s);
  });
}

TEST(Mailbox, turns_the_login_away_when_upstream_has_no_uidl) {
  Account joe(keep());
  for_each_run([&joe](SessionHarness& s) {
    joe.log_in(s);
    s.upstream_expects("LIST\r\nUIDL\r\n");
    s.upstream(kList + "-ERR what?\r\n");
    s.expect_client(
        "-ERR [SYS/TEMP] The mail server has no UIDL, which the policy of this mailbox needs\r\n");
    s.expect_upstream_aborted();
    s.expect_ended(EndReason::mailbox_unavailable);
  });
}

TEST(Mailbox, takes_headers_for_uidls_where_it_may) {
  config::RetentionPolicy hashed = keep();
  hashed.header_hash = true;
  for_each_run([&hashed](SessionHarness& s) {
    Account joe(hashed);
    joe.log_in(s);
    s.upstream_expects("LIST\r\nUIDL\r\n");
    s.upstream("+OK\r\n1 100\r\n2 200\r\n.\r\n-ERR what?\r\n");
    s.upstream_expects("TOP 1 0\r\nTOP 2 0\r\n");
    s.upstream("+OK\r\nSubject: a\r\n\r\n.\r\n+OK\r\nSubject: b\r\n\r\n.\r\n");
    s.expect_client("+OK Logged in\r\n");
    s.client("UIDL 2\r\n");
    const std::string line = s.expect_client_line("+OK 2 ");
    if (s.killed()) return;
    EXPECT_EQ(line.size(), std::string("+OK 2 \r\n").size() + 32);
    quit(s);
  });
}

TEST(Mailbox, lets_nobody_in_while_the_store_is_away) {
  Account joe(keep());
  for_each_run([&joe](SessionHarness& s) {
    joe.log_in(s);
    s.filters.background.hold = true;
    s.upstream_expects("LIST\r\nUIDL\r\n");
    s.upstream(kList + kUidl);
    s.expect_client("");
    if (!s.killed()) {
      EXPECT_NE(s.session()->waits_for() & session::kStores, 0);
    }
    s.advance(session::MailboxOpening::kOpening);
    s.expect_client("-ERR [SYS/TEMP] Mailbox cannot be looked through now, try again later\r\n");
    s.expect_ended(EndReason::mailbox_unavailable);
  });
}

TEST(Mailbox, deletes_nothing_that_could_not_be_noted) {
  for_each_run([](SessionHarness& s) {
    Account joe(delete_after_retrieval());
    joe.begin(s);
    retrieves(s, "1", "1");
    s.client_says_and_gets("DELE 1\r\n", kMarked);
    s.filters.background.hold = true;
    s.client("QUIT\r\n");
    s.upstream_expects("");
    s.advance(session::MailboxSettlement::kBook);
    s.upstream_expects("QUIT\r\n");
    s.upstream("+OK bye\r\n");
    s.expect_client("-ERR [SYS/TEMP] Nothing was deleted: it could not be noted\r\n");
    s.expect_ended(EndReason::quit);
  });
}

TEST(Mailbox, tells_the_client_when_upstream_is_lost_before_it_is_logged_in) {
  Account joe(keep());
  for_each_run([&joe](SessionHarness& s) {
    joe.log_in(s);
    s.upstream_expects("LIST\r\nUIDL\r\n");
    s.upstream_ends();
    s.expect_client("-ERR [SYS/TEMP] Mail server lost\r\n");
    s.expect_ended(EndReason::upstream_lost);
  });
}

TEST(Mailbox, lets_the_client_leave_once_it_said_quit) {
  for_each_run([](SessionHarness& s) {
    Account joe(delete_after_retrieval());
    joe.begin(s);
    retrieves(s, "1", "1");
    s.client("QUIT\r\n");
    s.upstream_expects("DELE 1\r\n");
    s.client_ends();
    s.upstream("+OK\r\n");
    s.upstream_expects("QUIT\r\n");
    s.upstream("+OK bye\r\n");
    s.expect_client("+OK bye\r\n");
    s.expect_ended(EndReason::quit);
  });
}

TEST(Mailbox, keeps_upstream_awake_while_it_answers_itself) {
  Account joe(keep());
  for_each_run([&joe](SessionHarness& s) {
    joe.begin(s);
    s.advance(session::Retrieval::kAwake);
    s.client_says_and_gets("STAT\r\n", "+OK 3 1200\r\n");
    s.upstream_expects("NOOP\r\n");
    s.upstream("+OK\r\n");
    s.client_says_and_gets("STAT\r\n", "+OK 3 1200\r\n");
    s.upstream_expects("");
    quit(s);
  });
}

TEST(Mailbox, asks_for_nothing_where_the_client_decides) {
  for_each_run([](SessionHarness& s) {
    s.settings.retention = RetentionFixture::policy(policy("client", RetentionType::client));
    s.start();
    s.expect_client_line("+OK");
    s.log_in(kPipelining);
    s.upstream_expects("");
    s.client("DELE 1\r\n");
    s.upstream_expects("DELE 1\r\n");
    s.upstream("+OK\r\n");
    s.expect_client("+OK\r\n");
    quit(s);
  });
}

}  // namespace
}  // namespace gatepost::testing
