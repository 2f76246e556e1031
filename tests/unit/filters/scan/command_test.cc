#include "filters/scan/command.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>
#include <string>

#include "tests/support/fake_launcher.h"
#include "tests/support/scanner_fixture.h"

namespace gatepost::filters {
namespace {

using How = net::ProgramEnd::How;

struct CommandTest : testing::ScannerFixture {
  CommandTest() {
    settings.type = config::ScannerType::command;
    settings.command = {"/usr/local/bin/scan", "--quiet"};
    settings.command_memory = 12345;
    tools.launcher = &launcher;
  }
  void scan(const std::string& text) {
    verdict.reset();
    scanner = make_command(settings, tools);
    ticket = scanner->scan({.message = message(text), .facts = {}}, [this](Verdict said) {
      EXPECT_FALSE(verdict) << "told twice";
      verdict = std::move(said);
    });
  }

  testing::FakeLauncher launcher;
  std::unique_ptr<Scanner> scanner;
  Ticket ticket;
  std::optional<Verdict> verdict;
};

TEST_F(CommandTest, gives_the_message_to_the_configured_program) {
  const std::string text(300'000, 'x');
  scan(text);
  ASSERT_EQ(launcher.running(), 1U);
  EXPECT_EQ(launcher.program(), (net::Program{settings.command, settings.command_memory}));
  std::string handed(text.size() + 1, 0);
  EXPECT_EQ(::read(launcher.input(), handed.data(), handed.size()),
            static_cast<ssize_t>(text.size()));
  EXPECT_FALSE(verdict);
  launcher.end(net::ProgramEnd{How::exited, 1, "Eicar\nmore"});
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->cause, Cause::infected);
  EXPECT_EQ(verdict->detail, "Eicar");
}

TEST_F(CommandTest, a_launcher_in_trouble_is_unreachable) {
  scan("text\r\n");
  launcher.end(fail(ErrorCode::system, "gone"));
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->cause, Cause::unreachable);
}

TEST_F(CommandTest, without_a_launcher_nothing_runs) {
  tools.launcher = nullptr;
  scan("text\r\n");
  EXPECT_FALSE(verdict);
  timers.advance(Duration(0));
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->cause, Cause::unreachable);
}

TEST_F(CommandTest, is_killed_when_it_is_given_up) {
  scan("text\r\n");
  ticket.reset();
  EXPECT_EQ(launcher.killed(), 1U);
  EXPECT_FALSE(verdict);
}

TEST_F(CommandTest, has_no_version) {
  scanner = make_command(settings, tools);
  std::optional<std::string> version;
  ticket = scanner->ask_version([&version](Result<std::string> said) { version = *said; });
  EXPECT_FALSE(version);
  timers.advance(Duration(0));
  EXPECT_EQ(version, "");
}

TEST(ProgramEnd, clean_is_status_0_and_nothing_else) {
  EXPECT_EQ(read_program_end({How::exited, 0, "whatever"}).cause, Cause::clean);
  EXPECT_EQ(read_program_end({How::exited, 1, "OK"}).cause, Cause::infected);
  EXPECT_EQ(read_program_end({How::exited, 2, ""}).cause, Cause::spam);
  EXPECT_EQ(read_program_end({How::exited, 75, "database is locked\n"}).cause, Cause::unreachable);
  for (int status = 3; status < 256; ++status) {
    if (status == 75) continue;
    EXPECT_EQ(read_program_end({How::exited, status, "OK"}).cause, Cause::not_understood);
  }
  EXPECT_EQ(read_program_end({How::exited, -1, ""}).cause, Cause::not_understood);
  EXPECT_EQ(read_program_end({How::signalled, SIGKILL, "OK"}).cause, Cause::not_understood);
  EXPECT_EQ(read_program_end({How::too_talkative, 0, "OK"}).cause, Cause::not_understood);
  EXPECT_EQ(read_program_end({How::not_run, ENOENT, ""}).cause, Cause::unreachable);
}

TEST(ProgramEnd, the_detail_is_the_first_line) {
  EXPECT_EQ(read_program_end({How::exited, 1, "Win.Test\r\nsecond"}).detail, "Win.Test");
  EXPECT_EQ(read_program_end({How::exited, 1, "\nsecond"}).detail, "unnamed");
  EXPECT_EQ(read_program_end({How::exited, 1, "a\tb\x1b[31m"}).detail, "a?b?[31m");
  EXPECT_EQ(read_program_end({How::exited, 9, "bad"}).detail, "exit status 9: bad");
  EXPECT_EQ(read_program_end({How::exited, 1, std::string(1000, 'x')}).detail.size(),
            Verdict::kMaxDetail);
}

}  // namespace
}  // namespace gatepost::filters
