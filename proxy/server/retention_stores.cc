#include "proxy/server/retention_stores.h"

#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "proxy/server/password_file.h"
#include "proxy/store/memory_records.h"
#include "proxy/store/redis_records.h"
#include "proxy/store/sqlite_records.h"
#include "proxy/tls/client_context.h"

namespace gatepost::server {

namespace {

using config::RetentionStoreType;

constexpr std::string_view kStore = "/retention/store";
constexpr std::string_view kFile = "/retention/store/file";
constexpr std::string_view kKeyFile = "/retention/key_file";
constexpr std::string_view kAuditFile = "/retention/audit_file";

std::unexpected<Error> at(std::string_view path, const Error& error) {
  return fail(ErrorCode::config, fmt::format("{}: {}", path, error.detail));
}

std::unexpected<Error> at(std::string_view path, const std::string& file, int problem) {
  return at(path, system_failure(file, problem).error());
}

std::string folder_of(const std::string& file) {
  return file.substr(0, std::max<std::size_t>(file.rfind('/'), 1));
}

/// Who forgets everything at a restart need not find anything again after one.
Result<std::shared_ptr<const filters::NameHasher>> passing_names() {
  std::array<char, 32> octets{};
  if (::getrandom(octets.data(), octets.size(), 0) != static_cast<ssize_t>(octets.size())) {
    return system_failure("random octets", errno);
  }
  auto names =
      std::make_shared<const filters::NameHasher>(std::string_view(octets.data(), octets.size()));
  explicit_bzero(octets.data(), octets.size());
  return names;
}

Result<std::shared_ptr<const filters::NameHasher>> open_names(const config::Retention& retention) {
  const std::string file = key_file_of(retention);
  if (file.empty()) return passing_names();
  auto names = retention.key_file.empty() ? filters::NameHasher::read_or_make(file)
                                          : filters::NameHasher::read(file);
  if (!names) return at(retention.key_file.empty() ? kFile : kKeyFile, names.error());
  return names;
}

Result<std::shared_ptr<store::RecordTable>> open_table(const config::RetentionStore& store) {
  if (store.type == RetentionStoreType::memory) return std::make_shared<store::MemoryRecords>();
  auto table = store::SqliteRecords::open(store.file);
  if (!table) return at(kFile, table.error());
  return *std::move(table);
}

/// Nothing where there is no file.
Result<Secret> read_password(std::string_view key, const std::string& file) {
  if (file.empty()) return Secret();
  auto password = read_password_file(file);
  if (!password) return at(fmt::format("{}/{}", kStore, key), password.error());
  return password;
}

/// Opens the store of `wanted`.
Result<void> open_store(const config::RetentionStore& wanted, RetentionStores& opened) {
  if (wanted.type == RetentionStoreType::redis) {
    auto redis = open_redis(wanted.redis);
    if (!redis) return std::unexpected(redis.error());
    opened.redis = *std::move(redis);
    return {};
  }
  auto table = open_table(wanted);
  if (!table) return std::unexpected(table.error());
  opened.table = *std::move(table);
  return {};
}

}  // namespace

Result<std::shared_ptr<const store::RedisAccess>> open_redis(const config::Redis& redis) {
  auto access = std::make_shared<store::RedisAccess>();
  access->config = redis;
  auto password = read_password("password_file", redis.password_file);
  if (!password) return std::unexpected(password.error());
  access->password = *std::move(password);
  auto of_sentinels = read_password("sentinel_password_file", redis.sentinel_password_file);
  if (!of_sentinels) return std::unexpected(of_sentinels.error());
  access->sentinel_password = *std::move(of_sentinels);
  if (!redis.tls) return access;
  auto context = tls::ClientContext::create(
      {.verify = redis.verify,
       .ca_file = redis.ca_file,
       .server_name = redis.server_name.empty() ? redis.addresses.front().host : redis.server_name,
       .certificate_file = redis.certificate,
       .key_file = redis.key,
       .alpn_pop3 = false});
  if (!context) return at(kStore, context.error());
  access->tls = *std::move(context);
  return access;
}

std::string key_file_of(const config::Retention& retention) {
  if (!retention.key_file.empty()) return retention.key_file;
  if (retention.store.type != RetentionStoreType::sqlite) return {};
  return retention.store.file + ".key";
}

Result<void> prepare_retention_folder(const config::Config& config,
                                      const std::optional<process::Identity>& identity) {
  // The key is there, too, if nobody says where it is.
  if (!retention_needs(config).books) return {};
  if (config.retention.store.type != RetentionStoreType::sqlite) return {};
  const std::string folder = folder_of(config.retention.store.file);
  if (::mkdir(folder.c_str(), S_IRWXU) != 0) {
    // What is there belongs to whoever made it: opening the file will tell.
    if (errno == EEXIST) return {};
    return at(kFile, folder, errno);
  }
  if (identity && ::chown(folder.c_str(), identity->user, identity->group) != 0) {
    return at(kFile, folder, errno);
  }
  return {};
}

Result<RetentionStores> open_retention(const config::Config& next, const config::Config& now,
                                       const RetentionStores& stores, Log& log) {
  const config::Retention& wanted = next.retention;
  const config::Retention& before = now.retention;
  RetentionStores opened;
  opened.needs = retention_needs(next);
  opened.forget_after = wanted.forget_after;
  opened.hold = wanted.hold;
  if (!opened.needs.books) return opened;

  if (stores.names && key_file_of(wanted) == key_file_of(before)) {
    opened.names = stores.names;
  } else {
    auto names = open_names(wanted);
    if (!names) return std::unexpected(names.error());
    opened.names = *std::move(names);
  }
  if (stores.audit && wanted.audit_file == before.audit_file) {
    opened.audit = stores.audit;
  } else {
    auto audit = filters::Audit::open(wanted.audit_file, log);
    if (!audit) return at(kAuditFile, audit.error());
    opened.audit = *std::move(audit);
  }
  if (!opened.needs.store) return opened;
  if ((stores.table || stores.redis) && wanted.store == before.store) {
    opened.table = stores.table;
    opened.redis = stores.redis;
  } else if (auto done = open_store(wanted.store, opened); !done) {
    return std::unexpected(done.error());
  }
  return opened;
}

Result<RetentionStores> open_existing_store(const config::Retention& retention) {
  RetentionStores opened;
  opened.forget_after = retention.forget_after;
  opened.hold = retention.hold;
  const config::RetentionStore& wanted = retention.store;
  if (wanted.type == RetentionStoreType::memory) {
    return fail(ErrorCode::config,
                fmt::format("{}: what is in memory nobody but the gateway sees", kStore));
  }
  // SQLite would make the file, and it would belong to who asked.
  if (wanted.type == RetentionStoreType::sqlite &&
      ::access(wanted.file.c_str(), R_OK | W_OK) != 0) {
    return system_failure("no store that this user may look after: " + wanted.file, errno);
  }
  const std::string key_file = key_file_of(retention);
  auto names = filters::NameHasher::read(key_file);
  if (!names) return at(retention.key_file.empty() ? kFile : kKeyFile, names.error());
  opened.names = *std::move(names);
  if (wanted.type == RetentionStoreType::redis) {
    auto redis = open_redis(wanted.redis);
    if (!redis) return std::unexpected(redis.error());
    opened.redis = *std::move(redis);
    return opened;
  }
  auto table = store::SqliteRecords::open(wanted.file);
  if (!table) return std::unexpected(table.error());
  opened.table = *std::move(table);
  return opened;
}

WorkerStore worker_store(const RetentionStores& stores, Background& background,
                         const store::RedisTools& tools) {
  if (stores.redis) {
    auto records = std::make_shared<store::RedisRecords>(tools, stores.redis);
    return {records, [records] { return records->warning(); }};
  }
  if (!stores.table) return {};
  return {std::make_shared<store::TableRecords>(stores.table, background),
          [] { return std::string(); }};
}

std::vector<std::string> judge_retention(const config::Config& config) {
  std::vector<std::string> problems;
  const RetentionNeeds needs = retention_needs(config);
  if (!needs.books) return problems;
  const config::Retention& retention = config.retention;
  const auto must_have_folder = [&problems](std::string_view path, const std::string& file) {
    const std::string folder = folder_of(file);
    if (!file.starts_with('/') || ::access(folder.c_str(), F_OK) == 0) return;
    problems.push_back(fmt::format("{}: {}: there is no folder {}", path, file, folder));
  };
  if (!retention.key_file.empty()) {
    if (auto names = filters::NameHasher::read(retention.key_file); !names) {
      problems.push_back(fmt::format("{}: {}", kKeyFile, names.error().detail));
    }
  }
  if (retention.store.type == RetentionStoreType::sqlite) {
    const std::string& file = retention.store.file;
    const std::string folder = folder_of(file);
    if (::access(folder.c_str(), F_OK) != 0) {
      // It is made at start, but nothing above it.
      must_have_folder(kFile, folder);
    } else if (::access(file.c_str(), F_OK) == 0 && ::access(file.c_str(), R_OK | W_OK) != 0) {
      problems.push_back(fmt::format("{}: {}", kFile, system_failure(file, errno).error().detail));
    }
  }
  if (!retention.audit_file.empty()) must_have_folder(kAuditFile, retention.audit_file);
  return problems;
}

}  // namespace gatepost::server
