// Messages that go through a chain with a scanner.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/session_harness.h"

namespace gatepost::testing {
namespace {

using filters::Action;
using filters::Cause;
using filters::Verdict;
using session::EndReason;
using session::Retrieval;
using session::Session;

constexpr std::string_view kPipelining = "USER\r\nPIPELINING\r\nTOP\r\nUIDL\r\n";
/// As upstream sends it, and as the scanner sees it.
constexpr std::string_view kStuffed = "Subject: hello\r\n\r\n..dot\r\nline 2\r\n.\r\n";
constexpr std::string_view kPlain = "Subject: hello\r\n\r\n.dot\r\nline 2\r\n";
constexpr std::string_view kLine = "X-Gatepost-Status: being scanned\r\n";
const std::string kOk = "+OK Message follows\r\n";

void begin(SessionHarness& s, std::string_view capabilities = "USER\r\nTOP\r\nUIDL\r\n") {
  s.use_chain();
  s.start();
  s.expect_client_line("+OK");
  s.log_in(capabilities);
}

void quit(SessionHarness& s) {
  s.client("QUIT\r\n");
  s.upstream_expects("QUIT\r\n");
  s.upstream("+OK bye\r\n");
  s.expect_client("+OK bye\r\n");
  s.expect_upstream_closed();
  s.expect_ended(EndReason::quit);
}

/// RETR 1 up to the scan.
void retrieve(SessionHarness& s, std::string_view stuffed = kStuffed) {
  s.client("RETR 1\r\n");
  s.upstream_expects("RETR 1\r\n");
  s.upstream("+OK 99 octets\r\n");
  s.expect_client("");
  s.upstream(stuffed);
  s.expect_client("");
  s.expect_scans(1);
}

std::string field(const SessionHarness& s, std::string_view key) {
  const std::string line = s.log.find(" message ");
  const std::size_t at = line.find(" " + std::string(key) + "=");
  return at == std::string::npos
             ? "none"
             : line.substr(at + 2 + key.size(), line.find(' ', at + 1) - at - 2 - key.size());
}

// ------------------------------------------------------------------------------------- verdicts

TEST(Message, is_seen_by_nobody_before_its_verdict) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    retrieve(s);
    if (!s.killed()) {
      EXPECT_EQ(s.scanned_text(), kPlain);
      EXPECT_NE(s.session()->waits_for() & session::kVerdict, 0);
    }
    s.scanner_says(Verdict::clean());
    s.expect_client(kOk + std::string(kStuffed));
    quit(s);
    if (s.killed()) return;
    EXPECT_EQ(s.counters.messages_retrieved.get(), 1U);
    EXPECT_EQ(s.filters.counters.causes[Cause::clean].get(), 1U);
    const std::string line = s.log.find(" message ");
    for (const char* part :
         {"id=s1", "user=joe", "route=all", "chain=strict", "command=RETR", "number=1",
          "cause=clean", "action=deliver", "trail=\"scanner=clean\"", "octets=32",
          "remembered=false", "quarantine=0", "ladder=0", "duration_ms=0"}) {
      EXPECT_NE(line.find(part), std::string::npos) << part << ": " << line;
    }
  });
}

TEST(Message, comes_in_canonical_form) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    retrieve(s, "Subject: x\n\n..\r\nbare\rcr\r\n.\r\n");
    if (!s.killed()) {
      EXPECT_EQ(s.scanned_text(), "Subject: x\r\n\r\n..\r\nbare\r\ncr\r\n");
    }
    s.scanner_says(Verdict::clean());
    s.expect_client(kOk + "Subject: x\r\n\r\n...\r\nbare\r\ncr\r\n.\r\n");
    quit(s);
  });
}

TEST(Message, may_be_empty) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    retrieve(s, ".\r\n");
    s.scanner_says(Verdict::clean());
    s.expect_client(kOk + ".\r\n");
    quit(s);
  });
}

