#include "tests/unit/store/record_store_kits.h"

#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <string>

#include "proxy/net/loop_background.h"
#include "proxy/net/resolver.h"
#include "proxy/net/tcp_connector.h"
#include "proxy/store/memory_records.h"
#include "proxy/store/redis_records.h"
#include "proxy/store/sqlite_records.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/store/redis_server.h"

namespace gatepost::testing {

namespace {

using store::RecordTable;

class TableFace final : public StoreFace {
 public:
  explicit TableFace(std::shared_ptr<RecordTable> table) : store_(std::move(table), background_) {}
  net::Loop& loop() override { return loop_; }
  store::RecordStore& store() override { return store_; }

 private:
  net::Loop loop_;
  net::LoopBackground background_{loop_};
  store::TableRecords store_;
};

class MemoryKit final : public StoreKit {
 public:
  std::unique_ptr<StoreFace> face(std::size_t max_records) override {
    const std::scoped_lock lock(mutex_);
    auto& table = tables_[max_records];  // the limit is the table's
    if (!table) table = std::make_shared<store::MemoryRecords>(max_records);
    return std::make_unique<TableFace>(table);
  }

 private:
  std::mutex mutex_;
  std::map<std::size_t, std::shared_ptr<RecordTable>> tables_;
};

/// Each face opens the file for itself, as a process would.
class SqliteKit final : public StoreKit {
 public:
  std::unique_ptr<StoreFace> face(std::size_t max_records) override {
    auto table = store::SqliteRecords::open(folder_.file("records.sqlite"), max_records);
    EXPECT_TRUE(table) << table.error().detail;
    return std::make_unique<TableFace>(*std::move(table));
  }

 private:
  TemporaryFolder folder_;
};

class RedisFace final : public StoreFace {
 public:
  RedisFace(std::shared_ptr<const store::RedisAccess> access, std::size_t max_records)
      : store_({loop_, connector_, pool_}, std::move(access), max_records) {}
  net::Loop& loop() override { return loop_; }
  store::RecordStore& store() override { return store_; }

 private:
  BlockPool pool_;
  net::Loop loop_;
  net::Resolver resolver_{loop_, std::chrono::seconds(30)};
  net::TcpConnector connector_{loop_, pool_, resolver_};
  store::RedisRecords store_;
};

class RedisKit final : public StoreKit {
 public:
  RedisKit() {
    auto access = std::make_shared<store::RedisAccess>();
    access->config.addresses = {server_.at()};
    // These tests are not about time, and the machine may be busy.
    access->config.connect_timeout = Duration(60'000);
    access->config.timeout = Duration(60'000);
    access_ = std::move(access);
  }
  std::unique_ptr<StoreFace> face(std::size_t max_records) override {
    return std::make_unique<RedisFace>(access_, max_records);
  }

 private:
  RedisServer server_;
  std::shared_ptr<const store::RedisAccess> access_;
};

}  // namespace

std::vector<const char*> store_kinds() { return {"memory", "sqlite", "redis"}; }

std::unique_ptr<StoreKit> make_store_kit(std::string_view kind) {
  if (kind == "memory") return std::make_unique<MemoryKit>();
  if (kind == "sqlite") return std::make_unique<SqliteKit>();
  if (!RedisServer::installed()) return nullptr;
  return std::make_unique<RedisKit>();
}

}  // namespace gatepost::testing
