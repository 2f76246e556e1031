// Messages that an administrator released out of quarantine, in the mailbox of
// their user.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/digest.h"
#include "tests/support/session_harness.h"
#include "tests/support/temporary_folder.h"

namespace gatepost::testing {
namespace {

using session::EndReason;
using session::MailboxOpening;
using session::MailboxSettlement;

constexpr std::string_view kPipelining = "USER\r\nPIPELINING\r\nTOP\r\nUIDL\r\n";
constexpr std::string_view kText = "Subject: Eicar\r\n\r\n.dot\r\nline 2\r\n";
constexpr std::string_view kStuffed = "Subject: Eicar\r\n\r\n..dot\r\nline 2\r\n.\r\n";
const std::string kOk = "+OK Message follows\r\n";
const std::string kGone = "-ERR Message is deleted.\r\n";

/// A quarantine for all runs of a transcript, with message 1 of 32 octets
/// released to joe.
class Shelf {
 public:
  Shelf() {
    config::Quarantine config;
    config.folder = folder_.file("quarantine");
    quarantine_ = *filters::Quarantine::open(config);
    EXPECT_EQ(keep(kText), 1U);
    release(1);
  }

  std::uint64_t keep(std::string_view text) {
    filters::QuarantineRecord record;
    record.user = "joe";
    record.route = "all";
    std::string_view rest = text;
    return *quarantine_->keep(
        sha256(text),
        [&rest]() -> Result<std::string_view> { return std::exchange(rest, std::string_view()); },
        record);
  }
  void release(std::uint64_t number) { EXPECT_TRUE(quarantine_->release(number)); }
  void delivered() { EXPECT_TRUE(quarantine_->delivered(1)); }
  [[nodiscard]] std::size_t released() const { return quarantine_->released("all", "joe")->size(); }
  [[nodiscard]] std::string file() const { return folder_.file("quarantine/1.eml.zst"); }
  [[nodiscard]] const std::shared_ptr<filters::Quarantine>& quarantine() { return quarantine_; }

