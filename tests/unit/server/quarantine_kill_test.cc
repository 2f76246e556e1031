#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "filters/quarantine/quarantine.h"
#include "tests/support/temporary_folder.h"

// Processes that end in the middle of it, as at a power cut but for the disk's own memory.

namespace gatepost::server {
namespace {

constexpr int kRounds = 6;
constexpr std::size_t kSize = 30'000;

std::string message(unsigned round, unsigned index) {
  std::mt19937 random(round * 1000 + index);
  std::string text(kSize, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

/// In a process of its own: keeps one after the other and says so.
[[noreturn]] void keep_forever(const config::Quarantine& config, unsigned round, int out) {
  const auto quarantine = filters::Quarantine::open(config);
  if (!quarantine) ::_exit(1);
  for (unsigned index = 0;; ++index) {
    const std::string text = message(round, index);
    std::string_view once = text;
    const auto number =
        (*quarantine)
            ->keep(sha256(text),
                   [&once]() -> Result<std::string_view> { return std::exchange(once, {}); }, {});
    if (!number || ::write(out, &*number, sizeof *number) != sizeof *number) ::_exit(2);
  }
}

TEST(QuarantineKill, what_was_said_to_be_kept_is_kept_and_whole) {
  const gatepost::testing::TemporaryFolder folder;
  config::Quarantine config;
  config.folder = folder.file("q");
  std::vector<std::string> acknowledged;  // digests
  for (unsigned round = 0; round < kRounds; ++round) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) keep_forever(config, round, ends[1]);
    ::close(ends[1]);
    std::uint64_t number = 0;
    for (unsigned index = 0; index < 4 + round; ++index) {
      ASSERT_EQ(::read(ends[0], &number, sizeof number), static_cast<ssize_t>(sizeof number));
      acknowledged.push_back(to_hex(sha256(message(round, index))));
      // Another process looks meanwhile.
      EXPECT_TRUE(index != 2 || filters::Quarantine::open(config));
    }
    ::usleep(700 * round);  // somewhere in what follows
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(ends[0]);
  }
  const auto quarantine = filters::Quarantine::open(config);
  ASSERT_TRUE(quarantine) << quarantine.error().detail;
  const auto records = (*quarantine)->list();
  ASSERT_TRUE(records);
  std::vector<std::string> kept;
  for (const auto& record : *records) {
    kept.push_back(record.digest);
    EXPECT_TRUE((*quarantine)->read(record.number, [](std::string_view) { return true; }));
  }
  for (const std::string& digest : acknowledged) {
    EXPECT_NE(std::ranges::find(kept, digest), kept.end());
  }
  for (const auto& entry : std::filesystem::directory_iterator(config.folder)) {
    EXPECT_FALSE(entry.path().filename().string().starts_with("incoming.")) << entry.path();
  }
}

}  // namespace
}  // namespace gatepost::server
