#include "proxy/server/policies.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace gatepost::server {

namespace {

constexpr const char* kClient = "client";

/// To be asked what it needs.
filters::RetentionPolicy without_counters(const config::RetentionPolicy& config) {
  return {.config = config, .held = false, .counters = nullptr};
}

}  // namespace

Result<Policies::Policy> Policies::find(const std::string& name) const {
  if (name.empty() || name == kClient) return client;
  const auto policy = by_name.find(name);
  if (policy != by_name.end()) return policy->second;
  return fail(ErrorCode::config, fmt::format("no policy is called {}", name));
}

RetentionNeeds retention_needs(const config::Config& config) {
  RetentionNeeds needs;
  const bool held = !config.retention.hold.empty();
  needs.books = needs.store = needs.always = held;
  for (const config::RetentionPolicy& one : config.retention.policies) {
    const auto names_it = [&one](const auto& who) { return who.retention == one.name; };
    if (std::ranges::none_of(config.listeners, names_it) &&
        std::ranges::none_of(config.routes, names_it)) {
      continue;
    }
    const filters::RetentionPolicy policy = without_counters(one);
    needs.books |= policy.needs_book();
    needs.store |= policy.needs_store();
    needs.always |= policy.needs_store() && !one.dry_run;
  }
  return needs;
}

std::vector<const config::RetentionPolicy*> booked_policies(const config::Config& config,
                                                            const std::string& pool) {
  std::set<std::string_view> names;
  for (const config::Route& route : config.routes) {
    if (route.pool != pool) continue;
    if (!route.retention.empty()) {
      names.insert(route.retention);
      continue;
    }
    for (const config::Listener& listener : config.listeners) {
      const bool leads_here =
          route.listeners.empty() ||
          std::ranges::find(route.listeners, listener.name) != route.listeners.end();
      if (leads_here) names.insert(listener.retention);
    }
  }
  std::vector<const config::RetentionPolicy*> policies;
  for (const config::RetentionPolicy& one : config.retention.policies) {
    if (names.contains(one.name) && without_counters(one).needs_book()) {
      policies.push_back(&one);
    }
  }
  return policies;
}

Policies::Policy PolicyMaker::make(const config::RetentionPolicy& config, std::string path,
                                   Policies& policies) {
  auto& counters = counters_[{config.name, config.dry_run}];
  if (!counters) {
    counters = std::make_shared<filters::PolicyCounters>();
    counters->name = config.name;
    counters->dry_run = config.dry_run;
  }
  policies.counters.push_back(counters);
  auto policy = std::make_shared<filters::RetentionPolicy>();
  policy->config = config;
  policy->counters = counters;
  policy->path = std::move(path);
  return policy;
}

Policies PolicyMaker::make(const config::Config& config) {
  Policies policies;
  for (std::size_t i = 0; i < config.retention.policies.size(); ++i) {
    const config::RetentionPolicy& one = config.retention.policies[i];
    policies.by_name.emplace(one.name,
                             make(one, fmt::format("/retention/policies/{}", i), policies));
  }
  if (!config.retention.hold.empty()) {
    config::RetentionPolicy client;
    client.name = kClient;
    policies.client = make(client, "/retention", policies);
  }
  return policies;
}

}  // namespace gatepost::server
