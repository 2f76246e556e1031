#include "proxy/command/cli.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace gatepost::command {
namespace {

using ::testing::HasSubstr;
using Action = CommandLine::Action;

CommandLine parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "gatepost");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data(), "0.1.0",
                            "BoringSSL API 17");
}

/// Sets a variable for the length of a test.
class Environment {
 public:
  Environment(std::string name, const char* value) : name_(std::move(name)) {
    ::setenv(name_.c_str(), value, 1);
  }
  ~Environment() { ::unsetenv(name_.c_str()); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  std::string name_;
};

/// Every flag that the schema names, as written in config/schema.json.
std::set<std::string> flags_of_the_schema() {
  const std::string text(config::schema());
  std::set<std::string> flags;
  const std::regex list(R"("x-flags": \[([^\]]*)\])");
  const std::regex flag("--[a-z0-9-]+");
  for (std::sregex_iterator it(text.begin(), text.end(), list), end; it != end; ++it) {
    const std::string names = (*it)[1];
    for (std::sregex_iterator name(names.begin(), names.end(), flag); name != end; ++name) {
      flags.insert(name->str());
    }
  }
  return flags;
}

std::string variable_of(const std::string& flag) {
  std::string name = "GATEPOST_";
  for (const char c : flag.substr(2)) name += c == '-' ? '_' : static_cast<char>(std::toupper(c));
  return name;
}

TEST(CliTest, ReadsTheSidecarLine) {
  const CommandLine line = parse({"run", "--pop3s", ":995", "--pop3", ":110", "--upstream",
                                  "127.0.0.1:1110", "--cert", "c.pem", "--key", "k.pem"});
  ASSERT_EQ(line.action, Action::run) << line.text;
  EXPECT_EQ(line.config_file, "");
  EXPECT_EQ(line.overrides.pop3s, ":995");
  EXPECT_EQ(line.overrides.pop3, ":110");
  EXPECT_EQ(line.overrides.upstream, "127.0.0.1:1110");
  EXPECT_EQ(line.overrides.cert, "c.pem");
  EXPECT_EQ(line.overrides.key, "k.pem");
  EXPECT_FALSE(line.overrides.pop3_plain);
  EXPECT_FALSE(line.overrides.upstream_verify);

  const config::Loaded loaded = config::load("", line.overrides);
  ASSERT_TRUE(loaded.config);
  EXPECT_EQ(loaded.config->listeners.size(), 2u);
}

TEST(CliTest, ReadsEveryOtherFlag) {
  const CommandLine line = parse({"check",
                                  "--config",
                                  "g.jsonc",
                                  "--pop3-plain=127.0.0.1:110",
                                  "--upstream-tls",
                                  "starttls",
                                  "--upstream-ca=ca.pem",
                                  "--upstream-name",
                                  "pop.example.com",
                                  "--upstream-insecure",
                                  "--cert-folder",
                                  "certs",
                                  "--proxy-protocol",
                                  "--trusted-network",
                                  "192.0.2.4,192.0.2.5",
                                  "--workers",
                                  "2",
                                  "--admin",
                                  "off",
                                  "--admin-token-file",
                                  "token",
                                  "--control",
                                  "/run/control",
                                  "--log-level",
                                  "debug",
                                  "--log-format",
                                  "json",
                                  "--log-file",
                                  "g.log",
                                  "--connect",
                                  "--json"});
  ASSERT_EQ(line.action, Action::check) << line.text;
  EXPECT_EQ(line.config_file, "g.jsonc");
  EXPECT_EQ(line.overrides.pop3_plain, "127.0.0.1:110");
  EXPECT_EQ(line.overrides.upstream_tls, "starttls");
  EXPECT_EQ(line.overrides.upstream_ca, "ca.pem");
  EXPECT_EQ(line.overrides.upstream_name, "pop.example.com");
  EXPECT_EQ(line.overrides.upstream_verify, false);
  EXPECT_EQ(line.overrides.cert_folder, "certs");
  EXPECT_EQ(line.overrides.proxy_protocol, true);
  EXPECT_EQ(line.overrides.trusted_network, "192.0.2.4,192.0.2.5");
  EXPECT_EQ(line.overrides.workers, "2");
  EXPECT_EQ(line.overrides.admin, "off");
  EXPECT_EQ(line.overrides.admin_token_file, "token");
  EXPECT_EQ(line.overrides.control, "/run/control");
  EXPECT_EQ(line.overrides.log_level, "debug");
  EXPECT_EQ(line.overrides.log_format, "json");
  EXPECT_EQ(line.overrides.log_file, "g.log");
  EXPECT_TRUE(line.connect);
  EXPECT_TRUE(line.json);
}

TEST(CliTest, TheEnvironmentStandsInForFlags) {
  const Environment config("GATEPOST_CONFIG", "env.jsonc");
  const Environment pop3s("GATEPOST_POP3S", ":1995");
  const Environment upstream("GATEPOST_UPSTREAM", "up:110");
  const Environment insecure("GATEPOST_UPSTREAM_INSECURE", "true");
  const CommandLine line = parse({"run"});
  ASSERT_EQ(line.action, Action::run) << line.text;
  EXPECT_EQ(line.config_file, "env.jsonc");
  EXPECT_EQ(line.overrides.pop3s, ":1995");
  EXPECT_EQ(line.overrides.upstream, "up:110");
  EXPECT_EQ(line.overrides.upstream_verify, false);
}

TEST(CliTest, AFlagComesBeforeTheEnvironment) {
  const Environment upstream("GATEPOST_UPSTREAM", "up:110");
  EXPECT_EQ(parse({"run", "--upstream", "flag:110"}).overrides.upstream, "flag:110");
  EXPECT_EQ(parse({"check", "--upstream", "flag:110"}).overrides.upstream, "flag:110");
}

TEST(CliTest, TheEnvironmentComesBeforeTheFile) {
  const Environment upstream("GATEPOST_UPSTREAM", "up:1110");
  const config::Loaded loaded = config::load(
      R"({"listeners": [{"address": "[::1]:110", "tls": "none"}], "upstream": {"address": "f"}})",
      parse({"run"}).overrides);
  ASSERT_TRUE(loaded.config);
  EXPECT_EQ(loaded.config->pools.at(0).servers.at(0).address.host, "up");
}

TEST(CliTest, AnEmptyVariableCountsAsNotSet) {
  const Environment upstream("GATEPOST_UPSTREAM", "");
  const Environment file("GATEPOST_CONFIG", "");
  const Environment insecure("GATEPOST_UPSTREAM_INSECURE", "");
  const CommandLine line = parse({"run"});
  ASSERT_EQ(line.action, Action::run) << line.text;
  EXPECT_FALSE(line.overrides.upstream);
  EXPECT_EQ(line.config_file, "");
  EXPECT_FALSE(line.overrides.upstream_verify);
}

TEST(CliTest, AVariableMayTurnInsecureOff) {
  const Environment insecure("GATEPOST_UPSTREAM_INSECURE", "false");
  const CommandLine line = parse({"run"});
  ASSERT_EQ(line.action, Action::run) << line.text;
  EXPECT_NE(line.overrides.upstream_verify, false);
}

TEST(CliTest, TheLastOfARepeatedFlagCounts) {
  EXPECT_EQ(parse({"run", "--upstream", "a:1", "--upstream", "b:1"}).overrides.upstream, "b:1");
}

TEST(CliTest, SeveralUpstreamsComeInOneValue) {
  const Environment upstream("GATEPOST_UPSTREAM", "192.0.2.1,192.0.2.2");
  const Environment proxy("GATEPOST_PROXY_PROTOCOL", "true");
  const Environment trusted("GATEPOST_TRUSTED_NETWORK", "127.0.0.1");
  const CommandLine line = parse({"run", "--pop3-plain", "127.0.0.1:110"});
  ASSERT_EQ(line.action, Action::run) << line.text;
  const config::Loaded loaded = config::load("", line.overrides);
  ASSERT_TRUE(loaded.config);
  EXPECT_EQ(loaded.config->pools.at(0).servers.size(), 2u);
  EXPECT_TRUE(loaded.config->listeners.at(0).proxy_protocol);
  EXPECT_EQ(parse({"run", "--upstream", "a:1,b:1"}).overrides.upstream, "a:1,b:1");
}

TEST(CliTest, PrintsTheVersionBothWays) {
  for (const char* way : {"--version", "version"}) {
    const CommandLine line = parse({way});
    EXPECT_EQ(line.action, Action::print_and_exit);
    EXPECT_EQ(line.text, "gatepost 0.1.0 (BoringSSL API 17)\n");
    EXPECT_EQ(line.exit_code, ExitCode::ok);
    EXPECT_FALSE(line.is_complaint());
  }
}

TEST(CliTest, HelpNamesCommandsAndExitCodes) {
  const CommandLine line = parse({"--help"});
  EXPECT_EQ(line.action, Action::print_and_exit);
  EXPECT_EQ(line.exit_code, ExitCode::ok);
  for (const char* part :
       {"Usage: gatepost [", "run", "check", "version", "Exit codes:", "  4  check --connect"}) {
    EXPECT_THAT(line.text, HasSubstr(part));
  }
}

TEST(CliTest, HelpOfBothCommandsHasEveryFlagOfTheSchemaAndItsVariable) {
  const std::set<std::string> flags = flags_of_the_schema();
  EXPECT_EQ(flags.size(), 24u);
  for (const char* command : {"run", "check"}) {
    const std::string help = parse({command, "--help"}).text;
    EXPECT_THAT(help, HasSubstr(std::string("Usage: gatepost ") + command + " ["));
    EXPECT_THAT(help, HasSubstr("Env:GATEPOST_CONFIG"));
    for (const std::string& flag : flags) {
      EXPECT_THAT(help, HasSubstr("  " + flag + " "));
      EXPECT_THAT(help, HasSubstr("Env:" + variable_of(flag) + ")"));
    }
  }
}

TEST(CliTest, ScannersAreGivenOneByOneOrWithCommas) {
  const CommandLine line =
      parse({"run", "--scan", "clamd@unix:/s", "--scan", "rspamd@127.0.0.1", "--quarantine", "/q",
             "--retention", "keep_for:30d", "--retention-file", "/r", "--pop3s", ":995"});
  ASSERT_EQ(line.action, Action::run) << line.text;
  EXPECT_EQ(line.overrides.scan, (std::vector<std::string>{"clamd@unix:/s", "rspamd@127.0.0.1"}));
  EXPECT_EQ(line.overrides.quarantine, "/q");
  EXPECT_EQ(line.overrides.retention, "keep_for:30d");
  EXPECT_EQ(line.overrides.retention_file, "/r");
  const Environment scan("GATEPOST_SCAN", "clamd@unix:/s,spamd@127.0.0.1");
  EXPECT_EQ(parse({"check"}).overrides.scan,
            (std::vector<std::string>{"clamd@unix:/s", "spamd@127.0.0.1"}));
  EXPECT_EQ(parse({"check", "--scan", "rspamd@::1"}).overrides.scan,
            std::vector<std::string>{"rspamd@::1"});
}

TEST(CliTest, ComplaintsSayWhatIsWrongAndWhereHelpIs) {
  const std::vector<std::vector<const char*>> wrong{{},
                                                    {"serve"},
                                                    {"run", "--upstrem", "x"},
                                                    {"run", "--upstream"},
                                                    {"run", "extra"},
                                                    {"run", "--connect"},
                                                    {"run", "check"},
                                                    {"check", "--connect=perhaps"}};
  for (const auto& arguments : wrong) {
    const CommandLine line = parse(arguments);
    EXPECT_EQ(line.action, Action::print_and_exit);
    EXPECT_EQ(line.exit_code, ExitCode::usage) << line.text;
    EXPECT_TRUE(line.is_complaint());
    EXPECT_THAT(line.text, HasSubstr("gatepost: "));
    EXPECT_THAT(line.text, HasSubstr("--help\n"));
  }
}

TEST(CliTest, ValuesAreLeftToTheConfiguration) {
  const CommandLine line = parse({"run", "--workers", "many", "--upstream-tls", "maybe"});
  ASSERT_EQ(line.action, Action::run);
  const config::Loaded loaded = config::load("", line.overrides);
  EXPECT_FALSE(loaded.config);
  std::string all;
  for (const auto& problem : loaded.problems) all += config::to_string(problem, "") + "\n";
  EXPECT_THAT(all, HasSubstr("--workers: found \"many\", must be \"auto\" or a whole number"));
  EXPECT_THAT(all, HasSubstr("--upstream-tls: found \"maybe\", must be \"none\", \"starttls\""));
}

}  // namespace
}  // namespace gatepost::command