TEST(Message, is_refused_without_an_octet_of_it) {
  for_each_run([](SessionHarness& s) {
    s.use_chain();
    config::action_for(s.use_chain().config.policy, Cause::infected) = Action::refuse;
    begin(s);
    retrieve(s);
    s.scanner_says(Verdict::of(Cause::infected, "Eicar"));
    s.expect_client("-ERR [SYS/TEMP] Message held back: infected\r\n");
    // It was not deleted, and what the client says of it is its own affair.
    s.client("DELE 1\r\n");
    s.upstream_expects("DELE 1\r\n");
    s.upstream("+OK gone\r\n");
    s.expect_client("+OK gone\r\n");
    quit(s);
    if (s.killed()) return;
    EXPECT_EQ(s.counters.messages_retrieved.get(), 0U);
    EXPECT_EQ(field(s, "cause"), "infected");
    EXPECT_EQ(field(s, "action"), "refuse");
  });
}

TEST(Message, is_replaced_by_a_notice) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    retrieve(s);
    s.scanner_says(Verdict::of(Cause::infected, "Eicar"));
    s.expect_client(kOk);
    if (s.killed()) return;
    const std::string notice = s.at_client().take_sent();
    EXPECT_NE(notice.find("X-Gatepost-Notice: infected\r\n"), std::string::npos);
    EXPECT_TRUE(notice.ends_with("\r\n.\r\n"));
    EXPECT_EQ(notice.find("line 2"), std::string::npos);
    quit(s);
  });
}

TEST(Message, is_tagged) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    retrieve(s);
    s.scanner_says(Verdict::of(Cause::spam, "BAYES"));
    s.expect_client(kOk);
    s.expect_client_line("X-Gatepost-Verdict: spam");
    s.expect_client("Subject: [spam] hello\r\n\r\n..dot\r\nline 2\r\n.\r\n");
    quit(s);
  });
}

TEST(Message, that_upstream_refuses_is_refused_as_upstream_said) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("RETR 7\r\n");
    s.upstream_expects("RETR 7\r\n");
    s.upstream("-ERR no such message\r\n");
    s.expect_client("-ERR no such message\r\n");
    s.client("TOP 7 0\r\nTOP 7 1\r\n");
    s.upstream_expects("TOP 7 0\r\n");
    s.upstream("-ERR no such message\r\n");
    s.upstream_expects("RETR 7\r\n");
    s.upstream("-ERR no such message\r\n");
    s.expect_client("-ERR no such message\r\n-ERR no such message\r\n");
    quit(s);
    if (!s.killed()) {
      EXPECT_EQ(s.log.count(" message "), 0U);
    }
  });
}

TEST(Message, that_is_refused_early_is_read_to_its_end) {
  for_each_run([](SessionHarness& s) {
    filters::Chain& chain = s.use_chain();
    auto small = std::make_shared<filters::ScannerKind>(*chain.scanners[0]);
    small->config.max_size = 40;
    chain.scanners[0] = small;
    begin(s);
    s.client("RETR 1\r\nNOOP\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.upstream("+OK\r\nSubject: x\r\n\r\n" + std::string(100, 'x') + "\r\n");
    s.expect_client("-ERR [SYS/TEMP] Message held back: too large to be scanned\r\n");
    s.upstream_expects("");
    s.upstream(std::string(1000, 'y') + "\r\n..\r\n.\r\n");
    s.expect_client("");
    s.upstream_expects("NOOP\r\n");
    s.upstream("+OK\r\n");
    s.expect_client("+OK\r\n");
    quit(s);
  });
}

TEST(Message, goes_the_way_that_its_route_says) {
  SessionHarness s;
  s.use_chain();
  s.routes.emplace_back().conditions.name = "plain";
  s.routes.back().pool = SessionHarness::make_pool({s.server});
  s.routes.back().chain = nullptr;
  begin(s);
  s.client("RETR 1\r\n");
  s.upstream_expects("RETR 1\r\n");
  s.upstream("+OK 99 octets\r\nbare\nlf\r\n.\r\n");
  s.expect_client("+OK 99 octets\r\nbare\nlf\r\n.\r\n");
  s.expect_scans(0);
  EXPECT_EQ(s.log.count(" message "), 0U);
  quit(s);
}

// ------------------------------------------------------------------------------------ pipelining

TEST(Message, keeps_its_place_among_others) {
  for_each_run([](SessionHarness& s) {
    config::action_for(s.use_chain().config.policy, Cause::unscannable) = Action::refuse;
    begin(s, kPipelining);
    s.client("RETR 1\r\nCAPX\r\nRETR 2\r\nRETR 3\r\nDELE 2\r\nQUIT\r\n");
    s.upstream_expects("RETR 1\r\nRETR 2\r\nRETR 3\r\nDELE 2\r\n");
    s.upstream("+OK\r\nA: 1\r\n\r\none\r\n.\r\n+OK\r\nA: 2\r\n\r\ntwo\r\n.\r\n");
    s.upstream("+OK\r\nA: 3\r\n\r\nthree\r\n.\r\n+OK gone\r\n");
    s.expect_client("");
    s.scanner_says(Verdict::clean());
    s.expect_client(kOk + "A: 1\r\n\r\none\r\n.\r\n-ERR Unknown command\r\n");
    s.scanner_says(Verdict::of(Cause::unscannable, "encrypted"));
    s.expect_client("-ERR [SYS/TEMP] Message held back: it cannot be scanned\r\n");
    s.upstream_expects("");
    s.scanner_says(Verdict::clean());
    s.expect_client(kOk + "A: 3\r\n\r\nthree\r\n.\r\n+OK gone\r\n");
    s.upstream_expects("QUIT\r\n");
    s.upstream("+OK bye\r\n");
    s.expect_client("+OK bye\r\n");
    s.expect_upstream_closed();
    s.expect_ended(EndReason::quit);
  });
}

TEST(Message, lets_commands_go_ahead_where_upstream_does_not_pipeline) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("RETR 1\r\nDELE 1\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.upstream("+OK\r\n" + std::string(kStuffed));
    s.upstream_expects("DELE 1\r\n");
    s.upstream("+OK gone\r\n");
    s.expect_client("");
    s.scanner_says(Verdict::clean());
    s.expect_client(kOk + std::string(kStuffed) + "+OK gone\r\n");
    quit(s);
  });
}

