#include "proxy/process/upgrade.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <optional>
#include <string>

#include "proxy/process/inherited_sockets.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/net/sockets.h"

namespace gatepost::process {
namespace {

using What = HandoverPacket::What;
using ::gatepost::testing::run_until;
using ::gatepost::testing::wait_until;
using ::testing::Each;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::SizeIs;

/// Reads until that was all, then says that it is ready, and stays.
constexpr const char* kGood = R"(
import array, os, socket, struct, time
way = socket.socket(fileno=int(os.environ["GATEPOST_INHERIT"]))
way.setblocking(True)
descriptors = 0
while True:
    data, control, _, _ = way.recvmsg(8192, socket.CMSG_SPACE(64 * 4))
    descriptors += sum(len(items) // 4 for _, _, items in control)
    if struct.unpack("=I", data[:4]) == (3,):
        break
with open(os.environ["SEEN"], "w") as file:
    file.write(f"{os.getpid()} {descriptors} {os.environ.get('WATCHDOG_PID')} {os.getcwd()}")
way.send(struct.pack("=I", 4))
time.sleep(100)
)";

/// A real starter; the programs are scripts.
class UpgradeTest : public ::testing::Test {
 protected:
  ~UpgradeTest() override {
    upgrade_.reset();
    const pid_t process = starter_ ? starter_->process() : -1;
    starter_.reset();  // with its link the starter ends
    if (process > 0) ::waitpid(process, nullptr, 0);
  }
  void start(std::string program, std::vector<std::string> arguments,
             Duration limit = Upgrade::kLimit) {
    auto starter = Starter::fork(std::move(program), std::move(arguments));
    ASSERT_TRUE(starter) << starter.error().detail;
    starter_ = std::move(*starter);
    upgrade_ = std::make_unique<Upgrade>(loop_, *starter_, limit);
  }
  void start_shell(const std::string& script, Duration limit = Upgrade::kLimit) {
    start("/bin/sh", {"sh", "-c", script}, limit);
  }
  Result<void> begin() {
    return upgrade_->begin([this](Result<pid_t> outcome) { outcome_ = std::move(outcome); });
  }
  /// What came of it.
  Result<pid_t> outcome() {
    EXPECT_TRUE(run_until(loop_, [this] { return outcome_.has_value(); }));
    auto outcome = outcome_.value_or(fail(ErrorCode::timeout, "nothing"));
    outcome_.reset();
    return outcome;
  }
  Result<pid_t> whole() {
    if (auto begun = begin(); !begun) return std::unexpected(begun.error());
    upgrade_->hand_over({});
    return outcome();
  }
  static bool alive(pid_t process) { return ::kill(process, 0) == 0; }

