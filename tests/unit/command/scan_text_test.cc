#include "proxy/command/scan_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gatepost::command {
namespace {

using filters::Action;
using filters::Cause;
using ::testing::HasSubstr;
using ::testing::Not;

ScanReport report() {
  ScanReport report;
  report.name = "in\x1b[2J.eml";
  report.action = Action::tag;
  report.cause = Cause::spam;
  report.judgement.trail.push_back(
      {.scanner = "rspamd", .verdict = filters::Verdict::of(Cause::spam, "score 9"), .took = {}});
  report.judgement.trail.back().verdict.score = 9.5;
  report.rules = {"add_header: X-A", "odd \u202e\n"};
  report.octets = 100;
  report.octets_out = 120;
  report.took = Duration(12);
  report.changed = true;
  report.diff = "@@ -1 +1 @@\n+x\n";
  return report;
}

TEST(ScanText, a_line_and_the_diff) {
  EXPECT_EQ(scan_text(report()),
            "in [2J.eml: tag spam, 100 -> 120 octets, 12 ms; rspamd=spam(score 9); "
            "rules: add_header: X-A, odd\n"
            "    @@ -1 +1 @@\n"
            "    +x\n");
  ScanReport refused = report();
  refused.action = Action::refuse;
  refused.refusal = "Message held back";
  refused.written = "out/a.eml";
  EXPECT_THAT(scan_text(refused), HasSubstr("; -ERR Message held back; written to out/a.eml\n"));
}

TEST(ScanText, json_has_all_keys_in_a_line_of_ascii) {
  const std::string json = scan_json(report());
  EXPECT_EQ(json,
            R"({"name":"in\u001b[2J.eml","octets":100,"octets_out":120,"action":"tag",)"
            R"("cause":"spam","trail":[{"scanner":"rspamd","cause":"spam","detail":"score 9",)"
            R"("score":9.5,"milliseconds":0}],"rules":["add_header: X-A","odd"],)"
            R"("milliseconds":12,"changed":true,"refusal":"","written":"","error":""})"
            "\n");
  ScanReport failed;
  failed.name = "\xff\u202e";
  failed.error = "gone";
  EXPECT_THAT(scan_json(failed), HasSubstr(R"("name":"\ufffd\u202e")"));
  EXPECT_THAT(scan_json(failed), HasSubstr(R"("action":"error","cause":"")"));
}

TEST(ScanText, trouble_is_what_may_be_otherwise_next_time) {
  EXPECT_FALSE(report().trouble());
  ScanReport late = report();
  late.judgement.trail.push_back(
      {.scanner = "clamd", .verdict = filters::Verdict::of(Cause::timeout, "late"), .took = {}});
  EXPECT_TRUE(late.trouble());
  ScanReport failed;
  failed.error = "gone";
  EXPECT_TRUE(failed.trouble());
}

TEST(ScanTally, sums_up) {
  ScanTally tally;
  ScanReport clean;
  ScanReport failed;
  failed.error = "gone";
  tally.add(report());
  tally.add(clean);
  tally.add(clean);
  EXPECT_FALSE(tally.trouble());
  tally.add(failed);
  EXPECT_TRUE(tally.trouble());
  EXPECT_EQ(tally.summary(Duration(2000)),
            "4 messages in 2.0 s (2/s): 2 deliver, 1 tag; 2 clean, 1 spam; 1 changed; "
            "1 could not be looked at");
}

TEST(ProgressBar, is_a_line) {
  EXPECT_THAT(progress_bar(50, 100, 7), HasSubstr("=                    ]  50 %  7 messages"));
  EXPECT_THAT(progress_bar(0, 0, 0), HasSubstr("  0 %"));
  EXPECT_THAT(progress_bar(9, 3, 1), HasSubstr("=] 100 %"));
  EXPECT_THAT(progress_bar(9, 3, 1), Not(HasSubstr("\n")));
}

}  // namespace
}  // namespace gatepost::command
