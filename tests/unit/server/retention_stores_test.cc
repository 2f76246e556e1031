#include "proxy/server/retention_stores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "proxy/net/loop.h"
#include "proxy/net/loop_background.h"
#include "proxy/net/resolver.h"
#include "proxy/net/tcp_connector.h"
#include "tests/support/recording_log.h"
#include "tests/support/temporary_folder.h"

namespace gatepost::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class RetentionStoresTest : public ::testing::Test {
 protected:
  RetentionStoresTest() {
    config::RetentionPolicy keep;
    keep.name = "p";
    keep.type = config::RetentionType::keep;
    retention().policies = {keep};
    retention().store.file = folder_.file("r.sqlite");
    config_.listeners.emplace_back().retention = "p";
  }
  config::Retention& retention() { return config_.retention; }
  [[nodiscard]] Result<RetentionStores> open() {
    return open_retention(config_, config_, {}, log_);
  }
  [[nodiscard]] std::string problem() {
    const auto stores = open();
    EXPECT_FALSE(stores);
    if (stores) return {};
    EXPECT_EQ(stores.error().code, ErrorCode::config);
    return stores.error().detail;
  }
  std::string write(const std::string& name, std::string_view text) {
    std::ofstream(folder_.file(name), std::ios::binary) << text;
    return folder_.file(name);
  }
  void use_redis() {
    retention().store.type = config::RetentionStoreType::redis;
    retention().store.redis.addresses = {*Endpoint::parse("127.0.0.1:1", 0)};
    retention().key_file = write("key", "0123456789abcdef\n");
  }

  gatepost::testing::TemporaryFolder folder_;
  gatepost::testing::RecordingLog log_;
  config::Config config_;
};

TEST_F(RetentionStoresTest, OpensNothingThatNobodyNeeds) {
  config_.listeners[0].retention.clear();
  const auto stores = open();
  ASSERT_TRUE(stores);
  EXPECT_EQ(stores->names, nullptr);
  EXPECT_EQ(stores->audit, nullptr);
  EXPECT_EQ(stores->table, nullptr);
  EXPECT_FALSE(std::filesystem::exists(retention().store.file));
  EXPECT_THAT(judge_retention(config_), IsEmpty());
}

TEST_F(RetentionStoresTest, MakesTheFileAndItsKey) {
  retention().hold = {"joe"};
  retention().forget_after = std::chrono::hours(5);
  const auto stores = open();
  ASSERT_TRUE(stores) << stores.error().detail;
  ASSERT_NE(stores->table, nullptr);
  EXPECT_TRUE(stores->table->check());
  EXPECT_NE(stores->names, nullptr);
  EXPECT_NE(stores->audit, nullptr);
  EXPECT_EQ(stores->redis, nullptr);
  EXPECT_EQ(stores->hold, retention().hold);
  EXPECT_EQ(stores->forget_after, std::chrono::hours(5));
  for (const std::string& file : {retention().store.file, retention().store.file + ".key"}) {
    struct stat facts{};
    ASSERT_EQ(::stat(file.c_str(), &facts), 0) << file;
    EXPECT_EQ(facts.st_mode & 0777U, 0600U) << file;
  }
  const auto again = open();
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(again->names->account("p", "joe", false), stores->names->account("p", "joe", false));
}

TEST_F(RetentionStoresTest, OpensForOthersOnlyWhatIsThere) {
  const auto problem_of = [this](ErrorCode code) {
    const auto stores = open_existing_store(retention());
    EXPECT_FALSE(stores);
    if (stores) return std::string();
    EXPECT_EQ(stores.error().code, code);
    return stores.error().detail;
  };
  EXPECT_THAT(problem_of(ErrorCode::system), HasSubstr("no store that this user may look after"));
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path())) << "neither is made";
  const auto of_gateway = open();
  ASSERT_TRUE(of_gateway) << of_gateway.error().detail;
  const auto stores = open_existing_store(retention());
  ASSERT_TRUE(stores) << stores.error().detail;
  EXPECT_TRUE(stores->table->check());
  EXPECT_EQ(stores->names->account("p", "joe", false),
            of_gateway->names->account("p", "joe", false));
  std::filesystem::remove(retention().store.file + ".key");
  EXPECT_THAT(problem_of(ErrorCode::config), StartsWith("/retention/store/file: "));
  EXPECT_FALSE(std::filesystem::exists(retention().store.file + ".key"));
  retention().store.type = config::RetentionStoreType::memory;
  EXPECT_THAT(problem_of(ErrorCode::config), StartsWith("/retention/store: "));
  use_redis();
  const auto redis = open_existing_store(retention());
  ASSERT_TRUE(redis) << redis.error().detail;
  EXPECT_NE(redis->redis, nullptr);
}