 private:
  TemporaryFolder folder_;
  std::shared_ptr<filters::Quarantine> quarantine_;
};

/// Up to the moment when upstream is asked for its lists.
void log_in(SessionHarness& s, Shelf& shelf, std::string_view capabilities = kPipelining) {
  s.use_chain();
  s.filters.host.quarantine = shelf.quarantine();
  s.start();
  s.expect_client_line("+OK");
  s.log_in(capabilities);
}

const std::string kList = "+OK 3 messages\r\n1 100\r\n2 200\r\n3 900\r\n.\r\n";
const std::string kUidl = "+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n";

/// Behind three messages of upstream.
void begin(SessionHarness& s, Shelf& shelf) {
  log_in(s, shelf);
  s.upstream_expects("LIST\r\nUIDL\r\n");
  s.upstream(kList + kUidl);
  s.expect_client("");
}

void quit(SessionHarness& s) {
  s.client("QUIT\r\n");
  s.upstream_expects("QUIT\r\n");
  s.upstream("+OK bye\r\n");
  s.expect_client("+OK bye\r\n");
  s.expect_upstream_closed();
  s.expect_ended(EndReason::quit);
}

void answers(SessionHarness& s, const std::string& command, const std::string& from_upstream,
             const std::string& reply) {
  s.client(command);
  s.upstream_expects(command);
  s.upstream(from_upstream);
  s.expect_client(reply);
}

TEST(Released, come_behind_those_of_upstream_in_every_command) {
  Shelf shelf;
  for_each_run([&shelf](SessionHarness& s) {
    begin(s, shelf);
    s.client_says_and_gets("STAT\r\n", "+OK 4 1232\r\n");
    s.client_says_and_gets("LIST\r\n",
                           "+OK 4 messages\r\n1 100\r\n2 200\r\n3 900\r\n4 32\r\n.\r\n");
    s.client_says_and_gets(
        "UIDL\r\n", "+OK 4 messages\r\n1 a\r\n2 b\r\n3 c\r\n4 gatepost-quarantine-1\r\n.\r\n");
    s.client_says_and_gets("LIST 3\r\n", "+OK 3 900\r\n");
    s.client_says_and_gets("UIDL 3\r\n", "+OK 3 c\r\n");
    s.client_says_and_gets("LIST 5\r\n", "-ERR There's no such message.\r\n");
    s.client_says_and_gets("LIST 4\r\n", "+OK 4 32\r\n");
    s.client_says_and_gets("UIDL 4\r\n", "+OK 4 gatepost-quarantine-1\r\n");
    s.client_says_and_gets("RETR 4\r\n", kOk + std::string(kStuffed));
    s.client_says_and_gets("TOP 4 1\r\n", kOk + "Subject: Eicar\r\n\r\n..dot\r\n.\r\n");
    s.upstream_expects("");
    s.expect_scans(0);
    quit(s);
    if (s.killed()) return;
    EXPECT_EQ(s.counters.messages_retrieved.get(), 1U);
    EXPECT_EQ(s.log.count(" message "), 1U);
    EXPECT_NE(s.log.find(" message ").find("quarantine=1"), std::string::npos);
  });
  EXPECT_EQ(shelf.released(), 1U);
}

TEST(Released, are_those_of_the_quarantine_that_was_there_at_the_login) {
  Shelf shelf;
  for_each_run([&shelf](SessionHarness& s) {
    shelf.release(1);
    begin(s, shelf);
    s.filters.host.quarantine.reset();
    s.client_says_and_gets("RETR 4\r\n", kOk + std::string(kStuffed));
    s.client_says_and_gets("DELE 4\r\n", "+OK Marked to be deleted.\r\n");
    quit(s);
    if (s.killed()) return;
    EXPECT_EQ(shelf.released(), 0U);
  });
}

TEST(Released, of_which_there_are_none_cost_no_command) {
  Shelf shelf;
  shelf.delivered();
  for_each_run([&shelf](SessionHarness& s) {
    log_in(s, shelf);
    s.upstream_expects("");
    answers(s, "STAT\r\n", "+OK  3  1200\r\n", "+OK  3  1200\r\n");
    answers(s, "UIDL 4\r\n", "-ERR\r\n", "-ERR\r\n");
    quit(s);
  });
}

TEST(Released, are_the_only_messages_of_an_empty_mailbox) {
  Shelf shelf;
  for_each_run([&shelf](SessionHarness& s) {
    log_in(s, shelf);
    s.upstream_expects("LIST\r\nUIDL\r\n");
    s.upstream("+OK empty\r\n.\r\n+OK\r\n.\r\n");
    s.client_says_and_gets("LIST\r\n", "+OK 1 messages\r\n1 32\r\n.\r\n");
    s.client_says_and_gets("RETR 1\r\n", kOk + std::string(kStuffed));
    quit(s);
  });
}

TEST(Released, wait_until_upstream_has_counted_and_so_do_commands) {
  Shelf shelf;
  for_each_run([&shelf](SessionHarness& s) {
    log_in(s, shelf);
    s.upstream_expects("LIST\r\nUIDL\r\n");
    s.client("LIST 4\r\nNOOP\r\nFOO\r\n");
    s.expect_client("");
    s.upstream_expects("");
    s.upstream(kList + kUidl);
    s.upstream_expects("NOOP\r\n");
    s.expect_client("+OK 4 32\r\n");
    s.upstream("+OK\r\n");
    s.expect_client("+OK\r\n-ERR Unknown command\r\n");
    quit(s);
  });
}

TEST(Released, stand_in_line_with_other_answers) {
  Shelf shelf;
  for_each_run([&shelf](SessionHarness& s) {
    begin(s, shelf);
    s.client("NOOP\r\nSTAT\r\nRETR 4\r\nNOOP\r\nTOP 4 0\r\nRETR 4\r\nDELE 4\r\nSTAT\r\n");
    s.upstream_expects("NOOP\r\nNOOP\r\n");
    s.expect_client("");
    s.upstream("+OK noop\r\n");
    s.expect_client("+OK noop\r\n+OK 4 1232\r\n" + kOk + std::string(kStuffed));
    s.upstream("+OK noop\r\n");
    s.expect_client("+OK noop\r\n" + kOk + "Subject: Eicar\r\n\r\n.\r\n" + kOk +
                    std::string(kStuffed) + "+OK Marked to be deleted.\r\n+OK 3 1200\r\n");
    s.client_says_and_gets("RSET\r\n", "+OK\r\n");
    quit(s);
  });
  EXPECT_EQ(shelf.released(), 1U);
}

TEST(Released, that_are_deleted_are_gone_until_rset) {
  Shelf shelf;
  for_each_run([&shelf](SessionHarness& s) {
    begin(s, shelf);
    s.client_says_and_gets("DELE 4\r\n", "+OK Marked to be deleted.\r\n");
    for (const char* command :
         {"DELE 4\r\n", "LIST 4\r\n", "UIDL 4\r\n", "RETR 4\r\n", "TOP 4 0\r\n"}) {
      s.client_says_and_gets(command, kGone);
    }
    s.client_says_and_gets("STAT\r\n", "+OK 3 1200\r\n");
    s.client_says_and_gets("UIDL\r\n", "+OK 3 messages\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n");
    s.client_says_and_gets("RSET\r\n", "+OK\r\n");
    s.client_says_and_gets("LIST 4\r\n", "+OK 4 32\r\n");
    quit(s);
  });
  EXPECT_EQ(shelf.released(), 1U);
}

TEST(Released, let_deletions_of_others_wait_for_quit) {
  Shelf shelf;
  for_each_run([&shelf](SessionHarness& s) {
    begin(s, shelf);
    s.client_says_and_gets("DELE 2\r\n", "+OK Marked to be deleted.\r\n");
    s.client_says_and_gets("DELE 3\r\n", "+OK Marked to be deleted.\r\n");
    s.client_says_and_gets("STAT\r\n", "+OK 2 132\r\n");
    s.upstream_expects("");
    s.client("QUIT\r\n");
    s.upstream_expects("DELE 2\r\nDELE 3\r\n");
    s.upstream("+OK\r\n+OK\r\n");
    s.upstream_expects("QUIT\r\n");
    s.upstream("+OK bye\r\n");
    s.expect_client("+OK bye\r\n");
    s.expect_ended(EndReason::quit);
  });
}

TEST(Released, tell_at_quit_of_deletions_that_upstream_refuses) {
  Shelf shelf;
  for_each_run([&shelf](SessionHarness& s) {
    begin(s, shelf);
    s.client_says_and_gets("DELE 1\r\n", "+OK Marked to be deleted.\r\n");
    s.client_says_and_gets("DELE 2\r\n", "+OK Marked to be deleted.\r\n");
    s.client("QUIT\r\n");
    s.upstream_expects("DELE 1\r\nDELE 2\r\n");
    s.upstream("+OK\r\n-ERR locked\r\n");
    s.upstream_expects("QUIT\r\n");
    s.upstream("+OK bye\r\n");
    s.expect_client("-ERR [SYS/TEMP] 1 of 2 deleted messages not removed\r\n");
    s.expect_ended(EndReason::quit);
    if (s.killed()) return;
    EXPECT_EQ(s.log.count(" message_not_removed "), 1U);
  });
}

TEST(Released, lose_no_deletion_unseen_when_upstream_is_lost) {
  Shelf shelf;
  for (const std::string said : {"", "+OK\r\n", "+OK\r\n+OK\r\n"}) {
    for_each_run([&](SessionHarness& s) {
      begin(s, shelf);
      s.client("DELE 1\r\nDELE 2\r\nQUIT\r\n");
      s.expect_client("+OK Marked to be deleted.\r\n+OK Marked to be deleted.\r\n");
      s.upstream_expects("DELE 1\r\nDELE 2\r\n");
      s.upstream(said);
      s.upstream_ends();
      s.expect_client_line("-ERR [SYS/TEMP] Mail server lost, deletions may not have been done");
      s.expect_ended(EndReason::upstream_lost);
      s.ignore_the_rest();
    });
  }
}

TEST(Released, that_are_deleted_are_settled_before_quit_is_answered) {
  Shelf shelf;
  for_each_run([&shelf](SessionHarness& s) {
    shelf.release(1);
    begin(s, shelf);
    s.client_says_and_gets("DELE 4\r\n", "+OK Marked to be deleted.\r\n");
    if (!s.killed()) s.filters.background.hold = true;
    s.client("QUIT\r\n");
    s.upstream_expects("QUIT\r\n");
    s.upstream("+OK see you\r\n");
    s.expect_client("");
    if (s.killed()) return;
    EXPECT_EQ(shelf.released(), 1U);
    EXPECT_NE(s.session()->waits_for() & session::kStores, 0);
    // Upstream may go, and say what it likes.
    s.upstream("+OK once more\r\n");
    s.upstream_ends();
    s.expect_client("");
    s.filters.background.hold = false;
    s.run();
    if (s.killed()) return;
    EXPECT_EQ(shelf.released(), 0U);
    s.expect_client("+OK see you\r\n");
    s.expect_ended(EndReason::quit);
  });
}

TEST(Released, stay_when_they_cannot_be_settled_in_time) {
  Shelf shelf;
  for_each_run([&shelf](SessionHarness& s) {
    shelf.release(1);
    begin(s, shelf);
    s.client_says_and_gets("DELE 4\r\n", "+OK Marked to be deleted.\r\n");
    s.filters.background.hold = true;
    s.client("QUIT\r\n");
    s.upstream_expects("QUIT\r\n");
    s.upstream("+OK\r\n");
    s.expect_client("");
    s.advance(MailboxSettlement::kConcluding);
    s.expect_client("-ERR [SYS/TEMP] Some deleted messages were not removed\r\n");
    s.expect_ended(EndReason::quit);
    if (s.killed()) return;
    EXPECT_EQ(s.log.count(" released_not_settled "), 1U);
    EXPECT_EQ(s.filters.counters.quarantine_failures.get(), 1U);
  });
}

TEST(Released, stay_when_the_session_did_not_end_with_quit) {
  Shelf shelf;
  for_each_run([&shelf](SessionHarness& s) {
    begin(s, shelf);
    s.client_says_and_gets("DELE 4\r\n", "+OK Marked to be deleted.\r\n");
    s.client_ends();
    s.expect_upstream_aborted();
    s.expect_ended(EndReason::client_closed);
  });
  for_each_run([&shelf](SessionHarness& s) {
    begin(s, shelf);
    s.client_says_and_gets("DELE 4\r\n", "+OK Marked to be deleted.\r\n");
    s.client("QUIT\r\n");
    s.upstream_expects("QUIT\r\n");
    s.upstream("-ERR some messages not removed\r\n");
    s.expect_client("-ERR some messages not removed\r\n");
    s.expect_ended(EndReason::quit);
  });
  for_each_run([&shelf](SessionHarness& s) {
    begin(s, shelf);
    s.client_says_and_gets("DELE 4\r\n", "+OK Marked to be deleted.\r\n");
    s.client("QUIT\r\n");
    s.upstream_expects("QUIT\r\n");
    s.upstream_ends();
    s.expect_client_line("-ERR [SYS/TEMP] Mail server lost, deletions may not have been done");
    s.expect_ended(EndReason::upstream_lost);
  });
  EXPECT_EQ(shelf.released(), 1U);
}

TEST(Released, are_not_shown_when_the_quarantine_does_not_say_in_time) {
  Shelf shelf;
  for_each_run([&shelf](SessionHarness& s) {
    s.filters.background.hold = true;
    log_in(s, shelf);
    s.client("STAT\r\n");
    s.upstream_expects("");
    if (!s.killed()) {
      EXPECT_NE(s.session()->waits_for() & session::kStores, 0);
    }
    s.advance(MailboxOpening::kLooking - Duration(1));
    s.upstream_expects("");
    s.advance(Duration(1));
    s.upstream_expects("STAT\r\n");
    s.filters.background.hold = false;
    s.upstream("+OK 3 1200\r\n");
    s.expect_client("+OK 3 1200\r\n");
    quit(s);
    if (s.killed()) return;
    EXPECT_EQ(s.log.count(" released_not_shown "), 1U);
    EXPECT_EQ(s.filters.counters.quarantine_failures.get(), 1U);
  });
}

TEST(Released, are_not_shown_when_upstream_lists_nonsense) {
  Shelf shelf;
  for (const auto& [list, uidl] : std::vector<std::pair<std::string, std::string>>{
           {"-ERR no\r\n", "+OK\r\n.\r\n"},
           {"+OK\r\n1 a\r\n.\r\n", "+OK\r\n1 a\r\n.\r\n"},
           {"+OK\r\n2 100\r\n.\r\n", "+OK\r\n2 a\r\n.\r\n"},
           {"+OK\r\nx\r\n.\r\n", "+OK\r\n.\r\n"},
           {"+OK\r\n1 99999999999999999999\r\n.\r\n", "+OK\r\n1 a\r\n.\r\n"},
           {"+OK\r\n1 100\r\n.\r\n", "+OK\r\n.\r\n"},
           {"+OK\r\n1 100\r\n.\r\n", "+OK\r\n1 a\r\n2 b\r\n.\r\n"},
           {"+OK\r\n1 100\r\n.\r\n", "+OK\r\n1 a\xfc\r\n.\r\n"},
           {"+OK\r\n1 100\r\n.\r\n", "+OK\r\n1 " + std::string(300, 'a') + "\r\n.\r\n"}}) {
    for_each_run([&](SessionHarness& s) {
      log_in(s, shelf);
      s.upstream_expects("LIST\r\nUIDL\r\n");
      s.upstream(list + uidl);
      answers(s, "LIST 4\r\n", "-ERR none\r\n", "-ERR none\r\n");
      answers(s, "DELE 1\r\n", "+OK\r\n", "+OK\r\n");
      quit(s);
      if (s.killed()) return;
      EXPECT_EQ(s.log.count(" released_not_shown "), 1U);
    });
  }
}

TEST(Released, need_no_uidl_of_upstream) {
  Shelf shelf;
  for_each_run([&shelf](SessionHarness& s) {
    log_in(s, shelf, "USER\r\n");
    s.upstream_expects("LIST\r\n");
    s.upstream("+OK\r\n1 100\r\n.\r\n");
    s.upstream_expects("UIDL\r\n");
    s.upstream("-ERR what?\r\n");
    s.client_says_and_gets("STAT\r\n", "+OK 2 132\r\n");
    s.client_says_and_gets("UIDL 2\r\n", "+OK 2 gatepost-quarantine-1\r\n");
    answers(s, "UIDL\r\n", "-ERR what?\r\n", "-ERR what?\r\n");
    quit(s);
  });
}

TEST(Released, are_refused_when_their_file_is_gone) {
  Shelf shelf;
  std::filesystem::remove(shelf.file());
  for_each_run([&shelf](SessionHarness& s) {
    begin(s, shelf);
    s.client_says_and_gets("RETR 4\r\n",
                           "-ERR [SYS/TEMP] Released message is "
                           "not available, try again later\r\n");
    answers(s, "NOOP\r\n", "+OK\r\n", "+OK\r\n");
    quit(s);
    if (s.killed()) return;
    EXPECT_EQ(s.counters.messages_retrieved.get(), 0U);
    EXPECT_NE(s.log.find(" message ").find("action=refuse"), std::string::npos);
  });
}

TEST(Released, may_be_large) {
  Shelf shelf;
  const std::string text = "Subject: x\r\n\r\n" + std::string(300'000, 'x') + "\r\n";
  shelf.release(shelf.keep(text));
  for (const std::size_t accept : {1'000UL, 100'000UL}) {
    SessionHarness s({.accept_per_turn = accept});
    begin(s, shelf);
    s.client("RETR 5\r\n");
    s.expect_client(kOk + text + ".\r\n");
    quit(s);
  }
}

TEST(Released, end_with_a_lost_upstream) {
  Shelf shelf;
  for_each_run([&shelf](SessionHarness& s) {
    log_in(s, shelf);
    s.upstream_expects("LIST\r\nUIDL\r\n");
    s.upstream_ends();
    // Nobody owes the client anything.
    s.expect_client("");
    s.expect_ended(EndReason::upstream_lost);
  });
}

TEST(Released, end_with_a_client_that_leaves_meanwhile) {
  Shelf shelf;
  for_each_run([&shelf](SessionHarness& s) {
    log_in(s, shelf);
    s.upstream_expects("LIST\r\nUIDL\r\n");
    s.client("LIST 4\r\n");
    s.client_ends();
    s.expect_alive();
    s.upstream(kList + kUidl);
    // It ended only its own direction.
    s.expect_client("+OK 4 32\r\n");
    s.expect_upstream_aborted();
    s.expect_ended(EndReason::client_closed);
  });
}

}  // namespace
}  // namespace gatepost::testing
