#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proxy/command/cli.h"

namespace gatepost::command {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Action = CommandLine::Action;
using What = RetentionOptions::What;

CommandLine parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), {"gatepost", "retention"});
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data(), "0.1.0", "TLS");
}

TEST(RetentionLine, lists) {
  const CommandLine line = parse({"list", "--config", "g.jsonc", "--account", "joe", "--pool", "p",
                                  "--policy", "month", "--json"});
  ASSERT_EQ(line.action, Action::retention) << line.text;
  EXPECT_EQ(line.config_file, "g.jsonc");
  EXPECT_EQ(line.retention.what, What::list);
  EXPECT_EQ(line.retention.account, "joe");
  EXPECT_EQ(line.retention.pool, "p");
  EXPECT_EQ(line.retention.policy, "month");
  EXPECT_TRUE(line.retention.json);
}

TEST(RetentionLine, takes_uidls) {
  const CommandLine show = parse({"show", "--config", "g", "--account", "joe", "3f2a", "9c00"});
  ASSERT_EQ(show.action, Action::retention) << show.text;
  EXPECT_EQ(show.retention.what, What::show);
  EXPECT_THAT(show.retention.uidls, ElementsAre("3f2a", "9c00"));
  const CommandLine undelete =
      parse({"undelete", "3f2a", "--dry-run", "--config", "g", "--account", "joe"});
  ASSERT_EQ(undelete.action, Action::retention) << undelete.text;
  EXPECT_EQ(undelete.retention.what, What::undelete);
  EXPECT_THAT(undelete.retention.uidls, ElementsAre("3f2a"));
  EXPECT_TRUE(undelete.retention.dry_run);
  EXPECT_FALSE(undelete.retention.all);
}

TEST(RetentionLine, purges_all_of_an_account) {
  const CommandLine line =
      parse({"purge", "--config", "g", "--account", "joe", "--all", "--yes", "--force"});
  ASSERT_EQ(line.action, Action::retention) << line.text;
  EXPECT_EQ(line.retention.what, What::purge);
  EXPECT_TRUE(line.retention.all);
  EXPECT_TRUE(line.retention.yes);
  EXPECT_TRUE(line.retention.force);
  EXPECT_FALSE(line.retention.dry_run);
}

TEST(RetentionLine, reports_on_all_accounts) {
  const CommandLine line = parse({"report", "--config", "g"});
  ASSERT_EQ(line.action, Action::retention) << line.text;
  EXPECT_EQ(line.retention.what, What::report);
  EXPECT_EQ(line.retention.account, "");
}

TEST(RetentionLine, complains_about_what_makes_no_sense) {
  for (std::vector<const char*> arguments : std::vector<std::vector<const char*>>{
           {},
           {"frobnicate"},
           {"list", "--config", "g"},
           {"list", "--account", "joe"},
           {"list", "--config", "g", "--account"},
           {"list", "--config", "g", "--account", "joe", "3f2a"},
           {"list", "--config", "g", "--account", "joe", "--yes"},
           {"show", "--config", "g", "--account", "joe"},
           {"show", "--config", "g", "--account", "joe", "--all"},
           {"undelete", "--config", "g", "--account", "joe", "--all", "3f2a"},
           {"undelete", "--config", "g", "--account", "joe", "--all", "--force"},
           {"purge", "--config", "g", "--all", "--yes"},
           {"report", "--config", "g", "--all"}}) {
    const CommandLine line = parse(arguments);
    EXPECT_EQ(line.action, Action::print_and_exit) << ::testing::PrintToString(arguments);
    EXPECT_EQ(line.exit_code, ExitCode::usage) << ::testing::PrintToString(arguments);
    EXPECT_THAT(line.text, HasSubstr("Try: gatepost retention"));
  }
}

TEST(RetentionLine, has_a_help_for_each_part) {
  for (const char* part : {"list", "show", "undelete", "purge", "report"}) {
    const CommandLine line = parse({part, "--help"});
    EXPECT_EQ(line.exit_code, ExitCode::ok);
    EXPECT_THAT(line.text, HasSubstr(std::string("gatepost retention ") + part));
    EXPECT_THAT(line.text, HasSubstr("--account"));
  }
  EXPECT_THAT(parse({"--help"}).text, HasSubstr("undelete"));
}

TEST(RetentionLine, sweeps) {
  const CommandLine line = parse({"sweep", "--config", "g", "--account", "joe", "ann", "--accounts",
                                  "-", "--pool", "p", "--policy", "month", "--jobs", "8"});
  ASSERT_EQ(line.action, Action::sweep) << line.text;
  EXPECT_EQ(line.config_file, "g");
  EXPECT_THAT(line.sweep.accounts, ElementsAre("joe", "ann"));
  EXPECT_EQ(line.sweep.accounts_file, "-");
  EXPECT_EQ(line.sweep.pool, "p");
  EXPECT_EQ(line.sweep.policy, "month");
  EXPECT_EQ(line.sweep.jobs, 8U);
  EXPECT_EQ(parse({"sweep", "--config", "g", "--account", "joe"}).sweep.jobs, 4U);
  EXPECT_EQ(parse({"sweep", "--config", "g", "--jobs", "0"}).exit_code, ExitCode::usage);
  EXPECT_EQ(parse({"sweep", "--config", "g", "--jobs", "65"}).exit_code, ExitCode::usage);
  EXPECT_EQ(parse({"sweep", "--account", "joe"}).exit_code, ExitCode::usage);
}

}  // namespace
}  // namespace gatepost::command
