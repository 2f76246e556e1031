#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proxy/command/cli.h"

namespace gatepost::command {
namespace {

using ::testing::HasSubstr;
using Action = CommandLine::Action;

CommandLine parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), {"gatepost", "probe"});
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data(), "0.1.0",
                            "BoringSSL API 17");
}

TEST(ProbeLine, needs_no_more_than_a_host) {
  const CommandLine line = parse({"mail.example.org"});
  EXPECT_EQ(line.action, Action::probe);
  EXPECT_EQ(line.probe.target.to_string(), "mail.example.org:110");
  EXPECT_EQ(line.probe.mode, probe::Mode::automatic);
  EXPECT_EQ(line.probe.timeout, std::chrono::seconds{10});
  EXPECT_EQ(line.probe.ca_file, "");
  EXPECT_EQ(line.probe.server_name, "");
  EXPECT_FALSE(line.json);
}

TEST(ProbeLine, takes_all_flags) {
  const CommandLine line = parse({"--json", "--ca", "ca.pem", "--name", "pop.example.org",
                                  "--timeout", "3", "--stls", "[2001:db8::1]:1110"});
  EXPECT_EQ(line.action, Action::probe);
  EXPECT_TRUE(line.json);
  EXPECT_EQ(line.probe.target.to_string(), "[2001:db8::1]:1110");
  EXPECT_EQ(line.probe.mode, probe::Mode::stls);
  EXPECT_EQ(line.probe.ca_file, "ca.pem");
  EXPECT_EQ(line.probe.server_name, "pop.example.org");
  EXPECT_EQ(line.probe.timeout, std::chrono::seconds{3});
}

TEST(ProbeLine, goes_to_the_port_of_pop3s_with_tls) {
  EXPECT_EQ(parse({"mail.example.org", "--tls"}).probe.target.port, 995);
  EXPECT_EQ(parse({"mail.example.org:1995", "--tls"}).probe.target.port, 1995);
  EXPECT_EQ(parse({"mail.example.org", "--tls"}).probe.mode, probe::Mode::implicit);
  EXPECT_EQ(parse({"mail.example.org", "--plain"}).probe.mode, probe::Mode::plain);
}

TEST(ProbeLine, refuses_what_makes_no_sense) {
  for (const auto& arguments :
       std::vector<std::vector<const char*>>{{},
                                             {""},
                                             {"mail.example.org", "other.example.org"},
                                             {"mail.example.org:"},
                                             {"mail.example.org:65536"},
                                             {"::1"},
                                             {"no host"},
                                             {"mail.example.org", "--tls", "--stls"},
                                             {"mail.example.org", "--tls", "--plain"},
                                             {"mail.example.org", "--stls", "--plain"},
                                             {"mail.example.org", "--timeout", "0"},
                                             {"mail.example.org", "--timeout", "301"},
                                             {"mail.example.org", "--timeout", "soon"},
                                             {"mail.example.org", "--config", "file"}}) {
    const CommandLine line = parse(arguments);
    EXPECT_EQ(line.action, Action::print_and_exit);
    EXPECT_EQ(line.exit_code, ExitCode::usage);
    EXPECT_THAT(line.text, HasSubstr("gatepost probe --help"));
  }
}

TEST(ProbeLine, has_a_help) {
  const CommandLine line = parse({"--help"});
  EXPECT_EQ(line.exit_code, ExitCode::ok);
  for (const char* part : {"HOST[:PORT]", "--tls", "--stls", "--plain", "--json", "--ca", "--name",
                           "--timeout", "Exit codes"}) {
    EXPECT_THAT(line.text, HasSubstr(part));
  }
}

}  // namespace
}  // namespace gatepost::command
