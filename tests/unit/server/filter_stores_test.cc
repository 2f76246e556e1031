#include "proxy/server/filter_stores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/temporary_folder.h"

namespace gatepost::server {
namespace {

using ::testing::StartsWith;

class FilterStoresTest : public ::testing::Test {
 protected:
  FilterStoresTest() {
    config_.chains.emplace_back().scanners = {"clamd"};
    config_.spool.folder = folder_.file("");
  }
  [[nodiscard]] std::string problem() {
    const auto stores = open_stores(config_, config_, {});
    EXPECT_FALSE(stores);
    if (stores) return {};
    EXPECT_EQ(stores.error().code, ErrorCode::config);
    return stores.error().detail;
  }

  gatepost::testing::TemporaryFolder folder_;
  config::Config config_;
};

TEST_F(FilterStoresTest, OpensWhatIsConfigured) {
  config_.quarantine.folder = folder_.file("q");
  config_.spool.max_message = 5;
  config_.spool.max_total = 7;
  const auto stores = open_stores(config_, config_, {});
  ASSERT_TRUE(stores) << stores.error().detail;
  EXPECT_EQ(stores->room->max_message(), 5U);
  EXPECT_TRUE(stores->room->take(7));
  EXPECT_FALSE(stores->room->take(1));
  EXPECT_NE(stores->memory, nullptr);
  EXPECT_NE(stores->sizes, nullptr);
  EXPECT_NE(stores->quarantine, nullptr);
}

TEST_F(FilterStoresTest, WhatIsConfiguredAsBeforeStays) {
  config_.quarantine.folder = folder_.file("q");
  const auto before = open_stores(config_, config_, {});
  ASSERT_TRUE(before) << before.error().detail;
  const auto same = open_stores(config_, config_, *before);
  ASSERT_TRUE(same);
  EXPECT_EQ(same->room, before->room);
  EXPECT_EQ(same->memory, before->memory);
  EXPECT_EQ(same->sizes, before->sizes);
  EXPECT_EQ(same->quarantine, before->quarantine);
  config::Config next = config_;
  next.spool.max_total = 1;
  next.verdict_memory.entries = 3;
  next.quarantine.max_age = std::chrono::hours(1);
  const auto changed = open_stores(next, config_, *before);
  ASSERT_TRUE(changed);
  EXPECT_NE(changed->room, before->room);
  EXPECT_NE(changed->memory, before->memory);
  EXPECT_NE(changed->sizes, before->sizes);
  EXPECT_NE(changed->quarantine, before->quarantine);
  next.quarantine.folder.clear();
  EXPECT_EQ(open_stores(next, config_, *before)->quarantine, nullptr);
}

TEST_F(FilterStoresTest, TellsWhatThereIsRoomFor) {
  config_.limits.connections = 12;
  config_.limits.memory = 640 * 1024;
  config_.spool.max_total = 7;
  const auto without = open_stores(config_, config_, {});
  ASSERT_TRUE(without);
  EXPECT_EQ(room_facts(config_, *without, 3).quarantine_limit, 0U);
  config_.quarantine.folder = folder_.file("q");
  config_.quarantine.max_size = 99;
  const auto stores = open_stores(config_, config_, {});
  ASSERT_TRUE(stores);
  const metrics::RoomFacts facts = room_facts(config_, *stores, 3);
  EXPECT_EQ(facts.connections_limit, 12U);
  EXPECT_EQ(facts.io_blocks_limit, 30U);
  EXPECT_EQ(facts.spool_limit, 7U);
  EXPECT_EQ(facts.quarantine_octets, 0U);
  EXPECT_EQ(facts.quarantine_limit, 99U);
}

TEST_F(FilterStoresTest, SaysWhichFolderCannotBeUsed) {
  config_.spool.folder = folder_.file("none");
  EXPECT_THAT(problem(), StartsWith("/spool/folder: " + config_.spool.folder));
  std::ofstream(folder_.file("file")) << "x";
  config_.spool.folder = folder_.file("file");
  EXPECT_THAT(problem(), StartsWith("/spool/folder: " + config_.spool.folder));
  config_.spool.folder = folder_.file("");
  config_.quarantine.folder = folder_.file("none/q");
  EXPECT_THAT(problem(), StartsWith("/quarantine/folder: "));
}

TEST_F(FilterStoresTest, NobodySpoolsWithoutScanners) {
  config_.spool.folder = folder_.file("none");
  config_.chains[0].scanners.clear();
  EXPECT_TRUE(open_stores(config_, config_, {}));
}

TEST_F(FilterStoresTest, MakesTheQuarantineForWhomWeAreToBecome) {
  config_.quarantine.folder = folder_.file("q");
  const process::Identity nobody{65534, 65534, "nobody"};
  const bool root = ::geteuid() == 0;
  ASSERT_TRUE(prepare_folders(config_, root ? std::optional(nobody) : std::nullopt));
  struct stat facts{};
  ASSERT_EQ(::stat(config_.quarantine.folder.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0700U);
  EXPECT_EQ(facts.st_uid, root ? nobody.user : ::geteuid());
  EXPECT_TRUE(prepare_folders(config_, nobody));  // there already: left as it is
  config_.quarantine.folder = folder_.file("none/q");
  const auto failed = prepare_folders(config_, {});
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().detail, StartsWith("/quarantine/folder: "));
}

}  // namespace
}  // namespace gatepost::server
