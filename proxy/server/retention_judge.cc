#include "proxy/server/retention_judge.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "filters/retention/policy.h"
#include "proxy/base/wall_clock.h"
#include "proxy/server/policies.h"

namespace gatepost::server {

namespace {

template <class Named>
std::vector<std::string> names_of(const std::vector<Named>& all) {
  std::vector<std::string> names;
  names.reserve(all.size());
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
                                                           const std::string& account,
                                                           const std::string& pool,
                                                           const std::string& policy) {
  const auto& policies = config.retention.policies;
  filters::RetentionPolicy chosen{.config = {}, .held = false, .counters = nullptr};
  if (!policy.empty()) {
    const auto named = std::ranges::find(policies, policy, &config::RetentionPolicy::name);
    if (named == policies.end()) return no_such("policy", policy, names_of(policies));
    chosen.config = *named;
  } else {
    const auto booked = booked_policies(config, pool);
    if (booked.size() > 1) return std::nullopt;
    if (!booked.empty()) chosen.config = *booked.front();
  }
  if (!chosen.client_decides()) return chosen.config;
  const auto held = filters::policy_for(nullptr, config.retention.hold, account);
  if (held) return held->config;
  // A dry run has records of its own: for the real ones it is as though there were no policy.
  return chosen.config.dry_run || !chosen.needs_store() ? config::RetentionPolicy() : chosen.config;
}

}  // namespace

Result<RetentionJudge> find_judge(const config::Config& config, const std::string& account,
                                  std::string& pool, const std::string& policy) {
  RetentionJudge judge;
  judge.now = seconds_since_1970();
  if (account.empty()) return judge;
  auto found_pool = find_pool(config, pool);
  if (!found_pool) return std::unexpected(found_pool.error());
  pool = *std::move(found_pool);
  auto found_policy = find_policy(config, account, pool, policy);
  if (!found_policy) return std::unexpected(found_policy.error());
  judge.policy = *std::move(found_policy);
  judge.held = filters::is_held(config.retention.hold, account);
  return judge;
}

}  // namespace gatepost::server