  testing::TemporaryFolder folder_;
  net::Loop loop_;
  std::unique_ptr<Starter> starter_;
  std::unique_ptr<Upgrade> upgrade_;
  std::optional<Result<pid_t>> outcome_;
};

TEST_F(UpgradeTest, a_new_process_takes_over) {
  ::setenv("SEEN", folder_.file("seen").c_str(), 1);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  start("/usr/bin/python3", {"python3", "-c", kGood});
  ::unsetenv("SEEN");
  ::unsetenv("WATCHDOG_PID");
  ASSERT_TRUE(begin());
  EXPECT_TRUE(upgrade_->under_way());
  EXPECT_EQ(begin().error().code, ErrorCode::limit);
  std::vector<UniqueFd> many;
  for (int i = 0; i < 500; ++i) many.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  std::vector<HandoverPacket> cargo;
  ASSERT_TRUE(pack_sockets("key", std::move(many), cargo));
  const std::string large(4096, 'x');
  for (int i = 0; i < 200; ++i) cargo.push_back({What::failed, large, {}});
  upgrade_->hand_over(std::move(cargo));
  const auto process = outcome();
  ASSERT_TRUE(process) << process.error().detail;
  EXPECT_FALSE(upgrade_->under_way());
  pid_t seen = 0;
  int descriptors = 0;
  pid_t watched = 0;
  std::string folder;
  std::ifstream(folder_.file("seen")) >> seen >> descriptors >> watched >> folder;
  EXPECT_EQ(seen, *process);
  EXPECT_EQ(descriptors, 500);
  EXPECT_EQ(watched, *process) << "the watchdog is for the new process";
  EXPECT_EQ(folder, std::filesystem::current_path());
  EXPECT_TRUE(alive(*process));
  ::kill(*process, SIGKILL);
}

TEST_F(UpgradeTest, a_program_that_ends_has_not_taken_over) {
  start_shell("exit 7");
  EXPECT_THAT(whole().error().detail, HasSubstr("exit code 7"));
  EXPECT_FALSE(upgrade_->under_way());
  EXPECT_THAT(whole().error().detail, HasSubstr("exit code 7")) << "it may be tried again";
}

TEST_F(UpgradeTest, a_program_that_is_killed_has_not_either) {
  start_shell("kill -9 $$");
  EXPECT_THAT(whole().error().detail, HasSubstr("signal 9"));
}

TEST_F(UpgradeTest, a_program_that_is_not_there_is_named) {
  start("/nonexistent/gatepost", {"gatepost", "run"});
  const auto outcome = whole();
  EXPECT_EQ(outcome.error().detail, "/nonexistent/gatepost: No such file or directory");
}

TEST_F(UpgradeTest, what_the_new_process_says_is_the_reason) {
  start("/usr/bin/python3", {"python3", "-c", R"(
import os, socket, struct
way = socket.socket(fileno=int(os.environ["GATEPOST_INHERIT"]))
way.send(struct.pack("=I", 5) + b"no good")
)"});
  EXPECT_EQ(whole().error().detail, "no good");
}

TEST_F(UpgradeTest, who_takes_too_long_is_killed) {
  start_shell("echo $$ > " + folder_.file("pid") + "; exec sleep 100", Duration(300));
  EXPECT_THAT(whole().error().detail, HasSubstr("not ready in time"));
  pid_t process = 0;
  if (std::ifstream(folder_.file("pid")) >> process) {
    EXPECT_FALSE(alive(process));
  }
  EXPECT_FALSE(upgrade_->under_way());
}

TEST_F(UpgradeTest, it_may_be_given_up) {
  start_shell("exec sleep 100");
  ASSERT_TRUE(begin());
  upgrade_->give_up("enough");
  EXPECT_EQ(outcome().error().detail, "enough");
  upgrade_->give_up("there is none");
}

TEST_F(UpgradeTest, noise_from_the_new_process_is_no_success) {
  start("/usr/bin/python3", {"python3", "-c", R"(
import os, socket, time
way = socket.socket(fileno=int(os.environ["GATEPOST_INHERIT"]))
way.send(b"\xff" * 100)
time.sleep(100)
)"});
  EXPECT_THAT(whole().error().detail, HasSubstr("none of a gateway"));
}

TEST_F(UpgradeTest, without_the_starter_there_is_none) {
  start_shell("exec sleep 100");
  ::kill(starter_->process(), SIGKILL);
  EXPECT_TRUE(run_until(loop_, [this] {
    auto begun = begin();
    return !begun && begun.error().detail.find("restart") != std::string::npos;
  }));
}

TEST_F(UpgradeTest, the_starter_ends_with_the_gateway) {
  start_shell("exec sleep 100");
  const pid_t process = starter_->process();
  upgrade_.reset();
  starter_.reset();
  EXPECT_TRUE(wait_until([&] { return ::waitpid(process, nullptr, WNOHANG) == process; }));
}

TEST(PackSocketsTest, as_many_packets_as_it_takes) {
  std::vector<HandoverPacket> cargo;
  ASSERT_TRUE(pack_sockets("key", std::vector<UniqueFd>(130), cargo));
  EXPECT_THAT(cargo, SizeIs(3));
  EXPECT_THAT(cargo, Each(Field(&HandoverPacket::text, "key")));
  EXPECT_THAT(cargo.back().descriptors, SizeIs(2));
  EXPECT_FALSE(pack_sockets(std::string(InheritedSockets::kMaxKey + 1, 'k'), {}, cargo));
}

TEST(OwnProgramTest, a_link_is_kept_and_a_bare_name_is_looked_up) {
  const testing::TemporaryFolder folder;
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  std::filesystem::create_symlink(self, folder.path() / "link");
  EXPECT_EQ(own_program((folder.path() / "link").c_str()), folder.path() / "link");
  EXPECT_EQ(own_program("gatepost"), self);
  EXPECT_EQ(own_program("/bin/false"), self) << "that is not us";
  EXPECT_EQ(own_program(nullptr), self);
}

}  // namespace
}  // namespace gatepost::process
