#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "filters/retention/audit.h"
#include "filters/retention/names.h"
#include "proxy/base/background.h"
#include "proxy/base/error.h"
#include "proxy/base/log.h"
#include "proxy/process/privileges.h"
#include "proxy/server/policies.h"
#include "proxy/store/record_store.h"
#include "proxy/store/record_table.h"
#include "proxy/store/redis_opening.h"

namespace gatepost::server {

/// What is known of deleted and kept messages; shared by all workers. Where nobody notes anything,
/// all of it is null.
struct RetentionStores {
  RetentionNeeds needs;
  std::shared_ptr<const filters::NameHasher> names;
  std::shared_ptr<filters::Audit> audit;
  /// One of these, unless no policy needs a store.
  std::shared_ptr<store::RecordTable> table;
  std::shared_ptr<const store::RedisAccess> redis;
  std::chrono::seconds forget_after{};
  std::vector<std::string> hold;
};

/// Makes the folder of the SQLite file when it is not there, for whom we are to become: to be
/// called while we may still do that. Fails with `config`, the JSON path in front.
[[nodiscard]] Result<void> prepare_retention_folder(
    const config::Config& config, const std::optional<process::Identity>& identity);

/// What the policies of `next` need; what has the settings that it had when `stores` were those of
/// `now` stays. As who we are: reads or makes the key, looks whether the file is whole. `log`
/// outlives what is opened. Fails with `config`, the JSON path in front.
[[nodiscard]] Result<RetentionStores> open_retention(const config::Config& next,
                                                     const config::Config& now,
                                                     const RetentionStores& stores, Log& log);

/// For a command beside the gateway: names and store alone, and neither is made when it is not
/// there. Fails with `config` if the configuration has none that others can look into, and with
/// `system` if there is none that we may use.
[[nodiscard]] Result<RetentionStores> open_existing_store(const config::Retention& retention);

/// The store of one worker, on its loop.
struct WorkerStore {
  std::shared_ptr<store::RecordStore> store;  ///< null: there is none
  /// Why it may forget what it was told, as far as it has found out; empty: no reason known.
  std::function<std::string()> warning;
};
/// All that is given outlives the store.
[[nodiscard]] WorkerStore worker_store(const RetentionStores& stores, Background& background,
                                       const store::RedisTools& tools);

/// Reads the files that it names. Fails with `config`, the JSON path in front.
[[nodiscard]] Result<std::shared_ptr<const store::RedisAccess>> open_redis(
    const config::Redis& redis);

/// The file with the key of names; empty: there is none.
[[nodiscard]] std::string key_file_of(const config::Retention& retention);

/// What of it can be seen to be wrong without a store in use being touched: files that cannot be
/// used, folders that are not there. One text each, the JSON path in front.
[[nodiscard]] std::vector<std::string> judge_retention(const config::Config& config);

}  // namespace gatepost::server
