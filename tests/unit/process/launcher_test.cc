#include "proxy/process/launcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include "proxy/process/launcher_process.h"
#include "proxy/process/launcher_wire.h"
#include "tests/support/temporary_folder.h"

namespace gatepost::process {
namespace {

using ::testing::HasSubstr;
using How = net::ProgramEnd::How;
using std::chrono::milliseconds;

constexpr std::uint64_t kMemory = std::uint64_t{256} << 20;

UniqueFd input(const std::string& text) {
  UniqueFd file(::memfd_create("input", MFD_CLOEXEC));
  EXPECT_EQ(::pwrite(file.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  return file;
}

bool alive(pid_t process) { return ::kill(process, 0) == 0; }

/// Real programs, run by a real launcher.
class LauncherTest : public ::testing::Test {
 protected:
  void begin(std::vector<net::Program> programs, unsigned workers = 1) {
    auto started = Launcher::start(std::move(programs), workers, std::nullopt);
    ASSERT_TRUE(started) << started.error().detail;
    launcher_ = std::move(*started);
    link_ = launcher_->connect(loop_, 0);
  }
  ~LauncherTest() override {
    link_.reset();  // the last link
    if (launcher_) ::waitpid(launcher_->process(), nullptr, 0);
  }
  static net::Program shell(const std::string& script) {
    return {{"/bin/sh", "-c", script}, kMemory};
  }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }
  /// What a program wrote there; waits for it.
  [[nodiscard]] pid_t process_in(const std::string& name) const {
    pid_t process = 0;
    for (int i = 0; i < 2000 && process == 0; ++i) {
      if (!(std::ifstream(file(name)) >> process)) {
        process = 0;
        std::this_thread::sleep_for(milliseconds(10));
      }
    }
    return process;
  }
  static bool ends(pid_t process) {
    for (int i = 0; i < 2000 && alive(process); ++i) std::this_thread::sleep_for(milliseconds(10));
    return !alive(process);
  }
  void run_loop(milliseconds most) {
    const auto limit = loop_.make_timer([this] { loop_.stop(); });
    limit->start(most);
    loop_.run();
  }
  net::ProgramEnd run(const net::Program& program, const std::string& text = "") {
    std::optional<net::ProgramEnd> ended;
    const Ticket ticket = link_->run(program, input(text), [&](Result<net::ProgramEnd> how) {
      EXPECT_TRUE(how) << how.error().detail;
      ended = std::move(*how);
      loop_.stop();
    });
    run_loop(milliseconds(60'000));
    EXPECT_TRUE(ended) << "it has not ended";
    return ended.value_or(net::ProgramEnd());
  }
  /// What a script writes.
  std::string output_of(const std::string& script) {
    begin({shell(script)});
    return run(shell(script)).output;
  }

  testing::TemporaryFolder folder_;
  net::Loop loop_;
  std::unique_ptr<Launcher> launcher_;
  std::unique_ptr<net::ProcessLauncher> link_;
};

TEST_F(LauncherTest, a_program_reads_the_message_and_says_how_it_is) {
  const net::Program program = shell("wc -c; exit 2");
  begin({shell("exit 9"), program});
  const net::ProgramEnd ended = run(program, std::string(300'000, 'x'));
  EXPECT_EQ(ended.how, How::exited);
  EXPECT_EQ(ended.code, 2);
  EXPECT_EQ(ended.output, "300000\n");
}

TEST_F(LauncherTest, a_program_need_not_read) {
  begin({{{"/bin/true"}, kMemory}});
  EXPECT_EQ(run({{"/bin/true"}, kMemory}, std::string(1 << 20, 'x')).code, 0);
}

TEST_F(LauncherTest, words_are_not_given_to_a_shell) {
  const net::Program program{{"/bin/echo", "$(id)", "a b;c", ""}, kMemory};
  begin({program});
  EXPECT_EQ(run(program).output, "$(id) a b;c \n");
}

TEST_F(LauncherTest, the_environment_is_clean) {
  ::setenv("GATEPOST_TEST_SECRET", "x", 1);
  const std::string seen =
      output_of("/usr/bin/env; pwd; ls -l /proc/self/fd | wc -l; ulimit -c; umask");
  EXPECT_THAT(seen, ::testing::Not(HasSubstr("SECRET")));
  EXPECT_THAT(seen, HasSubstr("PATH=/usr/local/bin:/usr/bin:/bin\n"));
  EXPECT_THAT(seen, HasSubstr("LANG=C.UTF-8\n"));
  EXPECT_THAT(seen, HasSubstr("\n/\n5\n0\n0077\n"));  // "total", the three, and the one of ls
}

TEST_F(LauncherTest, signals_are_as_new) {
  const std::string seen =
      output_of("grep -E '^Sig(Blk|Ign)' /proc/self/status; grep NoNewPrivs /proc/self/status");
  EXPECT_EQ(seen, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nNoNewPrivs:\t1\n");
}

TEST_F(LauncherTest, what_cannot_be_run_is_said) {
  const net::Program missing{{"/no/such/program"}, kMemory};
  const net::Program no_program{{"/etc/passwd"}, kMemory};
  begin({missing, no_program});
  EXPECT_EQ(run(missing).how, How::not_run);
  EXPECT_EQ(run(missing).code, ENOENT);
  EXPECT_EQ(run(no_program).code, EACCES);
}

TEST_F(LauncherTest, what_was_not_known_at_the_start_is_not_run) {
  begin({shell("exit 0")});
  std::optional<Error> error;
  const Ticket ticket = link_->run(shell("exit 1"), input(""), [&](Result<net::ProgramEnd> how) {
    error = how.error();
    loop_.stop();
  });
  EXPECT_FALSE(error);
  run_loop(milliseconds(5'000));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::config);
}

TEST_F(LauncherTest, endless_output_ends_the_program) {
  const net::Program endless{{"/usr/bin/yes"}, kMemory};
  const net::Program much = shell("head -c 65536 /dev/zero");
  const net::Program more = shell("head -c 65537 /dev/zero; sleep 60");
  static_assert(kMaxProgramOutput == 65536);
  begin({endless, much, more});
  const net::ProgramEnd ended = run(endless);
  EXPECT_EQ(ended.how, How::too_talkative);
  EXPECT_EQ(run(much).how, How::exited);
  EXPECT_EQ(run(much).output.size(), LaunchReport::kMaxOutput);
  EXPECT_EQ(run(more).how, How::too_talkative);
}

TEST_F(LauncherTest, memory_is_limited) {
  const net::Program hungry{{"/usr/bin/perl", "-e", "my $x = 'x' x (200 * 1024 * 1024); exit 0"},
                            std::uint64_t{64} << 20};
  begin({hungry});
  const net::ProgramEnd ended = run(hungry);
  EXPECT_FALSE(ended.how == How::exited && ended.code == 0);
}

TEST_F(LauncherTest, a_killed_program_is_no_clean_one) {
  begin({shell("kill -9 $$")});
  const net::ProgramEnd ended = run(shell("kill -9 $$"));
  EXPECT_EQ(ended.how, How::signalled);
  EXPECT_EQ(ended.code, SIGKILL);
}

TEST_F(LauncherTest, what_is_given_up_is_killed_with_its_children) {
  const net::Program program = shell("trap '' TERM INT; sleep 300 & echo $! > " + file("child") +
                                     "; echo $$ > " + file("parent") + "; wait; wait; sleep 300");
  begin({program});
  bool told = false;
  Ticket ticket = link_->run(program, input(""), [&](const auto&) { told = true; });
  run_loop(milliseconds(10));
  const pid_t child = process_in("child");
  const pid_t parent = process_in("parent");
  ASSERT_GT(child, 0) << "told: " << told;
  EXPECT_TRUE(alive(child)) << child;
  EXPECT_TRUE(alive(parent)) << parent;
  ticket.reset();
  EXPECT_TRUE(ends(child)) << child;
  EXPECT_TRUE(ends(parent)) << parent;
  run_loop(milliseconds(20));
  EXPECT_FALSE(told);
}

TEST_F(LauncherTest, children_do_not_outlive_their_program) {
  const net::Program program =
      shell("sleep 300 & echo $! > " + file("child") + "; echo found; exit 1");
  const net::Program escaping = shell(
      "setsid sh -c 'echo $$ > " + file("escaping") + "; exec sleep 300' & " + "while ! [ -s " +
      file("escaping") + " ]; do sleep 0.01; done; mv " + file("escaping") + " " + file("escaped"));
  begin({program, escaping});
  const net::ProgramEnd ended = run(program);
  EXPECT_EQ(ended.code, 1);
  EXPECT_EQ(ended.output, "found\n");
  EXPECT_TRUE(ends(process_in("child")));
  static_cast<void>(run(escaping));
  EXPECT_TRUE(ends(process_in("escaped")));
}

TEST_F(LauncherTest, many_run_side_by_side) {
  const net::Program program = shell("cat >/dev/null; sleep 0.1; exit 1");
  begin({program});
  constexpr int kMany = 40;
  int ended = 0;
  std::vector<Ticket> tickets;
  for (int i = 0; i < kMany; ++i) {
    tickets.push_back(link_->run(program, input("text"), [&](const Result<net::ProgramEnd>& how) {
      EXPECT_TRUE(how && how->code == 1);
      if (++ended == kMany) loop_.stop();
    }));
  }
  run_loop(milliseconds(60'000));
  EXPECT_EQ(ended, kMany);
}

TEST_F(LauncherTest, one_program_too_many_is_refused) {
  const net::Program program = shell("exec sleep 300");
  begin({program});
  std::vector<Ticket> tickets;
  std::optional<net::ProgramEnd> ended;
  for (std::size_t i = 0; i < kMaxPrograms + 1; ++i) {
    tickets.push_back(link_->run(program, input(""), [&](const Result<net::ProgramEnd>& how) {
      EXPECT_TRUE(how);
      ended = how.value_or(net::ProgramEnd());
      loop_.stop();
    }));
    if (i % 64 == 0) run_loop(milliseconds(100));  // the socket holds only so many
  }
  if (!ended) run_loop(milliseconds(60'000));
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->how, How::not_run);
  EXPECT_EQ(ended->code, EAGAIN);
}

TEST_F(LauncherTest, what_a_worker_started_ends_with_it) {
  const net::Program program = shell("echo $$ > " + file("process") + "; exec sleep 300");
  const net::Program other = shell("echo $$ > " + file("other") + "; exec sleep 300");
  begin({program, other}, 2);
  auto second = launcher_->connect(loop_, 1);
  const Ticket kept = link_->run(program, input(""), [](const auto&) {});
  const Ticket gone = second->run(other, input(""), [](const auto&) {});
  const pid_t process = process_in("process");
  const pid_t others = process_in("other");
  ASSERT_TRUE(process > 0 && others > 0);
  second.reset();
  EXPECT_TRUE(ends(others));
  EXPECT_TRUE(alive(process));
}

TEST_F(LauncherTest, without_workers_it_ends_and_kills_what_runs) {
  const net::Program program = shell("echo $$ > " + file("process") + "; exec sleep 300");
  begin({program});
  const Ticket ticket = link_->run(program, input(""), [](const auto&) {});
  const pid_t process = process_in("process");
  ASSERT_GT(process, 0);
  ::kill(launcher_->process(), SIGTERM);  // meant for the gateway
  link_.reset();
  EXPECT_TRUE(ends(process));
  int status = 0;
  EXPECT_EQ(::waitpid(launcher_->process(), &status, 0), launcher_->process());
  EXPECT_TRUE(WIFEXITED(status));
  launcher_.reset();
}

TEST_F(LauncherTest, programs_end_with_the_launcher_and_that_is_told) {
  const net::Program program = shell("echo $$ > " + file("process") + "; exec sleep 300");
  begin({program});
  std::optional<Error> error;
  const auto told = [&](const Result<net::ProgramEnd>& how) {
    if (!how) error = how.error();
    loop_.stop();
  };
  const Ticket ticket = link_->run(program, input(""), told);
  const pid_t process = process_in("process");
  ASSERT_GT(process, 0);
  ::kill(launcher_->process(), SIGKILL);
  EXPECT_TRUE(ends(process));
  run_loop(milliseconds(5'000));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::system);
  error.reset();
  const Ticket again = link_->run(program, input(""), told);
  run_loop(milliseconds(5'000));
  EXPECT_TRUE(error);
}

TEST(LauncherCheck, new_commands_need_a_restart) {
  config::Config config;
  EXPECT_TRUE(Launcher::check(config, nullptr));
  config::Scanner& scanner = config.scanners.emplace_back();
  scanner.name = "mine";
  scanner.type = config::ScannerType::command;
  scanner.command = {"/bin/true"};
  const auto refused = Launcher::check(config, nullptr);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::config);
  EXPECT_THAT(refused.error().detail, HasSubstr("mine"));
  EXPECT_EQ(Launcher::programs_of(config).size(), 1U);
}

}  // namespace
}  // namespace gatepost::process
