#include "proxy/metrics/process_usage.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "proxy/base/unique_fd.h"
#include "tests/support/temporary_folder.h"

namespace gatepost::metrics {
namespace {

TEST(ProcessUsage, TellsWhatThisProcessTakes) {
  const ProcessUsage usage = process_usage();
  EXPECT_GT(usage.resident_octets, 1U << 20U);
  EXPECT_GT(usage.memory_limit, usage.resident_octets);
  EXPECT_GE(usage.open_descriptors, 3U);
  EXPECT_GE(usage.descriptors_limit, usage.open_descriptors);
}

TEST(ProcessUsage, CountsDescriptors) {
  const std::uint64_t before = process_usage().open_descriptors;
  std::vector<UniqueFd> opened;
  for (int i = 0; i < 10; ++i) opened.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(process_usage().open_descriptors, before + opened.size());
}

TEST(ProcessUsage, CountsProcessorTime) {
  const std::uint64_t before = process_usage().cpu_milliseconds;
  while (process_usage().cpu_milliseconds < before + 5) {
  }
}

class MemoryLimitOfGroup : public ::testing::Test {
 protected:
  void group(const std::string& path, const std::string& limit) const {
    std::filesystem::create_directories(root() + path);
    std::ofstream(root() + path + "/memory.max") << limit << '\n';
  }
  [[nodiscard]] std::string root() const { return folder_.file("cgroup"); }
  [[nodiscard]] std::uint64_t limit(const std::string& membership) const {
    return memory_limit_of_group(membership, root());
  }
  gatepost::testing::TemporaryFolder folder_;
};

TEST_F(MemoryLimitOfGroup, IsTheSmallestOnTheWayUp) {
  group("/a", "1000");
  group("/a/b", "3000");
  group("/a/b/c", "2000");
  group("/a/other", "5");
  EXPECT_EQ(limit("0::/a/b/c\n"), 1000U);
  EXPECT_EQ(limit("0::/a\n"), 1000U);
}

TEST_F(MemoryLimitOfGroup, MaxIsNone) {
  group("/a", "max");
  group("/a/b", "max");
  EXPECT_EQ(limit("0::/a/b\n"), 0U);
  group("/a/b", "7");
  EXPECT_EQ(limit("0::/a/b\n"), 7U);
}

TEST_F(MemoryLimitOfGroup, AContainerSeesItsOwnAtTheRoot) {
  group("/", "536870912");
  EXPECT_EQ(limit("0::/\n"), 536'870'912U);
}

TEST_F(MemoryLimitOfGroup, TakesTheLineOfVersion2) {
  group("/a", "7");
  EXPECT_EQ(limit("12:memory:/b\n1:name=systemd:/c\n0::/a\n"), 7U);
  EXPECT_EQ(limit("12:memory:/a\n"), 0U);
  EXPECT_EQ(limit(""), 0U);
  EXPECT_EQ(limit("0::/gone/away\n"), 0U);
}

TEST_F(MemoryLimitOfGroup, ReadsNoLongFile) {
  group("/a", std::string(5'000, '0') + '7');
  EXPECT_EQ(limit("0::/a\n"), 0U);
  group("/a", std::string(100, '0') + '7');
  EXPECT_EQ(limit("0::/a\n"), 7U);
}

}  // namespace
}  // namespace gatepost::metrics