// ------------------------------------------------------------------------------------------- TOP

TEST(Top, shows_a_header_without_a_scan) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("TOP 1 0\r\n");
    s.upstream_expects("TOP 1 0\r\n");
    // A server that sends more than it was asked for, in a form of its own.
    s.upstream("+OK\r\nSubject: hello\nA: b\r\n\r\n..dot\r\nline 2\r\n.\r\n");
    s.expect_client(kOk + "Subject: hello\r\nA: b\r\n\r\n.\r\n");
    s.expect_scans(0);
    quit(s);
    if (!s.killed()) {
      EXPECT_EQ(s.log.count(" message "), 0U);
      EXPECT_EQ(s.counters.messages_retrieved.get(), 0U);
    }
  });
}

TEST(Top, shows_no_text_for_a_header) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("TOP 1 0\r\n");
    s.upstream_expects("TOP 1 0\r\n");
    s.upstream("+OK\r\nSubject: x\r\nX5O!P%@AP no field\r\nA: b\r\n.\r\n");
    s.expect_client(kOk + "Subject: x\r\n.\r\n");
    quit(s);
  });
}

TEST(Top, of_more_lines_is_a_retrieval_that_is_cut) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    for (const auto& [lines, shown] :
         {std::pair{"1", "..dot\r\n"}, std::pair{"2", "..dot\r\nline 2\r\n"},
          std::pair{"999999", "..dot\r\nline 2\r\n"}}) {
      s.client(std::string("TOP 1 ") + lines + "\r\n");
      s.upstream_expects("RETR 1\r\n");
      s.upstream("+OK 99 octets\r\n" + std::string(kStuffed));
      s.expect_client("");
      if (!s.killed()) {
        EXPECT_EQ(s.scanned_text(), kPlain);
      }
      s.scanner_says(Verdict::clean());
      s.expect_client(kOk + "Subject: hello\r\n\r\n" + shown + ".\r\n");
    }
    quit(s);
    if (!s.killed()) {
      EXPECT_EQ(s.log.count(" message "), 3U);
      EXPECT_EQ(field(s, "command"), "TOP");
    }
  });
}

