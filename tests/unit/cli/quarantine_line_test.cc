#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proxy/command/cli.h"

namespace gatepost::command {
namespace {

using ::testing::HasSubstr;
using Action = CommandLine::Action;
using What = QuarantineOptions::What;

CommandLine parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), {"gatepost", "quarantine"});
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data(), "0.1.0", "TLS");
}

TEST(QuarantineLine, lists) {
  const CommandLine line = parse({"list", "--config", "g.jsonc", "--json"});
  ASSERT_EQ(line.action, Action::quarantine) << line.text;
  EXPECT_EQ(line.quarantine.what, What::list);
  EXPECT_EQ(line.config_file, "g.jsonc");
  EXPECT_TRUE(line.json);
}

TEST(QuarantineLine, takes_numbers) {
  const CommandLine line = parse({"release", "3", "17", "--folder", "/q"});
  ASSERT_EQ(line.action, Action::quarantine) << line.text;
  EXPECT_EQ(line.quarantine.what, What::release);
  EXPECT_EQ(line.quarantine.numbers, (std::vector<std::uint64_t>{3, 17}));
  EXPECT_EQ(line.quarantine.folder, "/q");
  EXPECT_EQ(parse({"delete", "1"}).quarantine.what, What::remove);
  EXPECT_TRUE(parse({"show", "--raw", "1"}).quarantine.raw);
  EXPECT_TRUE(parse({"show", "--json", "1", "2"}).json);
}

TEST(QuarantineLine, complains_about_what_makes_no_sense) {
  for (const auto& arguments :
       std::vector<std::vector<const char*>>{{},
                                             {"frobnicate"},
                                             {"list", "1"},
                                             {"list", "--raw"},
                                             {"show"},
                                             {"release"},
                                             {"delete"},
                                             {"delete", "0"},
                                             {"delete", "-1"},
                                             {"delete", "1x"},
                                             {"delete", "99999999999999999999999"},
                                             {"delete", "1", "--json"},
                                             {"show", "--raw", "1", "2"},
                                             {"show", "--raw", "--json", "1"}}) {
    const CommandLine line = parse(arguments);
    EXPECT_EQ(line.action, Action::print_and_exit);
    EXPECT_EQ(line.exit_code, ExitCode::usage) << ::testing::PrintToString(arguments);
    EXPECT_THAT(line.text, HasSubstr("Try: gatepost quarantine"));
  }
}

TEST(QuarantineLine, has_a_help_for_each_part) {
  for (const char* part : {"list", "show", "release", "delete"}) {
    const CommandLine line = parse({part, "--help"});
    EXPECT_EQ(line.exit_code, ExitCode::ok);
    EXPECT_THAT(line.text, HasSubstr(std::string("gatepost quarantine ") + part));
    EXPECT_THAT(line.text, HasSubstr("--folder"));
  }
  EXPECT_THAT(parse({"--help"}).text, HasSubstr("release"));
}

}  // namespace
}  // namespace gatepost::command
