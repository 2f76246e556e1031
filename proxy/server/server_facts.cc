// What a Server says of itself: in metrics, to the service manager, to who asks if it is ready.

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "proxy/process/version.h"
#include "proxy/server/server.h"
#include "proxy/tls/library.h"

namespace gatepost::server {

/// Before they are started: what they count, and whether they turn.
void Server::watch_workers() {
  std::vector<const session::Counters*> counters;
  std::vector<const filters::MessageCounters*> messages;
  std::vector<const filters::RetentionCounters*> retention;
  std::vector<const Cell*> turns;
  counters.reserve(workers_.size());
  messages.reserve(workers_.size());
  retention.reserve(workers_.size());
  turns.reserve(workers_.size());
  for (const auto& worker : workers_) {
    counters.push_back(&worker->counters());
    messages.push_back(&worker->message_counters());
    retention.push_back(&worker->retention_counters());
    turns.push_back(&worker->counters().turns);
  }
  watch_ = std::make_unique<WorkerWatch>(loop_, log_, turns);
  exporter_ = std::make_unique<metrics::Exporter>(
      std::move(counters), [this] { return facts(); }, std::move(messages), std::move(retention));
}

std::string_view Server::word_for_phase() const {
  switch (phase_) {
    case Phase::succeeding:
      return "starting";
    case Phase::serving:
      return upgrade_ && upgrade_->under_way() ? "upgrading" : "running";
    case Phase::replaced:
      return "replaced";
    case Phase::draining:
      return "draining";
  }
  std::unreachable();
}

/// For the service manager, and who asks it.
std::string Server::status() const {
  const std::uint32_t sessions = connections_.load();
  std::string text = fmt::format("{} session{}", sessions, sessions == 1 ? "" : "s");
  const std::vector<std::string> reasons = not_ready();
  text += reasons.empty() ? ", ready" : fmt::format(", not ready: {}", fmt::join(reasons, "; "));
  return text;
}

metrics::ProcessFacts Server::facts() const {
  metrics::ProcessFacts facts;
  facts.version = process::kVersion;
  facts.tls_library = tls::library_name();
  facts.started = started_;
  facts.workers = workers_.size();
  facts.silent_seconds = watch_->silent_seconds();
  for (const auto& identity : snapshot_->identities) {
    facts.certificates.push_back({identity->files().certificate, identity->info().not_after});
  }
  facts.stale_files = snapshot_->problems.size();
  facts.file_refreshes_succeeded = refreshes_succeeded_;
  facts.file_refreshes_failed = refreshes_failed_;
  for (const auto& pool : snapshot_->pools) {
    for (const upstream::Server& server : pool->servers()) {
      facts.servers.push_back({.pool = pool->name(),
                               .server = server.address.to_string(),
                               .up = server.state->health() != upstream::ServerState::Health::down,
                               .sessions = server.state->sessions()});
    }
  }
  for (const auto& kind : snapshot_->chains.scanners) facts.scanners.push_back(kind->counters);
  for (const auto& [name, chain] : snapshot_->chains.by_name) {
    if (!chain || !chain->rules) continue;
    std::ranges::move(chain->rules->counters(), std::back_inserter(facts.rules));
  }
  if (stores_.room) facts.spool_octets = stores_.room->used();
  facts.room = room_facts(snapshot_->config, stores_, workers_.size());
  facts.usage = metrics::process_usage();
  if (stores_.memory) facts.remembered_verdicts = stores_.memory->size();
  const guard::Guard::Facts guarded = guard_.facts();
  facts.guarded_networks = guarded.networks;
  facts.guarded_users = guarded.users;
  facts.policies = snapshot_->policies.counters;
  facts.retention_store_up = !retention_.needs.store || stores_up();
  facts.reloads_succeeded = reloads_succeeded_;
  facts.reloads_failed = reloads_failed_;
  facts.last_reload_succeeded = last_reload_succeeded_;
  facts.log_lines_lost = log_.lost_lines();
  facts.upgrades_succeeded = is_successor_ ? 1 : 0;
  facts.upgrades_failed = upgrades_failed_;
  facts.draining = phase_ == Phase::draining;
  return facts;
}

/// Where a store is needed: all workers can use theirs. One that has just begun has none yet.
bool Server::stores_up() const {
  return std::ranges::all_of(
      workers_, [](const auto& worker) { return worker->store_state() == StoreWatch::State::up; });
}

/// Who is asked after another process has taken over, by somebody who was just connecting, speaks
/// for that one: it takes new sessions.
std::vector<std::string> Server::not_ready() const {
  std::vector<std::string> reasons;
  if (phase_ == Phase::draining) reasons.emplace_back("draining");
  const auto paused = std::ranges::count_if(
      workers_, [](const auto& worker) { return worker->counters().accept_paused.get() != 0; });
  if (paused > 0) reasons.emplace_back("out of memory for new sessions");
  std::ranges::move(watch_->complaints(), std::back_inserter(reasons));
  for (const auto& kind : snapshot_->chains.scanners) {
    if (!kind->config.required || metrics::effective(*kind->counters, workers_.size())) continue;
    reasons.push_back(fmt::format("scanner {} is not effective", kind->config.name));
  }
  if (retention_.needs.always && !stores_up()) {
    reasons.emplace_back("the store of what is deleted and kept cannot be used");
  }
  return reasons;
}

}  // namespace gatepost::server