TEST(Top, may_show_as_many_lines_as_configured) {
  for_each_run([](SessionHarness& s) {
    s.use_chain().config.top_lines = 2;
    begin(s);
    s.client("TOP 1 2\r\n");
    s.upstream_expects("TOP 1 2\r\n");
    s.upstream("+OK\r\n" + std::string(kStuffed.substr(0, kStuffed.size() - 3)) +
               "line 3\r\n.\r\n");
    s.expect_client(kOk + std::string(kStuffed));
    s.expect_scans(0);
    s.client("TOP 1 3\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.upstream("+OK\r\n" + std::string(kStuffed));
    s.expect_client("");
    s.scanner_says(Verdict::clean());
    s.expect_client(kOk + std::string(kStuffed));
    quit(s);
  });
}

TEST(Top, of_a_message_that_is_refused_is_refused) {
  for_each_run([](SessionHarness& s) {
    config::action_for(s.use_chain().config.policy, Cause::infected) = Action::refuse;
    begin(s);
    s.client("TOP 1 5\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.upstream("+OK\r\n" + std::string(kStuffed));
    s.scanner_says(Verdict::of(Cause::infected, "Eicar"));
    s.expect_client("-ERR [SYS/TEMP] Message held back: infected\r\n");
    quit(s);
  });
}

TEST(Top, of_a_message_with_a_notice_is_the_notice_cut) {
  SessionHarness s;
  begin(s);
  s.client("TOP 1 1\r\n");
  s.upstream_expects("RETR 1\r\n");
  s.upstream("+OK\r\n" + std::string(kStuffed));
  s.scanner_says(Verdict::of(Cause::infected, "Eicar"));
  s.expect_client(kOk);
  const std::string notice = s.at_client().take_sent();
  EXPECT_NE(notice.find("X-Gatepost-Notice: infected\r\n"), std::string::npos);
  const std::size_t body = notice.find("\r\n\r\n");
  ASSERT_NE(body, std::string::npos);
  EXPECT_EQ(notice.substr(notice.find("\r\n", body + 4)), "\r\n.\r\n");  // one line of it
  quit(s);
}

TEST(Filters, alone_let_messages_stream) {
  for_each_run([](SessionHarness& s) {
    filters::Chain& chain = s.use_chain();
    chain.scanners.clear();
    config::Filter add;
    add.type = "add_header";
    add.options["lines"] = std::vector<std::string>{"X-Way: gatepost"};
    chain.filters.push_back(*filters::make_filter(add));
    begin(s);
    s.client("RETR 1\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.upstream("+OK\r\nSubject: x\r\n\r\nline 1\r\nli");
    s.expect_client(kOk + "X-Way: gatepost\r\nSubject: x\r\n\r\nline 1\r\nli");
    s.upstream("ne 2\r\n.\r\n");
    s.expect_client("ne 2\r\n.\r\n");
    s.client("TOP 1 7\r\n");
    s.upstream_expects("TOP 1 7\r\n");
    s.upstream("+OK\r\nSubject: x\r\n\r\nline 1\r\n.\r\n");
    s.expect_client(kOk + "X-Way: gatepost\r\nSubject: x\r\n\r\nline 1\r\n.\r\n");
    quit(s);
  });
}

TEST(Filters, wait_for_a_client_that_is_slow) {
  SessionHarness s;
  s.use_chain().scanners.clear();
  begin(s);
  s.at_client().options.accept_per_turn = 0;
  s.client("RETR 1\r\n");
  s.upstream_expects("RETR 1\r\n");
  std::string text = "Subject: x\r\n\r\n";
  while (text.size() < 2'000'000) text += "a line of the text of a message\r\n";
  s.upstream("+OK\r\n" + text + ".\r\n");
  EXPECT_GT(s.at_upstream()->undelivered(), text.size() - 600'000);
  s.at_client().options.accept_per_turn = WireOptions::kUnlimited;
  s.at_client().nudge();
  s.run();
  s.expect_client(kOk + text + ".\r\n");
  quit(s);
}

// ---------------------------------------------------------------------------------------- ladder

TEST(Ladder, begins_after_the_quiet_and_says_a_line_now_and_then) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    retrieve(s);
    s.advance(Duration(19'999));
    s.expect_client("");
    s.advance(Duration(1));
    s.expect_client(kOk + std::string(kLine));
    s.advance(Duration(9'999));
    s.expect_client("");
    s.advance(Duration(1));
    s.expect_client(kLine);
    s.scanner_says(Verdict::clean());
    s.expect_client(kStuffed);
    quit(s);
    if (s.killed()) return;
    EXPECT_EQ(s.filters.counters.ladder_started.get(), 1U);
    EXPECT_EQ(s.filters.counters.ladder_lines.get(), 2U);
    EXPECT_EQ(field(s, "ladder"), "2");
  });
}

TEST(Ladder, begins_while_upstream_sends) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("RETR 1\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.advance(Duration(30'000));
    s.expect_client("");  // upstream may still say -ERR
    s.upstream("+OK\r\n");
    s.expect_client(kOk + std::string(kLine));
    s.upstream("Subject: ");
    s.advance(Duration(10'000));
    s.expect_client(kLine);
    s.upstream("x\r\n\r\n.\r\n");
    s.scanner_says(Verdict::clean());
    s.expect_client("Subject: x\r\n\r\n.\r\n");
    quit(s);
  });
}

TEST(Ladder, is_followed_by_a_notice) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    retrieve(s);
    s.advance(Duration(20'000));
    s.expect_client(kOk + std::string(kLine));
    s.scanner_says(Verdict::of(Cause::infected, "Eicar"));
    if (s.killed()) return;
    const std::string notice = s.at_client().take_sent();
    EXPECT_NE(notice.find("X-Gatepost-Notice: infected\r\n"), std::string::npos);
    EXPECT_TRUE(notice.ends_with("\r\n.\r\n"));
    quit(s);
  });
}

TEST(Ladder, ends_in_a_broken_connection_where_no_answer_is_true) {
  for_each_run([](SessionHarness& s) {
    config::action_for(s.use_chain().config.policy, Cause::infected) = Action::refuse;
    begin(s);
    retrieve(s);
    s.advance(Duration(20'000));
    s.expect_client(kOk + std::string(kLine));
    s.scanner_says(Verdict::of(Cause::infected, "Eicar"));
    s.expect_client("");
    s.expect_upstream_aborted();
    s.expect_ended(EndReason::message_broken);
    if (s.killed()) return;
    EXPECT_TRUE(s.at_client().saw_reset());
    EXPECT_EQ(s.filters.counters.broken_off.get(), 1U);
  });
}

TEST(Ladder, keeps_the_first_line_of_an_mbox_out_of_the_way) {
  for (const std::string rest :
       {"From joe@example.org Mon\r\nA: b\r\n\r\nx\r\n", "From: joe\r\n\r\nx\r\n",
        " folded\r\nA: b\r\n\r\nx\r\n", "\r\nx\r\n", "Fr\r\n", "F:\r\n", ""}) {
    for_each_run([&rest](SessionHarness& s) {
      begin(s);
      retrieve(s, rest + ".\r\n");
      s.advance(Duration(20'000));
      s.expect_client(kOk + std::string(kLine));
      s.scanner_says(Verdict::clean());
      s.expect_client((rest.starts_with("From ") ? "X-Gatepost-Mbox: " : "") + rest + ".\r\n");
      quit(s);
    });
  }
}

TEST(Ladder, of_top_is_cut_too) {
  SessionHarness s;
  begin(s);
  s.client("TOP 1 1\r\n");
  s.upstream_expects("RETR 1\r\n");
  s.upstream("+OK\r\n" + std::string(kStuffed));
  s.advance(Duration(20'000));
  s.expect_client(kOk + std::string(kLine));
  s.scanner_says(Verdict::clean());
  s.expect_client("Subject: hello\r\n\r\n..dot\r\n.\r\n");
  quit(s);
}

TEST(Deadline, refuses_a_message_in_time) {
  SessionHarness s;
  auto& waiting = s.use_chain().config.waiting;
  waiting.quiet = Duration(50'000);
  waiting.deadline = Duration(40'000);
  begin(s);
  s.client("RETR 1\r\n");
  s.upstream_expects("RETR 1\r\n");
  s.advance(Duration(10'000));
  s.upstream("+OK\r\n" + std::string(kStuffed));
  s.advance(Duration(30'000 - 1));
  s.expect_client("");
  s.advance(Duration(1));
  s.expect_client("-ERR [SYS/TEMP] Message was not scanned in time, try again later\r\n");
  quit(s);
}

TEST(Deadline, after_ok_makes_the_next_try_short) {
  SessionHarness s;
  begin(s);
  retrieve(s);
  s.advance(Duration(300'000));
  s.expect_ended(EndReason::message_broken);
  s.ignore_the_rest();

  EXPECT_EQ(s.filters.counters.ladder_lines.get(), 28U);
  SessionHarness again;
  again.use_chain();
  again.filters.host.memory = s.filters.memory;
  begin(again);
  again.client("RETR 1\r\n");
  again.upstream_expects("RETR 1\r\n");
  again.upstream("+OK\r\n" + std::string(kStuffed));
  again.expect_client("-ERR [SYS/TEMP] Message was not scanned in time, try again later\r\n");
  EXPECT_EQ(again.filters.counters.refused_again.get(), 1U);
  quit(again);
}

// ---------------------------------------------------------------------------------------- timers

TEST(LongScan, is_not_taken_for_silence_of_anybody) {
  SessionHarness s;
  auto& waiting = s.use_chain().config.waiting;
  waiting.quiet = Duration(20'000'000);
  waiting.deadline = Duration(20'000'000);
  begin(s);
  retrieve(s);
  for (int i = 0; i < 60; ++i) {
    s.advance(Retrieval::kAwake);
    s.upstream_expects("NOOP\r\n");
    s.upstream("+OK\r\n");
    s.expect_client("");
    s.expect_alive();
  }
  s.scanner_says(Verdict::clean());
  s.expect_client(kOk + std::string(kStuffed));
  s.advance(s.settings.timeouts.inactivity - Duration(10));
  s.expect_alive();
  quit(s);
}

TEST(LongScan, keeps_upstream_awake_with_commands_before_and_after) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    retrieve(s);
    s.advance(Duration(20'000));
    s.expect_client(kOk + std::string(kLine));
    s.advance(Duration(10'000));
    s.advance(Duration(10'000));
    s.advance(Duration(10'000));
    s.advance(Duration(10'000));
    s.expect_client(std::string(kLine) + std::string(kLine) + std::string(kLine) +
                    std::string(kLine));
    s.upstream_expects("NOOP\r\n");
    s.client("STAT\r\nQUIT\r\n");
    s.upstream_expects("");
    s.upstream("-ERR what?\r\n");
    s.upstream_expects("STAT\r\n");
    s.upstream("+OK 1 5\r\n");
    s.expect_client("");
    s.scanner_says(Verdict::clean());
    s.expect_client(std::string(kStuffed) + "+OK 1 5\r\n");
    s.upstream_expects("QUIT\r\n");
    s.upstream("+OK bye\r\n");
    s.expect_client("+OK bye\r\n");
    s.expect_ended(EndReason::quit);
  });
}

TEST(LongScan, may_end_while_upstream_owes_the_answer_to_our_noop) {
  for_each_run([](SessionHarness& s) {
    s.use_chain().config.waiting.quiet = Duration(100'000);
    begin(s);
    retrieve(s);
    s.advance(Retrieval::kAwake);
    s.upstream_expects("NOOP\r\n");
    s.scanner_says(Verdict::clean());
    s.expect_client(kOk + std::string(kStuffed));
    s.client("QUIT\r\n");
    s.upstream_expects("");
    s.upstream("+OK\r\n");
    s.upstream_expects("QUIT\r\n");
    s.upstream("+OK bye\r\n");
    s.expect_client("+OK bye\r\n");
    s.expect_ended(EndReason::quit);
  });
}

TEST(SlowClient, keeps_upstream_awake_too) {
  SessionHarness s;
  begin(s);
  std::string text = "Subject: x\r\n\r\n";
  while (text.size() < 1'000'000) text += "a line of the text of a message\r\n";
  retrieve(s, text + ".\r\n");
  s.at_client().options.accept_per_turn = 0;
  s.scanner_says(Verdict::clean());
  s.advance(Retrieval::kAwake);
  s.upstream_expects("NOOP\r\n");
  s.upstream("+OK\r\n");
  s.at_client().options.accept_per_turn = WireOptions::kUnlimited;
  s.at_client().nudge();
  s.run();
  s.expect_client(kOk + text + ".\r\n");
  quit(s);
}

TEST(SilentUpstream, in_the_middle_of_a_message_is_given_up) {
  SessionHarness s;
  s.use_chain().config.waiting.quiet = Duration(2'000'000);
  s.use_chain().config.waiting.deadline = Duration(2'000'000);
  begin(s);
  s.client("RETR 1\r\n");
  s.upstream_expects("RETR 1\r\n");
  s.upstream("+OK\r\nSubject: x\r\n");
  s.advance(s.settings.timeouts.upstream_reply);
  s.expect_client("-ERR [SYS/TEMP] Mail server lost\r\n");
  s.expect_upstream_aborted();
  s.expect_ended(EndReason::upstream_lost);
  EXPECT_EQ(field(s, "cause"), "none");
}

// ------------------------------------------------------------------------------------------ ends

TEST(UpstreamGone, in_the_middle_of_a_message_is_an_error) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("RETR 1\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.upstream("+OK\r\n" + std::string(kStuffed.substr(0, kStuffed.size() - 3)));
    s.upstream_ends();
    s.expect_client("-ERR [SYS/TEMP] Mail server lost\r\n");
    s.expect_ended(EndReason::upstream_lost);
    s.expect_scans(0);
  });
}

TEST(UpstreamGone, after_the_ladder_breaks_the_connection) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    s.client("RETR 1\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.upstream("+OK\r\nSubject: x\r\n");
    s.advance(Duration(20'000));
    s.expect_client(kOk + std::string(kLine));
    s.upstream_ends();
    s.expect_client("");
    s.expect_ended(EndReason::upstream_lost);
    if (!s.killed()) {
      EXPECT_TRUE(s.at_client().saw_reset());
    }
  });
}

TEST(UpstreamGone, after_the_message_does_not_keep_it_from_the_client) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    retrieve(s);
    s.upstream_ends();
    s.expect_alive();
    s.advance(Duration(20'000));
    s.expect_client(kOk + std::string(kLine));
    s.scanner_says(Verdict::clean());
    s.expect_client(kStuffed);
    s.expect_ended(EndReason::upstream_lost);
  });
}

TEST(UpstreamGone, after_an_early_refusal_is_not_said_twice) {
  for_each_run([](SessionHarness& s) {
    filters::Chain& chain = s.use_chain();
    auto small = std::make_shared<filters::ScannerKind>(*chain.scanners[0]);
    small->config.max_size = 40;
    chain.scanners[0] = small;
    begin(s);
    s.client("RETR 1\r\n");
    s.upstream_expects("RETR 1\r\n");
    s.upstream("+OK\r\nSubject: x\r\n\r\n" + std::string(100, 'x') + "\r\n");
    s.expect_client_line("-ERR [SYS/TEMP] Message held back");
    s.upstream_ends();
    s.expect_client("");
    s.expect_ended(EndReason::upstream_lost);
  });
}

TEST(ClientGone, ends_the_scan) {
  for_each_run([](SessionHarness& s) {
    begin(s);
    retrieve(s);
    s.client_ends(ErrorCode::network);
    s.expect_upstream_aborted();
    s.expect_ended(EndReason::client_error);
    s.expect_scans(0);
    if (!s.killed()) {
      EXPECT_EQ(field(s, "action"), "none");
    }
  });
}

TEST(ClientGone, with_quit_on_its_way_deletes_nothing) {
  for_each_run([](SessionHarness& s) {
    begin(s, kPipelining);
    s.client("RETR 1\r\nDELE 1\r\nQUIT\r\n");
    s.upstream_expects("RETR 1\r\nDELE 1\r\n");
    s.upstream("+OK\r\n" + std::string(kStuffed) + "+OK gone\r\n");
    s.client_ends();
    s.scanner_says(Verdict::clean());
    s.expect_client(kOk + std::string(kStuffed) + "+OK gone\r\n");
    s.expect_upstream_aborted();
    s.expect_ended(EndReason::client_closed);
  });
}

TEST(GoingDown, lets_a_scan_go_on_until_it_is_cut) {
  SessionHarness s;
  begin(s);
  retrieve(s);
  s.session()->drain();
  s.run();
  s.expect_alive();
  s.session()->cut(EndReason::drained);
  s.run();
  s.expect_client("");
  s.expect_upstream_aborted();
  s.expect_ended(EndReason::drained);
  EXPECT_EQ(s.filters.hand->cancelled, 1U);
}

TEST(Idle, holds_nothing_of_a_message) {
  SessionHarness s;
  begin(s);
  retrieve(s);
  s.scanner_says(Verdict::clean());
  s.expect_client(kOk + std::string(kStuffed));
  EXPECT_EQ(s.session()->waits_for(), Session::kClientInput);
  EXPECT_EQ(s.held_blocks(), 0U);
  EXPECT_EQ(s.filters.room->used(), 0U);
  quit(s);
}

}  // namespace
}  // namespace gatepost::testing
