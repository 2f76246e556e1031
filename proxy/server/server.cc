#include "proxy/server/server.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <thread>
#include <utility>

#include "proxy/server/version.h"
#include "proxy/tls/library.h"

namespace gatepost::server {

namespace {

std::size_t worker_count(const config::Config& config) {
  if (config.workers != 0) return config.workers;
  return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace

Server::Server(ProcessLog& log, std::function<config::Loaded()> load)
    : log_(log),
      load_(std::move(load)),
      rotation_(loop_.make_timer([this] { rotate_tickets(); })),
      drain_deadline_(loop_.make_timer([this] { loop_.stop(); })) {}

Server::~Server() {
  for (auto& worker : workers_) worker->stop();
  for (const auto& [key, endpoint] : listening_) {
    if (endpoint.is_unix()) ::unlink(endpoint.path.c_str());
  }
}

Result<void> Server::start(const config::Config& config) {
  auto snapshot = make_snapshot(config, tickets_);
  if (!snapshot) return std::unexpected(snapshot.error());
  for (unsigned i = 0; i < worker_count(config); ++i) {
    workers_.push_back(
        std::make_unique<Worker>(i, log_, connections_, config.upstream.resolve_every));
  }
  auto sockets = open_sockets(**snapshot);
  if (!sockets) return std::unexpected(sockets.error());

  std::vector<const session::Counters*> counters;
  counters.reserve(workers_.size());
  for (const auto& worker : workers_) counters.push_back(&worker->counters());
  exporter_ = std::make_unique<metrics::Exporter>(std::move(counters), [this] { return facts(); });
  admin_service_ = std::make_unique<admin::AdminService>(
      admin::AdminService::Sources{.metrics = [this] { return exporter_->render(); },
                                   .not_ready = [this] { return not_ready(); }});

  put_into_force(std::move(*snapshot), std::move(*sockets));
  if (auto started = start_admin(); !started) return started;
  signals_ = std::make_unique<Signals>(loop_, std::initializer_list{SIGTERM, SIGINT, SIGHUP},
                                       [this](int number) {
                                         if (number == SIGHUP) {
                                           reload();
                                         } else {
                                           on_terminate();
                                         }
                                       });
  rotation_->start(snapshot_->config.tls.ticket_rotation);
  for (auto& worker : workers_) worker->start();
  log_.info(
      "started",
      {{"version", kVersion}, {"tls_library", tls::library_name()}, {"workers", workers_.size()}});
  return {};
}

void Server::run() {
  loop_.run();
  for (auto& worker : workers_) worker->stop();
  log_.info("stopped");
}

Result<Server::NewSockets> Server::open_sockets(const Snapshot& snapshot) const {
  NewSockets opened;
  for (const Snapshot::Listener& listener : snapshot.listeners) {
    const std::string key = listener.config.address.to_string();
    if (listening_.contains(key)) continue;
    const std::uint16_t port = listener.config.address.port;
    const bool ours = std::ranges::any_of(
        listening_, [port](const auto& entry) { return entry.second.port == port; });
    auto sockets = net::open_listen_sockets(listener.config.address, workers_.size(),
                                            listener.config.unix_mode, ours);
    if (!sockets) return std::unexpected(sockets.error());
    opened.emplace(key, std::move(*sockets));
  }
  return opened;
}

/// Nothing can fail from here on.
void Server::put_into_force(std::shared_ptr<const Snapshot> snapshot, NewSockets sockets) {
  snapshot_ = std::move(snapshot);
  std::map<std::string, Endpoint> listening;
  for (const Snapshot::Listener& listener : snapshot_->listeners) {
    const std::string key = listener.config.address.to_string();
    const auto opened = sockets.find(key);
    const Endpoint& bound = opened != sockets.end() ? opened->second.bound : listening_.at(key);
    listening.emplace(key, bound);
    if (opened != sockets.end()) {
      log_.info("listening", {{"listener", listener.config.name}, {"address", bound.to_string()}});
    }
  }
  for (const auto& [key, endpoint] : listening_) {
    if (!listening.contains(key) && endpoint.is_unix()) ::unlink(endpoint.path.c_str());
  }
  listening_ = std::move(listening);

  for (std::size_t i = 0; i < workers_.size(); ++i) {
    std::vector<Worker::Listening> wanted;
    for (const Snapshot::Listener& listener : snapshot_->listeners) {
      Worker::Listening& entry =
          wanted.emplace_back(listener.config.address.to_string(), listener.settings);
      const auto opened = sockets.find(entry.key);
      if (opened != sockets.end()) entry.fd = std::move(opened->second.fds[i]);
    }
    workers_[i]->apply(std::move(wanted), snapshot_->config.limits);
  }
}

Result<void> Server::start_admin() {
  const std::string& address = snapshot_->config.admin.address;
  if (address.empty()) return {};
  auto endpoint = Endpoint::parse(address);
  if (!endpoint) return std::unexpected(endpoint.error());
  auto admin = AdminListener::start(loop_, *endpoint, *admin_service_);
  if (!admin) return std::unexpected(admin.error());
  admin_ = std::move(*admin);
  log_.info("listening", {{"listener", "admin"}, {"address", admin_->bound().to_string()}});
  return {};
}

void Server::reload() {
  if (draining_) return;
  last_reload_succeeded_ = try_reload();
  ++(last_reload_succeeded_ ? reloads_succeeded_ : reloads_failed_);
  if (last_reload_succeeded_) {
    log_.info("reloaded");
  } else {
    log_.error("reload_refused", {{"effect", "the configuration before stays in force"}});
  }
}

bool Server::try_reload() {
  const config::Loaded loaded = load_();
  for (const config::Problem& problem : loaded.problems) {
    log_.write(problem.warning ? LogLevel::warning : LogLevel::error, "configuration",
               {{"path", problem.path}, {"line", problem.line}, {"problem", problem.text}});
  }
  if (!loaded.config) return false;
  const auto refuse = [this](const Error& error) {
    log_.error("configuration", {{"problem", error.detail}});
    return false;
  };
  auto snapshot = make_snapshot(*loaded.config, tickets_);
  if (!snapshot) return refuse(snapshot.error());
  auto sockets = open_sockets(**snapshot);
  if (!sockets) return refuse(sockets.error());
  if (auto reopened = log_.reopen(loaded.config->log); !reopened) return refuse(reopened.error());
  warn_of_fixed_settings(*loaded.config);
  put_into_force(std::move(*snapshot), std::move(*sockets));
  rotation_->start(snapshot_->config.tls.ticket_rotation);
  return true;
}

void Server::warn_of_fixed_settings(const config::Config& next) const {
  const config::Config& now = snapshot_->config;
  const auto warn = [this](std::string_view path) {
    log_.warning("configuration", {{"path", path}, {"problem", "takes effect at a restart only"}});
  };
  if (next.workers != now.workers) warn("/workers");
  if (next.admin.address != now.admin.address) warn("/admin/address");
  if (next.upstream.resolve_every != now.upstream.resolve_every) warn("/upstream/resolve_every");
}

void Server::on_terminate() {
  if (draining_) return loop_.stop();  // asked twice: now
  draining_ = true;
  const Duration limit = snapshot_->config.timeouts.drain;
  log_.info("draining", {{"sessions", connections_.load()}, {"limit_ms", limit.count()}});
  drain_deadline_->start(limit);
  workers_draining_ = workers_.size();
  for (auto& worker : workers_) {
    worker->drain([this] { loop_.post([this] { on_worker_drained(); }); });
  }
}

void Server::on_worker_drained() {
  if (--workers_draining_ == 0) loop_.stop();
}

void Server::rotate_tickets() {
  tickets_->rotate();
  rotation_->start(snapshot_->config.tls.ticket_rotation);
}

metrics::ProcessFacts Server::facts() const {
  metrics::ProcessFacts facts;
  facts.version = kVersion;
  facts.tls_library = tls::library_name();
  facts.started = started_;
  facts.workers = workers_.size();
  for (const Snapshot::Certificate& certificate : snapshot_->certificates) {
    facts.certificates.push_back({certificate.file, certificate.info.not_after});
  }
  facts.reloads_succeeded = reloads_succeeded_;
  facts.reloads_failed = reloads_failed_;
  facts.last_reload_succeeded = last_reload_succeeded_;
  facts.log_lines_lost = log_.lost_lines();
  facts.draining = draining_;
  return facts;
}

std::vector<std::string> Server::not_ready() const {
  std::vector<std::string> reasons;
  if (draining_) reasons.emplace_back("draining");
  const auto paused = std::ranges::count_if(
      workers_, [](const auto& worker) { return worker->counters().accept_paused.get() != 0; });
  if (paused > 0) reasons.emplace_back("out of memory for new sessions");
  return reasons;
}

}  // namespace gatepost::server