TEST_F(RetentionStoresTest, RootLeavesNothingThatTheGatewayCannotOpen) {
  if (::geteuid() != 0) GTEST_SKIP() << "root only";
  constexpr uid_t kOther = 65534;
  ASSERT_TRUE(open());
  for (const char* end : {"", ".key"}) {
    ASSERT_EQ(::chown((retention().store.file + end).c_str(), kOther, kOther), 0);
  }
  const auto stores = open_existing_store(retention());
  ASSERT_TRUE(stores) << stores.error().detail;
  ASSERT_TRUE(stores->table->commit({}, {{.name = {}, .expected = 0, .value = "1"}}, 1));
  for (const char* end : {"", "-wal", "-shm"}) {
    struct stat facts{};
    ASSERT_EQ(::stat((retention().store.file + end).c_str(), &facts), 0) << end;
    EXPECT_EQ(facts.st_uid, kOther) << end;
  }
}

TEST_F(RetentionStoresTest, TheStoreOfAWorkerAnswersOnItsLoop) {
  const auto stores = open();
  ASSERT_TRUE(stores) << stores.error().detail;
  net::Loop loop;
  net::LoopBackground background(loop);
  BlockPool blocks;
  net::Resolver resolver(loop, std::chrono::seconds(1));
  net::TcpConnector connector(loop, blocks, resolver);
  const WorkerStore mine = worker_store(*stores, background, {loop, connector, blocks});
  ASSERT_NE(mine.store, nullptr);
  std::optional<bool> good;
  const Ticket question = mine.store->check([&](const Result<void>& answer) {
    good = answer.has_value();
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(good, true);
  EXPECT_EQ(mine.warning(), "");
  EXPECT_EQ(worker_store({}, background, {loop, connector, blocks}).store, nullptr);
}

TEST_F(RetentionStoresTest, WhatIsConfiguredAsBeforeStays) {
  const auto before = open();
  ASSERT_TRUE(before) << before.error().detail;
  config::Config next = config_;
  next.retention.policies[0].view = config::RetentionView::show;
  next.retention.hold = {"joe"};
  const auto same = open_retention(next, config_, *before, log_);
  ASSERT_TRUE(same);
  EXPECT_EQ(same->table, before->table);
  EXPECT_EQ(same->names, before->names);
  EXPECT_EQ(same->audit, before->audit);
  EXPECT_EQ(same->hold, next.retention.hold);
  next.retention.store.file = folder_.file("other.sqlite");
  next.retention.audit_file = folder_.file("audit");
  const auto changed = open_retention(next, config_, *before, log_);
  ASSERT_TRUE(changed) << changed.error().detail;
  EXPECT_NE(changed->table, before->table);
  EXPECT_NE(changed->names, before->names) << "the key is beside the file";
  EXPECT_NE(changed->audit, before->audit);
  next.listeners[0].retention.clear();
  next.retention.hold.clear();
  EXPECT_EQ(open_retention(next, config_, *before, log_)->table, nullptr);
}

TEST_F(RetentionStoresTest, SaysWhichFileCannotBeUsed) {
  write("r.sqlite", "this is no database, but long enough to be taken for one perhaps");
  EXPECT_THAT(problem(), StartsWith("/retention/store/file: "));
  retention().store.file = folder_.file("none/r.sqlite");
  EXPECT_THAT(problem(), StartsWith("/retention/store/file: "));
  retention().key_file = folder_.file("nokey");
  EXPECT_THAT(problem(), StartsWith("/retention/key_file: "));
  EXPECT_FALSE(std::filesystem::exists(retention().key_file)) << "what is named is not made";
  retention().key_file = write("short", "short");
  EXPECT_THAT(problem(), StartsWith("/retention/key_file: "));
  retention().key_file = write("key", "0123456789abcdef");
  retention().audit_file = folder_.file("none/audit");
  EXPECT_THAT(problem(), StartsWith("/retention/audit_file: "));
}

TEST_F(RetentionStoresTest, ABrakeNeedsNoStore) {
  retention().policies[0].type = config::RetentionType::client;
  retention().policies[0].brake.messages = 1;
  const auto stores = open();
  ASSERT_TRUE(stores) << stores.error().detail;
  EXPECT_NE(stores->names, nullptr);
  EXPECT_EQ(stores->table, nullptr);
  EXPECT_FALSE(std::filesystem::exists(retention().store.file));
}

TEST_F(RetentionStoresTest, MemoryNeedsNoFile) {
  retention().store.type = config::RetentionStoreType::memory;
  const auto stores = open();
  ASSERT_TRUE(stores) << stores.error().detail;
  EXPECT_NE(stores->table, nullptr);
  EXPECT_NE(stores->names, nullptr);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(RetentionStoresTest, ReadsThePasswordsOfRedis) {
  use_redis();
  retention().store.redis.password_file = write("password", "secret\r\nmore\n");
  retention().store.redis.sentinel_password_file = write("sentinel", "other");
  const auto stores = open();
  ASSERT_TRUE(stores) << stores.error().detail;
  ASSERT_NE(stores->redis, nullptr);
  EXPECT_EQ(stores->table, nullptr);
  EXPECT_EQ(stores->redis->password.reveal(), "secret");
  EXPECT_EQ(stores->redis->sentinel_password.reveal(), "other");
  EXPECT_EQ(stores->redis->tls, nullptr);
  const auto same = open_retention(config_, config_, *stores, log_);
  EXPECT_EQ(same->redis, stores->redis);
}

TEST_F(RetentionStoresTest, SaysWhatIsWrongWithTheFilesOfRedis) {
  use_redis();
  config::Redis& redis = retention().store.redis;
  redis.password_file = folder_.file("none");
  EXPECT_THAT(problem(), StartsWith("/retention/store/password_file: "));
  redis.password_file = write("password", "\nsecret\n");
  EXPECT_THAT(problem(), HasSubstr("the first line is to have 1 to 4096 octets"));
  redis.password_file = write("password", std::string(4'097, 'x'));
  EXPECT_THAT(problem(), HasSubstr("the first line is to have 1 to 4096 octets"));
  redis.password_file = write("password", std::string(4'096, 'x'));
  EXPECT_TRUE(open());
  redis.tls = true;
  redis.ca_file = folder_.file("none");
  EXPECT_THAT(problem(), StartsWith("/retention/store: "));
}

TEST_F(RetentionStoresTest, MakesTheFolderForWhomWeAreToBecome) {
  retention().store.file = folder_.file("new/r.sqlite");
  const process::Identity nobody{65534, 65534, "nobody"};
  const bool root = ::geteuid() == 0;
  ASSERT_TRUE(prepare_retention_folder(config_, root ? std::optional(nobody) : std::nullopt));
  struct stat facts{};
  ASSERT_EQ(::stat(folder_.file("new").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0700U);
  EXPECT_EQ(facts.st_uid, root ? nobody.user : ::geteuid());
  EXPECT_TRUE(prepare_retention_folder(config_, nobody));  // there already: left as it is
  retention().store.file = folder_.file("none/deeper/r.sqlite");
  const auto failed = prepare_retention_folder(config_, {});
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().detail, StartsWith("/retention/store/file: "));
  config_.listeners[0].retention.clear();
  EXPECT_TRUE(prepare_retention_folder(config_, {})) << "nobody needs it";
}

TEST_F(RetentionStoresTest, JudgesWithoutOpening) {
  EXPECT_THAT(judge_retention(config_), IsEmpty());
  retention().store.file = folder_.file("new/r.sqlite");
  EXPECT_THAT(judge_retention(config_), IsEmpty()) << "the folder is made at start";
  retention().store.file = folder_.file("none/deeper/r.sqlite");
  EXPECT_THAT(judge_retention(config_), ElementsAre(StartsWith("/retention/store/file: ")));
  retention().store.file = folder_.file("r.sqlite");
  retention().key_file = folder_.file("nokey");
  retention().audit_file = folder_.file("none/audit");
  EXPECT_THAT(judge_retention(config_), ElementsAre(StartsWith("/retention/key_file: "),
                                                    StartsWith("/retention/audit_file: ")));
  EXPECT_FALSE(std::filesystem::exists(retention().store.file));
}

}  // namespace
}  // namespace gatepost::server
