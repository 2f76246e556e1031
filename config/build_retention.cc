#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "config/build_parts.h"

namespace gatepost::config {

namespace {

constexpr std::size_t kMaxPolicies = 64;
constexpr std::size_t kMaxMarks = 3;
constexpr std::size_t kMaxSentinels = 16;
constexpr std::size_t kMaxHolds = 10'000;

constexpr std::uint16_t kRedisPort = 6379;
constexpr std::uint16_t kSentinelPort = 26379;

constexpr Choices<RetentionType> kTypes{
    {"client", RetentionType::client},
    {"keep", RetentionType::keep},
    {"keep_for", RetentionType::keep_for},
    {"delete_after_retrieval", RetentionType::delete_after_retrieval},
    {"read_only", RetentionType::read_only}};

void build_marks(const Reader& in, RetentionPolicy& policy) {
  if (in.find("devices") == nullptr) return;
  policy.devices.clear();
  in.for_each("devices", kMaxMarks, [&policy](const Json& item, const std::string&) {
    if (item == "certificate") policy.devices.push_back(DeviceMark::certificate);
    if (item == "suffix") policy.devices.push_back(DeviceMark::suffix);
    if (item == "network") policy.devices.push_back(DeviceMark::network);
  });
}

void build_policy(const Reader& in, Built& built) {
  RetentionPolicy policy;
  in.read("name", policy.name);
  in.read("type", policy.type, kTypes);
  in.read<RetentionView>("view", policy.view,
                         {{"hide", RetentionView::hide},
                          {"hide_for_device", RetentionView::hide_for_device},
                          {"show", RetentionView::show}});
  in.read("period", policy.period);
  in.read<CountFrom>("count_from", policy.count_from,
                     {{"seen", CountFrom::seen},
                      {"retrieved", CountFrom::retrieved},
                      {"deleted", CountFrom::deleted}});
  build_marks(in, policy);
  const Reader brake = in.section("brake");
  brake.read("messages", policy.brake.messages);
  brake.read("percent", policy.brake.percent);
  in.read("dry_run", policy.dry_run);
  in.read("header_hash", policy.header_hash);
  built.retention_given.push_back({.view = in.find("view") != nullptr,
                                   .period = in.find("period") != nullptr,
                                   .count_from = in.find("count_from") != nullptr,
                                   .devices = in.find("devices") != nullptr});
  built.config.retention.policies.push_back(std::move(policy));
}

/// An address that nobody could connect to is left out, and said to be wrong.
void add_address(const std::string& text, const std::string& path, std::uint16_t port, Redis& redis,
                 Findings& findings) {
  auto endpoint = build_peer(text, path, port, findings);
  if (!endpoint) return;
  redis.addresses.push_back(std::move(*endpoint));
}

void build_redis(const Reader& in, Redis& redis, Findings& findings) {
  if (const auto address = in.text("address")) {
    add_address(*address, in.path_of("address"), kRedisPort, redis, findings);
  }
  in.for_each("sentinels", kMaxSentinels, [&](const Json& item, const std::string& path) {
    if (!item.is_string()) return;
    add_address(item.get<std::string>(), path, kSentinelPort, redis, findings);
  });
  in.read("sentinel_master", redis.sentinel_master);
  in.read("tls", redis.tls);
  in.read("verify", redis.verify);
  in.read("ca_file", redis.ca_file);
  in.read("server_name", redis.server_name);
  in.read("certificate", redis.certificate);
  in.read("key", redis.key);
  in.read("user", redis.user);
  in.read("password_file", redis.password_file);
  in.read("sentinel_password_file", redis.sentinel_password_file);
  in.read("database", redis.database);
  in.read("prefix", redis.prefix);
  in.read("connect_timeout", redis.connect_timeout);
  in.read("timeout", redis.timeout);
}

bool is_list_with_items(const Json* value) {
  return value != nullptr && value->is_array() && !value->empty();
}

}  // namespace

void build_retention(const Reader& root, Built& built, Findings& findings) {
  Retention& retention = built.config.retention;
  const Reader in = root.section("retention");
  in.for_each("policies", kMaxPolicies, [&](const Json& policy, const std::string& path) {
    build_policy({policy, path, findings}, built);
  });
  const Reader store = in.section("store");
  store.read<RetentionStoreType>("type", retention.store.type,
                                 {{"sqlite", RetentionStoreType::sqlite},
                                  {"redis", RetentionStoreType::redis},
                                  {"memory", RetentionStoreType::memory}});
  store.read("file", retention.store.file);
  built.retention_store = {.file = store.find("file") != nullptr,
                           .address = store.find("address") != nullptr,
                           .sentinels = is_list_with_items(store.find("sentinels"))};
  build_redis(store, retention.store.redis, findings);
  in.read("key_file", retention.key_file);
  in.for_each("hold", kMaxHolds, [&retention](const Json& item, const std::string&) {
    if (item.is_string()) retention.hold.push_back(item.get<std::string>());
  });
  in.read("forget_after", retention.forget_after);
  in.read("audit_file", retention.audit_file);
}

}  // namespace gatepost::config
