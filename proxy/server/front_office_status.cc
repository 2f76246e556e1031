#include <unistd.h>

#include <utility>

#include "filters/verdict.h"
#include "proxy/base/bytes.h"
#include "proxy/server/front_office.h"
#include "proxy/tls/certificate.h"

namespace gatepost::server {

namespace {

using filters::MessageCounters;
using session::Counters;
using Workers = std::vector<std::unique_ptr<Worker>>;

std::uint64_t sum(const Workers& workers, Cell Counters::* cell) {
  std::uint64_t total = 0;
  for (const auto& worker : workers) total += (worker->counters().*cell).get();
  return total;
}

/// One number for each value of the enum, zeros too.
template <class Of, class Enum>
admin::Numbers numbers(const Workers& workers, const Of& (Worker::*of)() const,
                       CellsBy<Enum> Of::* cells) {
  using filters::to_string;
  admin::Numbers result;
  for (auto i = 0; i < std::to_underlying(Enum::count_); ++i) {
    const auto which = static_cast<Enum>(i);
    std::uint64_t total = 0;
    for (const auto& worker : workers) total += (((*worker).*of)().*cells)[which].get();
    result.emplace_back(to_string(which), total);
  }
  return result;
}

std::string_view word_for(config::ListenerTls tls) {
  switch (tls) {
    case config::ListenerTls::implicit:
      return "implicit";
    case config::ListenerTls::starttls:
      return "starttls";
    case config::ListenerTls::none:
      return "none";
  }
  std::unreachable();
}

std::string_view word_for(upstream::ServerState::Health health) {
  using Health = upstream::ServerState::Health;
  switch (health) {
    case Health::up:
      return "up";
    case Health::down:
      return "down";
    case Health::unknown:
      return "unknown";
  }
  std::unreachable();
}

admin::ScannerFacts facts_of(const filters::ScannerKind& kind, std::size_t workers) {
  using filters::to_string;
  const filters::ScannerCounters& counters = *kind.counters;
  admin::ScannerFacts facts;
  facts.name = kind.config.name;
  facts.type = to_string(kind.config.type);
  facts.address = kind.config.type == config::ScannerType::command
                      ? kind.config.command.at(0)
                      : kind.config.address.to_string();
  facts.required = kind.config.required;
  facts.effective = metrics::effective(counters, workers);
  facts.self_tests_passed = counters.self_tests_passed;
  facts.self_tests_failed = counters.self_tests_failed;
  facts.running = counters.running;
  facts.waiting = counters.waiting;
  facts.breaker_open = counters.breaker_open;
  for (std::size_t i = 0; i < std::size(counters.verdicts); ++i) {
    const std::uint64_t count = counters.verdicts[i];
    if (count > 0) facts.verdicts.emplace_back(to_string(static_cast<config::Cause>(i)), count);
  }
  return facts;
}

}  // namespace

admin::Status FrontOffice::status() const {
  const Workers& workers = parts_.workers;
  const Snapshot& snapshot = *parts_.snapshot;
  const metrics::ProcessFacts process = parts_.facts();
  admin::Status status;
  status.version = process.version;
  status.tls_library = process.tls_library;
  status.pid = ::getpid();
  status.started = process.started;
  status.config_file = parts_.config_file;
  status.state = parts_.state();
  status.not_ready = parts_.not_ready();
  status.log_level = to_string(parts_.log.level());
  for (const Snapshot::Listener& listener : snapshot.listeners) {
    const auto bound = parts_.listening.find(listener.config.address.to_string());
    status.listeners.emplace_back(
        listener.config.name,
        bound != parts_.listening.end() ? bound->second.to_string() : std::string(),
        std::string(word_for(listener.config.tls)));
  }
  for (std::size_t i = 0; i < workers.size(); ++i) {
    const Counters& counters = workers[i]->counters();
    status.workers.emplace_back(counters.sessions_active.get(), process.silent_seconds.at(i),
                                counters.io_blocks.get() * BlockPool::kBlockSize,
                                counters.accept_paused.get() != 0);
  }
  for (const auto& pool : snapshot.pools) {
    for (const upstream::Server& server : pool->servers()) {
      const std::string address = server.address.to_string();
      const auto problem = problems_.find({pool->name(), address});
      const bool down = server.state->health() == upstream::ServerState::Health::down;
      status.upstreams.push_back(
          {.pool = pool->name(),
           .server = address,
           .health = std::string(word_for(server.state->health())),
           .problem = down && problem != problems_.end() ? problem->second : std::string(),
           .sessions = server.state->sessions(),
           .weight = server.weight,
           .max_connections = server.max_connections,
           .priority = server.priority});
    }
  }
  for (const auto& kind : snapshot.chains.scanners) {
    status.scanners.push_back(facts_of(*kind, workers.size()));
  }
  for (const auto& identity : snapshot.identities) {
    const tls::CertificateInfo& info = identity->info();
    status.certificates.push_back({.file = identity->files().certificate,
                                   .subject = info.subject,
                                   .names = info.names,
                                   .not_after = info.not_after});
  }
  for (const FileProblem& problem : snapshot.problems) {
    status.stale_files.push_back(problem.file + ": " + problem.problem);
  }
  for (const auto& policy : snapshot.config.retention.policies) {
    status.policies.push_back(policy.name);
  }
  status.connections = parts_.connections.load();
  status.connections_limit = snapshot.config.limits.connections;
  status.sessions_active = sum(workers, &Counters::sessions_active);
  status.sessions_started = sum(workers, &Counters::sessions_started);
  status.octets_in = sum(workers, &Counters::octets_from_clients);
  status.octets_out = sum(workers, &Counters::octets_to_clients);
  status.messages = sum(workers, &Counters::messages_retrieved);
  status.logins = numbers(workers, &Worker::counters, &Counters::logins);
  status.ended = numbers(workers, &Worker::counters, &Counters::sessions_ended);
  status.tls = numbers(workers, &Worker::counters, &Counters::tls_versions);
  status.verdicts = numbers(workers, &Worker::message_counters, &MessageCounters::causes);
  status.actions = numbers(workers, &Worker::message_counters, &MessageCounters::actions);
  status.spool_octets = process.spool_octets;
  status.spool_limit = snapshot.config.spool.max_total;
  status.reloads_succeeded = process.reloads_succeeded;
  status.reloads_failed = process.reloads_failed;
  status.log_lines_lost = process.log_lines_lost;
  return status;
}

}  // namespace gatepost::server
