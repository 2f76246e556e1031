#include "proxy/server/file_watch.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/fake_timers.h"
#include "tests/unit/tls/certificates.h"

namespace gatepost::server {
namespace {

using ::gatepost::testing::FakeTimers;
using ::gatepost::testing::TestFiles;
namespace fs = std::filesystem;

class FileWatchTest : public ::testing::Test {
 protected:
  /// Long enough for a change to be seen and to settle.
  void time_passes() { timers_.advance(Duration(20'000)); }

  TestFiles files_;
  FakeTimers timers_;
  int changes_ = 0;
  FileWatch watch_{timers_, [this] { ++changes_; }};
};

TEST_F(FileWatchTest, SaysNothingWhileNothingChanges) {
  watch_.watch({files_.write("one", "1"), files_.path("missing")}, Duration(5'000));
  time_passes();
  time_passes();
  EXPECT_EQ(changes_, 0);
}

TEST_F(FileWatchTest, SeesAFileWrittenAnew) {
  watch_.watch({files_.write("one", "1")}, Duration(5'000));
  files_.write("one", "22");
  time_passes();
  EXPECT_EQ(changes_, 1);
  time_passes();
  EXPECT_EQ(changes_, 1) << "once for each change";
}

TEST_F(FileWatchTest, SeesAFileRenamedOver) {
  watch_.watch({files_.write("one", "1")}, Duration(5'000));
  fs::rename(files_.write("two", "1"), files_.path("one"));
  time_passes();
  EXPECT_EQ(changes_, 1);
}

TEST_F(FileWatchTest, SeesAFileComeAndGo) {
  watch_.watch({files_.path("one")}, Duration(5'000));
  files_.write("one", "1");
  time_passes();
  EXPECT_EQ(changes_, 1);
  fs::remove(files_.path("one"));
  time_passes();
  EXPECT_EQ(changes_, 2);
}

/// A volume of Kubernetes: tls.crt -> ..data/tls.crt, ..data -> a folder; ..data is replaced.
TEST_F(FileWatchTest, SeesALinkThatPointsElsewhere) {
  const fs::path folder = files_.path("volume");
  fs::create_directories(folder / "..first");
  fs::create_directories(folder / "..second");
  files_.write("volume/..first/tls.crt", "1");
  files_.write("volume/..second/tls.crt", "2");
  fs::create_directory_symlink("..first", folder / "..data");
  fs::create_symlink("..data/tls.crt", folder / "tls.crt");
  watch_.watch({(folder / "tls.crt").string()}, Duration(5'000));
  fs::create_directory_symlink("..second", folder / "..data_tmp");
  fs::rename(folder / "..data_tmp", folder / "..data");
  time_passes();
  EXPECT_EQ(changes_, 1);
}

TEST_F(FileWatchTest, LooksIntoFoldersAndTheirSubfolders) {
  fs::create_directories(files_.path("folder/sub"));
  watch_.watch({files_.path("folder")}, Duration(5'000));
  files_.write("folder/a.pem", "1");
  time_passes();
  EXPECT_EQ(changes_, 1);
  files_.write("folder/sub/tls.crt", "1");
  time_passes();
  EXPECT_EQ(changes_, 2);
  files_.write("folder/sub/tls.crt", "12");
  time_passes();
  EXPECT_EQ(changes_, 3);
}

TEST_F(FileWatchTest, WaitsUntilNothingChangesAnyMore) {
  watch_.watch({files_.write("one", "1")}, Duration(5'000));
  for (int i = 2; i < 10; ++i) {
    files_.write("one", std::string(static_cast<std::size_t>(i), 'x'));
    timers_.advance(i == 2 ? Duration(5'000) : FileWatch::kSettle);
    EXPECT_EQ(changes_, 0);
  }
  timers_.advance(FileWatch::kSettle);
  EXPECT_EQ(changes_, 1);
}

TEST_F(FileWatchTest, CountsWhatIsThereWhenItBeginsAsSeen) {
  watch_.watch({files_.write("one", "1")}, Duration(5'000));
  files_.write("one", "22");
  watch_.watch({files_.path("one")}, Duration(5'000));
  time_passes();
  EXPECT_EQ(changes_, 0);
}

TEST_F(FileWatchTest, TellsAgainOfWhatWasSeenInVain) {
  watch_.watch({files_.write("one", "1")}, Duration(5'000));
  watch_.forget();
  time_passes();
  EXPECT_EQ(changes_, 1);
  time_passes();
  EXPECT_EQ(changes_, 1);
}

TEST_F(FileWatchTest, WatchesNothingWithoutAnInterval) {
  watch_.watch({files_.write("one", "1")}, Duration(5'000));
  watch_.watch({files_.path("one")}, Duration(0));
  files_.write("one", "22");
  time_passes();
  EXPECT_EQ(changes_, 0);
  EXPECT_EQ(timers_.armed(), 0U);
}

TEST_F(FileWatchTest, LooksAtSoManyEntriesOnly) {
  fs::create_directory(files_.path("folder"));
  for (std::size_t i = 0; i < FileWatch::kMaxEntries + 10; ++i) {
    files_.write("folder/" + std::to_string(i), "");
  }
  watch_.watch({files_.path("folder")}, Duration(5'000));
  time_passes();
  EXPECT_EQ(changes_, 0);
}

}  // namespace
}  // namespace gatepost::server
