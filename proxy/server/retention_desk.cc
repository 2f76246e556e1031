#include "proxy/server/retention_desk.h"

#include <uv.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "filters/retention/policy.h"
#include "proxy/base/wall_clock.h"
#include "proxy/net/loop.h"
#include "proxy/net/loop_background.h"
#include "proxy/net/resolver.h"
#include "proxy/net/tcp_connector.h"
#include "proxy/server/check.h"
#include "proxy/server/policies.h"
#include "proxy/server/retention_command.h"
#include "proxy/server/retention_stores.h"

namespace gatepost::server {

namespace {

using What = RetentionOptions::What;

constexpr std::chrono::seconds kKeepNames{30};

ExitCode complain(std::string_view text, ExitCode code) {
  fmt::print(stderr, "gatepost: {}\n", text);
  return code;
}

/// The store, on a loop of its own.
struct Room {
  explicit Room(RetentionStores opened)
      : stores(std::move(opened)),
        store(worker_store(stores, background, {loop, connector, blocks}).store) {}

  BlockPool blocks;
  net::Loop loop;
  net::Resolver resolver{loop, kKeepNames};
  net::TcpConnector connector{loop, blocks, resolver};
  net::LoopBackground background{loop};
  RetentionStores stores;
  std::shared_ptr<store::RecordStore> store;
};

template <class Named>
std::vector<std::string> names_of(const std::vector<Named>& all) {
  std::vector<std::string> names;
  for (const Named& one : all) names.push_back(one.name);
  return names;
}

/// "there is no pool x; there are: a, b"
std::unexpected<Error> no_such(std::string_view what, const std::string& wanted,
                               const std::vector<std::string>& names) {
  return fail(ErrorCode::refused, fmt::format("there is no {} {}; there are: {}", what, wanted,
                                              fmt::join(names, ", ")));
}

/// The pool of the account. Fails with a text for the user.
Result<std::string> find_pool(const config::Config& config, const std::string& wanted) {
  const std::vector<std::string> names = names_of(config.pools);
  if (wanted.empty() && names.size() == 1) return names.front();
  if (std::ranges::find(names, wanted) != names.end()) return wanted;
  if (!wanted.empty()) return no_such("pool", wanted, names);
  return fail(ErrorCode::refused,
              fmt::format("which pool? Say --pool; there are: {}", fmt::join(names, ", ")));
}

/// What sessions of the account go by. Null: there are several, and nobody has said which.
Result<std::optional<config::RetentionPolicy>> find_policy(const config::Config& config,
                                                           const RetentionOptions& options) {
  const auto& policies = config.retention.policies;
  filters::RetentionPolicy chosen{.config = {}, .held = false, .counters = nullptr};
  if (!options.policy.empty()) {
    const auto named = std::ranges::find(policies, options.policy, &config::RetentionPolicy::name);
    if (named == policies.end()) return no_such("policy", options.policy, names_of(policies));
    chosen.config = *named;
  } else {
    const auto booked = booked_policies(config, options.pool);
    if (booked.size() > 1) return std::nullopt;
    if (!booked.empty()) chosen.config = *booked.front();
  }
  if (!chosen.client_decides()) return chosen.config;
  const auto held = filters::policy_for(nullptr, config.retention.hold, options.account);
  if (held) return held->config;
  // A dry run has records of its own: for the real ones it is as though there were no policy.
  return chosen.config.dry_run || !chosen.needs_store() ? config::RetentionPolicy() : chosen.config;
}

/// What `options` leave open, and what records are judged by. Fails with a text for the user.
Result<RetentionJudge> find_judge(const config::Config& config, RetentionOptions& options) {
  RetentionJudge judge;
  judge.now = seconds_since_1970();
  if (options.account.empty()) return judge;
  auto pool = find_pool(config, options.pool);
  if (!pool) return std::unexpected(pool.error());
  options.pool = *std::move(pool);
  auto policy = find_policy(config, options);
  if (!policy) return std::unexpected(policy.error());
  judge.policy = *std::move(policy);
  judge.held = filters::is_held(config.retention.hold, options.account);
  return judge;
}

/// What who asks should know beside the answer.
void remark(const RetentionJudge& judge, const RetentionOptions& options) {
  if (options.account.empty() || options.what == What::undelete) return;
  const bool purges = options.what == What::purge;
  if (!judge.policy && !purges) {
    fmt::print(stderr,
               "gatepost: users of pool {} have several policies: say --policy to see what becomes "
               "of messages\n",
               options.pool);
  }
  const bool in_force = !judge.policy || judge.held || !judge.policy->name.empty();
  if (purges && !in_force) {
    fmt::print(stderr,
               "gatepost: no policy is in force for users of pool {}: their sessions remove "
               "nothing\n",
               options.pool);
  }
}

}  // namespace

ExitCode look_after_retention(const CommandLine& line) {
  RetentionOptions options = line.retention;
  if (const auto wrong = wrong_usage(options); !wrong.empty()) {
    return complain(wrong, ExitCode::usage);
  }
  const config::Loaded loaded = load_configuration(line);
  if (!loaded.config) {
    print_problems(loaded, line.config_file);
    return ExitCode::config;
  }
  auto judge = find_judge(*loaded.config, options);
  if (!judge) return complain(judge.error().detail, ExitCode::usage);
  remark(*judge, options);
  auto stores = open_existing_store(loaded.config->retention);
  if (!stores) {
    const bool wrong = stores.error().code == ErrorCode::config;
    return complain(stores.error().detail, wrong ? ExitCode::config : ExitCode::runtime);
  }
  Room room(*std::move(stores));
  // Every question has an answer after a while: the store's own limits of time see to that.
  RetentionDesk desk{*room.store, *room.stores.names, *std::move(judge), [&room] {
                       uv_run(room.loop.raw(), UV_RUN_ONCE);
                       return true;
                     }};
  return look_after_retention(options, desk);
}

}  // namespace gatepost::server
