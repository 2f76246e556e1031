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
using What = CtlOptions::What;

CommandLine parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "gatepost");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data(), "0.1.0", "TLS");
}

TEST(CtlLine, KnowsItsParts) {
  const std::vector<std::pair<const char*, What>> parts = {
      {"status", What::status},      {"sessions", What::sessions}, {"drain", What::drain},
      {"reload", What::reload},      {"upgrade", What::upgrade},   {"upstreams", What::upstreams},
      {"log-level", What::log_level}};
  for (const auto& [name, what] : parts) {
    const CommandLine line = parse({"ctl", name, "--control", "/c"});
    ASSERT_EQ(line.action, Action::ctl) << line.text;
    EXPECT_EQ(line.ctl.what, what);
    EXPECT_EQ(line.ctl.socket, "/c");
  }
}

TEST(CtlLine, TakesTheSocketBesideAConfiguration) {
  // As in a container, where both come from the environment: socket_of() goes by the socket.
  const CommandLine line = parse({"ctl", "status", "--config", "g", "--control", "/c"});
  ASSERT_EQ(line.action, Action::ctl) << line.text;
  EXPECT_EQ(line.ctl.socket, "/c");
}

TEST(CtlLine, TakesWhatEachPartNeeds) {
  CommandLine line = parse({"ctl", "sessions", "--user", "j*", "--limit", "5", "--json"});
  EXPECT_EQ(line.ctl.user, "j*");
  EXPECT_EQ(line.ctl.limit, 5U);
  EXPECT_TRUE(line.json);
  line = parse({"ctl", "kick", "0-1", "1-2"});
  EXPECT_THAT(line.ctl.ids, ElementsAre("0-1", "1-2"));
  line = parse({"ctl", "log-level", "debug", "--config", "g"});
  EXPECT_EQ(line.ctl.level, "debug");
  EXPECT_EQ(line.config_file, "g");
  line = parse({"ctl", "trace", "--user", "joe", "--seconds", "9", "--full", "--output", "f"});
  EXPECT_EQ(line.ctl.what, What::trace);
  EXPECT_EQ(line.ctl.seconds, 9U);
  EXPECT_TRUE(line.ctl.full);
  EXPECT_EQ(line.ctl.output, "f");
  for (const CommandLine& explain :
       {parse({"explain", "0-1f"}), parse({"ctl", "explain", "0-1f"})}) {
    ASSERT_EQ(explain.action, Action::ctl) << explain.text;
    EXPECT_EQ(explain.ctl.what, What::explain);
    EXPECT_THAT(explain.ctl.ids, ElementsAre("0-1f"));
  }
}

TEST(CtlLine, RefusesWhatMakesNoSense) {
  const std::vector<std::vector<const char*>> wrong = {
      {"ctl"},
      {"ctl", "dance"},
      {"ctl", "kick", "0-1", "--user", "x"},
      {"ctl", "sessions", "--limit", "0"},
      {"ctl", "sessions", "--limit", "10001"},
      {"ctl", "log-level", "loud"},
      {"ctl", "trace"},
      {"ctl", "trace", "--user", "x", "--seconds", "86401"}};
  for (const auto& arguments : wrong) {
    const CommandLine line = parse(arguments);
    EXPECT_EQ(line.action, Action::print_and_exit) << arguments.back();
    EXPECT_EQ(line.exit_code, ExitCode::usage) << arguments.back();
  }
}

TEST(HealthLine, TakesTheFlagsOfRun) {
  const CommandLine line = parse({"healthcheck", "--admin", "127.0.0.1:1", "--ready"});
  ASSERT_EQ(line.action, Action::healthcheck) << line.text;
  EXPECT_EQ(line.overrides.admin, "127.0.0.1:1");
  EXPECT_TRUE(line.ready);
}

}  // namespace
}  // namespace gatepost::command
