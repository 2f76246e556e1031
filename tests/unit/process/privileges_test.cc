#include "proxy/process/privileges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace gatepost::process {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uid_t kSomebody = 54321;

config::Process process(std::string user, std::string group = "") {
  config::Process result;
  result.user = std::move(user);
  result.group = std::move(group);
  return result;
}

Identity somebody() { return {kSomebody, kSomebody, "somebody"}; }

/// What `deed` returns in a process of its own: what it gives up is gone for good.
int in_child(const std::function<int()>& deed) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(deed());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

class Privileges : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::geteuid(), 0U) << "these tests need root"; }
};

TEST_F(Privileges, nobody_is_named_nobody_is_found) {
  const auto found = find_identity({});
  ASSERT_TRUE(found);
  EXPECT_FALSE(*found);
}

TEST_F(Privileges, users_are_found_by_name_and_by_number) {
  const auto by_name = find_identity(process("nobody"));
  ASSERT_TRUE(by_name && *by_name);
  EXPECT_NE((*by_name)->user, 0U);
  EXPECT_NE((*by_name)->group, 0U);
  const auto by_number = find_identity(process("54321", "54322"));
  ASSERT_TRUE(by_number && *by_number);
  EXPECT_EQ((*by_number)->user, 54321U);
  EXPECT_EQ((*by_number)->group, 54322U);
}

TEST_F(Privileges, a_user_who_is_nobody_or_root_is_a_wrong_configuration) {
  const auto problem = [](const config::Process& wanted) {
    const auto found = find_identity(wanted);
    return found ? std::string("none") : found.error().detail;
  };
  EXPECT_THAT(problem(process("no-such-user")), HasSubstr("/process/user: there is no user"));
  EXPECT_THAT(problem(process("root")), HasSubstr("root"));
  EXPECT_THAT(problem(process("0")), HasSubstr("root"));
  EXPECT_THAT(problem(process("nobody", "no-such-group")), HasSubstr("/process/group"));
  EXPECT_THAT(problem(process("54321")), HasSubstr("/process/group: missing"));
}

TEST_F(Privileges, only_root_can_become_another) {
  EXPECT_EQ(in_child([] {
              if (!become(somebody())) return 1;
              const auto other = find_identity(process("nobody"));
              const auto same = find_identity(process("54321", "54321"));
              return !other && same && *same ? 0 : 2;
            }),
            0);
}

TEST_F(Privileges, are_given_up_for_good_in_all_threads) {
  EXPECT_EQ(in_child([] {
              int failed = 0;
              std::vector<std::thread> threads;
              if (!become(somebody())) return 1;
              threads.emplace_back([&failed] {
                if (::setuid(0) == 0 || ::setgid(0) == 0 || ::seteuid(0) == 0) failed = 2;
                if (::getuid() != kSomebody || ::getegid() != kSomebody) failed = 3;
                if (::getgroups(0, nullptr) != 0) failed = 4;
              });
              threads.front().join();
              return failed;
            }),
            0);
}

TEST_F(Privileges, files_out_of_reach_are_found_for_us_and_for_another) {
  const std::string folder =
      ::testing::TempDir() + "gatepost-privileges-" + std::to_string(::getpid());
  std::filesystem::create_directories(folder);
  ASSERT_EQ(::chmod(folder.c_str(), 0755), 0);
  const std::string open = folder + "/open";
  const std::string shut = folder + "/shut";
  const std::string log = folder + "/log";
  for (const auto& [file, mode] : {std::pair{open, 0644U}, {shut, 0600U}, {log, 0640U}}) {
    std::ofstream(file) << "x";
    ASSERT_EQ(::chmod(file.c_str(), mode), 0);
  }
  const std::vector<std::string> read{open, shut, folder + "/missing"};
  const auto hidden = hidden_files_for(somebody(), read, log);
  ASSERT_EQ(hidden.size(), 3U);
  EXPECT_EQ(hidden[0].file, shut);
  EXPECT_EQ(hidden[0].reason, "Permission denied");
  EXPECT_EQ(hidden[1].file, folder + "/missing");
  EXPECT_EQ(hidden[2].file, log);
  EXPECT_THAT(hidden_files(std::vector{open, shut}, folder + "/new-log"), IsEmpty());
  EXPECT_EQ(hidden_files_for(somebody(), {}, folder + "/new-log").size(), 1U)
      << "no right to make it";
  std::filesystem::remove_all(folder);
}

TEST_F(Privileges, core_dumps_are_off_unless_wanted) {
  EXPECT_EQ(in_child([] {
              set_dumpable(false);
              rlimit limit{};
              ::getrlimit(RLIMIT_CORE, &limit);
              if (::prctl(PR_GET_DUMPABLE) != 0 || limit.rlim_max != 0) return 1;
              set_dumpable(true);
              return ::prctl(PR_GET_DUMPABLE) == 1 ? 0 : 2;
            }),
            0);
}

TEST_F(Privileges, no_program_could_gain_any) {
  EXPECT_EQ(in_child([] {
              forbid_new_privileges();
              return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 1;
            }),
            0);
}

}  // namespace
}  // namespace gatepost::process
