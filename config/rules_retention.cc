#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/local.h"
#include "config/rules_parts.h"

namespace gatepost::config {

namespace {

constexpr std::string_view kPolicies = "/retention/policies";
constexpr std::string_view kStore = "/retention/store";
/// In a route, and so no policy's.
constexpr std::string_view kClient = "client";

std::string path_of_policy(std::size_t index) { return fmt::format("{}/{}", kPolicies, index); }

/// Names are what everything else is found by.
void check_names(const std::vector<RetentionPolicy>& policies, Findings& findings) {
  std::map<std::string_view, std::size_t> names;
  for (std::size_t i = 0; i < policies.size(); ++i) {
    const std::string& name = policies[i].name;
    if (name.empty()) continue;  // missing, which has been reported
    const std::string path = path_of_policy(i) + "/name";
    if (name == kClient) findings.error(path, "this name means that the client decides");
    if (const auto [same, is_new] = names.emplace(name, i); !is_new) {
      findings.error(path, fmt::format("{} already has this name", path_of_policy(same->second)));
    }
  }
}

bool keeps(const RetentionPolicy& policy) {
  return policy.type == RetentionType::keep || policy.type == RetentionType::keep_for;
}

void check_period(const RetentionPolicy& policy, const RetentionGiven& given,
                  const std::string& path, Findings& findings) {
  const bool keeps_for = policy.type == RetentionType::keep_for;
  const bool can = keeps_for || policy.type == RetentionType::delete_after_retrieval;
  if (given.period && !can) {
    findings.error(path + "/period",
                   "only a policy of type \"keep_for\" or \"delete_after_retrieval\" has one");
  } else if (keeps_for && !given.period) {
    findings.error(path + "/period", "missing: for how long messages are kept");
  } else if (keeps_for && policy.period.count() == 0) {
    findings.error(path + "/period", "must be more than that: \"keep_for\" keeps for some time");
  }
  if (given.count_from && !keeps_for) {
    findings.error(path + "/count_from", "only a policy of type \"keep_for\" has one");
  }
}

/// Whether there is a route whose clients are told apart in this way.
bool any_suffix(const Config& config) {
  return std::ranges::any_of(config.routes,
                             [](const Route& route) { return !route.device_suffix.empty(); });
}

/// Whether a client may have a certificate, as far as is known here.
bool any_certificate(const Config& config) {
  return config.tls.client_certificates != ClientCertificates::off ||
         std::ranges::any_of(config.listeners, [](const Listener& listener) {
           return listener.proxy_protocol || listener.xclient;
         });
}

void check_view(const Config& config, const RetentionPolicy& policy, const RetentionGiven& given,
                const std::string& path, Findings& findings) {
  if (given.view && !keeps(policy)) {
    findings.error(path + "/view", "only a policy of type \"keep\" or \"keep_for\" has one");
    return;
  }
  if (!given.devices) return;
  if (!keeps(policy) || policy.view != RetentionView::hide_for_device) {
    findings.warning(path + "/devices",
                     "has no effect: only the view \"hide_for_device\" tells devices apart");
    return;
  }
  std::set<DeviceMark> known;
  for (std::size_t i = 0; i < policy.devices.size(); ++i) {
    const DeviceMark mark = policy.devices[i];
    const std::string where = fmt::format("{}/devices/{}", path, i);
    if (!known.insert(mark).second) {
      findings.error(where, "this mark stands here twice");
    } else if (mark == DeviceMark::suffix && !any_suffix(config)) {
      findings.warning(where, "no client has a suffix: no route has a \"device_suffix\"");
    } else if (mark == DeviceMark::certificate && !any_certificate(config)) {
      findings.warning(where, "no client has a certificate: tls.client_certificates is \"off\"");
    }
  }
}

void check_policy(const Config& config, const RetentionPolicy& policy, const RetentionGiven& given,
                  const std::string& path, Findings& findings) {
  check_period(policy, given, path, findings);
  check_view(config, policy, given, path, findings);
  const bool has_brake = policy.brake.messages > 0 || policy.brake.percent > 0;
  if (has_brake &&
      (policy.type == RetentionType::keep || policy.type == RetentionType::read_only)) {
    findings.warning(path + "/brake", "has no effect: this policy removes nothing");
  }
  if (policy.dry_run && policy.type == RetentionType::client && !has_brake) {
    findings.warning(path + "/dry_run", "has no effect: the client decides anyway");
  }
}

/// Who names policies, and which policies nobody names.
void check_references(const Built& built, Findings& findings) {
  const Config& config = built.config;
  const std::vector<RetentionPolicy>& policies = config.retention.policies;
  std::set<std::string_view> named;
  const auto look_up = [&](const std::string& policy, const std::string& where) {
    if (policy.empty()) return;
    named.insert(policy);
    if (std::ranges::find(policies, policy, &RetentionPolicy::name) == policies.end()) {
      findings.error(where, "there is no policy " + quote(policy));
    }
  };
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    look_up(config.listeners[i].retention, fmt::format("/listeners/{}/retention", i));
  }
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    if (config.routes[i].retention == kClient) continue;
    look_up(config.routes[i].retention, built.routes[i] + "/retention");
  }
  for (std::size_t i = 0; i < policies.size(); ++i) {
    if (named.contains(policies[i].name)) continue;
    findings.warning(path_of_policy(i), "no listener and no route names it");
  }
}

/// A key of the store that was given, and needs something else.
struct Idle {
  const char* key;
  bool given;
};

void check_redis_tls(const Redis& redis, Findings& findings) {
  const std::string path(kStore);
  if (redis.certificate.empty() && !redis.key.empty()) {
    findings.error(path + "/key", "there is no \"certificate\" that it belongs to");
  }
  if (!redis.tls) {
    for (const auto& [key, given] : {Idle{"verify", !redis.verify},
                                     {"ca_file", !redis.ca_file.empty()},
                                     {"server_name", !redis.server_name.empty()},
                                     {"certificate", !redis.certificate.empty()}}) {
      if (given) findings.warning(fmt::format("{}/{}", path, key), "has no effect without tls");
    }
    const auto remote = std::ranges::find_if(
        redis.addresses, [](const Endpoint& address) { return !is_local(address); });
    if (remote != redis.addresses.end()) {
      findings.warning(path + "/tls",
                       fmt::format("records travel in plain text to {}, and the password with them",
                                   remote->to_string()));
    }
    return;
  }
  if (!redis.verify) {
    findings.warning(path + "/verify",
                     "whoever answers at this address can say what is to be removed");
    return;
  }
  const bool any_unix = std::ranges::any_of(redis.addresses, &Endpoint::is_unix);
  if (!redis.server_name.empty()) return;
  if (any_unix) {
    findings.error(path + "/server_name", "missing: a Unix socket has no host to expect");
  } else if (!redis.sentinel_master.empty()) {
    findings.error(path + "/server_name",
                   "missing: it must be known whatever server the Sentinels name");
  }
}

void check_redis(const Built& built, Findings& findings) {
  const std::string path(kStore);
  const Redis& redis = built.config.retention.store.redis;
  const RetentionStoreGiven& given = built.retention_store;
  if (given.file) findings.error(path + "/file", "only a store of type \"sqlite\" has one");
  if (given.address && given.sentinels) {
    findings.error(path + "/sentinels",
                   R"(only one of "address" and "sentinels" may be given, and "address" is)");
  } else if (!given.address && !given.sentinels) {
    findings.error(path + "/address", R"(missing, or "sentinels")");
  } else if (given.sentinels && redis.sentinel_master.empty()) {
    findings.error(path + "/sentinel_master", "missing: the name that the Sentinels know it by");
  }
  if (!given.sentinels) {
    for (const auto& [key, set] :
         {Idle{"sentinel_master", !redis.sentinel_master.empty()},
          {"sentinel_password_file", !redis.sentinel_password_file.empty()}}) {
      if (set) findings.error(fmt::format("{}/{}", path, key), "there are no \"sentinels\"");
    }
  }
  if (!redis.user.empty() && redis.password_file.empty()) {
    findings.error(path + "/password_file", "missing: \"user\" has a password");
  }
  check_redis_tls(redis, findings);
  if (built.config.retention.key_file.empty()) {
    findings.error("/retention/key_file",
                   "missing: all who use the same store must hash names with the same key");
  }
}

/// What only Redis has.
void check_no_redis(const Built& built, Findings& findings) {
  const Redis& redis = built.config.retention.store.redis;
  const Redis usual;
  for (const auto& [key, given] :
       {Idle{"address", built.retention_store.address},
        {"sentinels", built.retention_store.sentinels},
        {"sentinel_master", redis.sentinel_master != usual.sentinel_master},
        {"tls", redis.tls},
        {"verify", !redis.verify},
        {"ca_file", !redis.ca_file.empty()},
        {"server_name", !redis.server_name.empty()},
        {"certificate", !redis.certificate.empty()},
        {"key", !redis.key.empty()},
        {"user", !redis.user.empty()},
        {"password_file", !redis.password_file.empty()},
        {"sentinel_password_file", !redis.sentinel_password_file.empty()},
        {"database", redis.database != usual.database},
        {"prefix", redis.prefix != usual.prefix},
        {"connect_timeout", redis.connect_timeout != usual.connect_timeout},
        {"timeout", redis.timeout != usual.timeout}}) {
    if (!given) continue;
    findings.error(fmt::format("{}/{}", kStore, key), "only a store of type \"redis\" has one");
  }
}

void check_store(const Built& built, Findings& findings) {
  const RetentionStore& store = built.config.retention.store;
  const std::string path(kStore);
  if (store.type == RetentionStoreType::redis) return check_redis(built, findings);
  check_no_redis(built, findings);
  if (store.type == RetentionStoreType::sqlite) {
    if (!store.file.starts_with('/')) {
      findings.error(path + "/file", "must be an absolute path");
    }
    return;
  }
  if (built.retention_store.file) {
    findings.error(path + "/file", "only a store of type \"sqlite\" has one");
  }
  findings.warning(path + "/type",
                   "what was deleted and kept is forgotten at a restart: only for tests");
}

}  // namespace

void check_retention(const Built& built, Findings& findings) {
  const std::vector<RetentionPolicy>& policies = built.config.retention.policies;
  check_names(policies, findings);
  for (std::size_t i = 0; i < policies.size(); ++i) {
    check_policy(built.config, policies[i], built.retention_given[i], path_of_policy(i), findings);
  }
  check_references(built, findings);
  check_store(built, findings);
}

}  // namespace gatepost::config
