#include "proxy/server/server.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "proxy/process/seccomp_filter.h"
#include "proxy/process/version.h"
#include "proxy/tls/library.h"

namespace gatepost::server {

namespace {

/// For the main thread's own connections: health checks.
constexpr std::chrono::seconds kKeepNames{30};

/// How long a worker may use a name that it looked up: as the most demanding pool says.
std::chrono::seconds resolve_every(const config::Config& config) {
  std::chrono::seconds least = config::Pool().resolve_every;
  for (const config::Pool& pool : config.pools) least = std::min(least, pool.resolve_every);
  return least;
}

std::size_t worker_count(const config::Config& config) {
  if (config.workers != 0) return config.workers;
  return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace

Server::Server(ProcessLog& log, std::function<config::Loaded()> load,
               process::Predecessor& predecessor, std::unique_ptr<process::Starter> starter)
    : log_(log),
      load_(std::move(load)),
      predecessor_(predecessor),
      starter_(std::move(starter)),
      resolver_(loop_, kKeepNames),
      connector_(loop_, pool_, resolver_),
      background_(loop_),
      quarantine_room_(
          background_, [this] { return stores_.quarantine; }, log_),
      retention_room_({background_, {loop_, connector_, pool_}, snapshot_, retention_}),
      discovery_(loop_, log_, [this] { refresh("servers found"); }),
      files_(loop_, [this] { refresh("files changed"); }),
      health_({loop_, connector_, pool_},
              [this](const auto& pool, const auto& server, std::string_view problem) {
                note_health(pool, server, problem);
              }),
      rotation_(loop_.make_timer([this] { rotate_tickets(); })),
      drain_deadline_(loop_.make_timer([this] { loop_.stop(); })),
      is_successor_(predecessor.exists()),
      phase_(is_successor_ ? Phase::succeeding : Phase::serving),
      readiness_(loop_.make_timer([this] { succeed_when_ready(); })),
      upgrade_(starter_ ? std::make_unique<process::Upgrade>(loop_, *starter_) : nullptr),
      service_manager_(loop_, {.status = [this] { return status(); },
                               .alive = [this] { return watch_->complaints().empty(); }}) {}

Server::~Server() {
  for (auto& worker : workers_) worker->stop();
  if (phase_ == Phase::succeeding) {  // the paths are still those of the process before
    if (control_) control_->stop_listening();
    return;
  }
  for (const auto& [key, endpoint] : listening_) {
    if (endpoint.is_unix()) ::unlink(endpoint.path.c_str());
  }
}

Result<void> Server::start(const config::Config& config,
                           const std::optional<process::Identity>& identity,
                           const std::string& config_file) {
  config_file_ = config_file;
  if (auto commands = process::Launcher::programs_of(config); !commands.empty()) {
    // While there is one thread, nothing secret has been read, and processes can be made.
    const auto workers = static_cast<unsigned>(worker_count(config));
    auto launcher = process::Launcher::start(std::move(commands), workers, identity);
    if (!launcher) return std::unexpected(launcher.error());
    launcher_ = std::move(*launcher);
  }
  if (auto prepared = prepare_folders(config, identity); !prepared) return prepared;
  if (auto prepared = prepare_retention_folder(config, identity); !prepared) return prepared;
  holdings_.chains.set_workers(static_cast<unsigned>(worker_count(config)));
  discovery_.find_now(config, holdings_.discovered);
  watch_files(config);
  auto snapshot = make_snapshot(config, holdings_);
  if (!snapshot) return std::unexpected(snapshot.error());
  if (!predecessor_.ticket_keys().empty()) holdings_.tickets->replace(predecessor_.ticket_keys());
  for (unsigned i = 0; i < worker_count(config); ++i) {
    workers_.push_back(std::make_unique<Worker>(i, log_, guard_, connections_,
                                                resolve_every(config), launcher_.get()));
  }
  auto sockets = open_sockets(**snapshot);
  if (!sockets) return std::unexpected(sockets.error());

  watch_workers();
  put_into_force(std::move(*snapshot), std::move(*sockets));
  open_office();
  if (auto started = start_admin(); !started) return started;
  if (auto started = start_control(); !started) return started;
  if (auto hardened = harden(identity, config_file); !hardened) return hardened;
  // As who we are from here on, and with what is allowed from here on.
  auto stores = open_stores(config, config, stores_);
  if (!stores) return std::unexpected(stores.error());
  stores_ = std::move(*stores);
  auto retention_stores = open_retention(config, config, retention_, log_);
  if (!retention_stores) return std::unexpected(retention_stores.error());
  retention_ = std::move(*retention_stores);
  share_stores();
  signals_ = std::make_unique<process::Signals>(
      loop_, std::initializer_list{SIGTERM, SIGINT, SIGHUP, SIGUSR2},
      [this](int number) { on_signal(number); });
  for (auto& worker : workers_) worker->start(phase_ == Phase::serving);
  log_.info("started", {{"version", process::kVersion},
                        {"tls_library", tls::library_name()},
                        {"workers", workers_.size()}});
  if (phase_ == Phase::serving) {
    service_manager_.ready();
  } else {
    prepare_succession();
  }
  return {};
}

/// Addresses are bound and files are read: from here on less is needed.
Result<void> Server::harden(const std::optional<process::Identity>& identity,
                            const std::string& config_file) {
  const config::Process& process = snapshot_->config.process;
  if (identity) {
    std::vector<std::string> paths;
    for (const auto& [key, endpoint] : listening_) {
      if (endpoint.is_unix()) paths.push_back(endpoint.path);
    }
    if (control_) paths.push_back(control_->bound().path);
    for (const std::string& path : paths) {
      // Whoever is in the group is to get in, as if that user had made the socket.
      if (::lchown(path.c_str(), identity->user, identity->group) != 0) {
        return fail(ErrorCode::system,
                    fmt::format("unix:{}: cannot be given to {}", path, identity->name));
      }
    }
    if (auto became = process::become(*identity); !became) return became;
    process::set_dumpable(process.core_dumps);
    std::vector<std::string> files = files_read_again(*snapshot_);
    if (!config_file.empty()) files.push_back(config_file);
    for (const process::HiddenFile& hidden :
         process::hidden_files(files, snapshot_->config.log.file)) {
      log_.warning("file_out_of_reach", {{"file", hidden.file},
                                         {"user", identity->name},
                                         {"problem", hidden.reason},
                                         {"effect", "a reload will fail"}});
    }
  } else if (::geteuid() == 0) {
    log_.warning("running_as_root", {{"advice", "set process.user, or start it as another user"}});
  }
  if (process::kSanitized) return {};
  return process::install_seccomp_filter(process.seccomp);
}

Result<void> Server::run() {
  loop_.run();
  for (auto& worker : workers_) worker->stop();
  log_.info("stopped");
  if (!unready_.empty()) return fail(ErrorCode::timeout, unready_);
  return {};
}

Result<Server::NewSockets> Server::open_sockets(const Snapshot& snapshot) {
  NewSockets opened;
  for (const Snapshot::Listener& listener : snapshot.listeners) {
    const std::string key = listener.config.address.to_string();
    if (listening_.contains(key)) continue;
    const std::uint16_t port = listener.config.address.port;
    const bool ours = predecessor_.sockets().has_port(port) ||
                      std::ranges::any_of(listening_, [port](const auto& entry) {
                        return entry.second.port == port;
                      });
    std::vector<UniqueFd> inherited = predecessor_.sockets().take(key);
    auto sockets = inherited.empty()
                       ? net::open_listen_sockets(listener.config.address, workers_.size(),
                                                  listener.config.unix_mode, ours)
                       : net::adopt_listen_sockets(listener.config.address, workers_.size(),
                                                   listener.config.unix_mode, std::move(inherited));
    if (!sockets) return std::unexpected(sockets.error());
    opened.emplace(key, std::move(*sockets));
  }
  return opened;
}

/// Nothing can fail from here on.
void Server::put_into_force(std::shared_ptr<const Snapshot> snapshot, NewSockets sockets) {
  snapshot_ = std::move(snapshot);
  guard_.configure(snapshot_->config.limits);
  warn_of_outdated_staples();
  use_ticket_keys();
  if (admin_service_) admin_service_->set_token(snapshot_->admin_token);
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

  share_stores();
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    std::vector<Worker::Listening> wanted;
    for (const Snapshot::Listener& listener : snapshot_->listeners) {
      Worker::Listening& entry = wanted.emplace_back(
          listener.config.address.to_string(), listener.settings, listener.config.proxy_protocol);
      const auto opened = sockets.find(entry.key);
      if (opened == sockets.end()) continue;
      // There may be more sockets than workers: each has to be somebody's.
      std::vector<UniqueFd>& fds = opened->second.fds;
      for (std::size_t j = i; j < fds.size(); j += workers_.size()) {
        entry.fds.push_back(std::move(fds[j]));
      }
    }
    workers_[i]->apply(std::move(wanted), snapshot_->config.limits);
  }
  health_.watch(snapshot_->pools, snapshot_->config.timeouts);
  discovery_.watch(snapshot_->config, holdings_.discovered);
}

/// Scanners that are new are tested from now on.
void Server::share_stores() {
  for (const auto& worker : workers_) {
    worker->use(stores_, snapshot_->chains.scanners);
    worker->use(retention_);
  }
}

void Server::warn_of_outdated_staples() const {
  const auto now = std::chrono::system_clock::now();
  for (const auto& identity : snapshot_->identities) {
    const auto& until = identity->info().ocsp_until;
    if (!until || *until >= now) continue;
    log_.warning("staple_outdated", {{"file", identity->files().ocsp},
                                     {"effect", "clients get the certificate without it"}});
  }
}

/// Before the files are read: what changes while they are read is noticed.
void Server::watch_files(const config::Config& config) {
  files_.watch(watched_files(config), config.tls.watch_every);
}

/// Keys of a shared file are the administrator's to rotate.
void Server::use_ticket_keys() {
  if (!snapshot_->ticket_keys.empty()) {
    rotation_->stop();
    rotating_every_.reset();
    return holdings_.tickets->replace(snapshot_->ticket_keys);
  }
  if (!snapshot_->config.tls.ticket_key_file.empty()) return;  // unreadable now: as they are
  const std::chrono::seconds every = snapshot_->config.tls.ticket_rotation;
  // Left alone where nothing changed: reloads must not put the rotation off again and again.
  if (rotating_every_ == every) return;
  if (!rotating_every_) holdings_.tickets->rotate();  // those before may be known to others
  rotating_every_ = every;
  rotation_->start(every);
}

/// The same configuration anew: files or the servers behind a name are not what they were. What
/// cannot be used leaves what was there in force.
void Server::refresh(std::string_view why) {
  if (!is_current()) return;
  auto snapshot = make_snapshot(snapshot_->config, holdings_, OnBroken::keep);
  if (!snapshot) {
    ++refreshes_failed_;
    log_.error("refresh_refused", {{"why", why},
                                   {"problem", snapshot.error().detail},
                                   {"effect", "what was in force stays in force"}});
    return;
  }
  for (const FileProblem& problem : (*snapshot)->problems) {
    log_.error("file_refused", {{"file", problem.file},
                                {"problem", problem.problem},
                                {"effect", "what it held before stays in force"}});
  }
  ++((*snapshot)->problems.empty() ? refreshes_succeeded_ : refreshes_failed_);
  put_into_force(std::move(*snapshot), {});
  log_.info("refreshed", {{"why", why}, {"certificates", snapshot_->identities.size()}});
}

void Server::note_health(const upstream::Pool& pool, const upstream::Server& server,
                         std::string_view problem) {
  const std::string address = server.address.to_string();
  office_->note_health(pool.name(), address, problem);
  if (problem.empty()) {
    log_.info("upstream_up", {{"pool", pool.name()}, {"server", address}});
  } else {
    log_.warning("upstream_down",
                 {{"pool", pool.name()}, {"server", address}, {"problem", problem}});
  }
}

/// Returns what is wrong, a problem a line; empty when all is well.
std::string Server::reload() {
  if (!is_current()) return "this process is about to end\n";
  service_manager_.reloading();
  const std::string problems = try_reload();
  last_reload_succeeded_ = problems.empty();
  ++(last_reload_succeeded_ ? reloads_succeeded_ : reloads_failed_);
  if (last_reload_succeeded_) {
    log_.info("reloaded");
  } else {
    log_.error("reload_refused", {{"effect", "the configuration before stays in force"}});
  }
  service_manager_.ready();
  return problems;
}

std::string Server::try_reload() {
  if (upgrade_ && upgrade_->under_way()) {  // who follows has read it, and has our sockets
    log_.error("configuration", {{"problem", "an upgrade is under way"}});
    return "an upgrade is under way\n";
  }
  const config::Loaded loaded = load_();
  std::string problems;
  for (const config::Problem& problem : loaded.problems) {
    log_.write(problem.warning ? LogLevel::warning : LogLevel::error, "configuration",
               {{"path", problem.path}, {"line", problem.line}, {"problem", problem.text}});
    if (!problem.warning) problems += to_string(problem, config_file_) + '\n';
  }
  if (!loaded.config) return problems;
  const auto refuse = [this](const Error& error) {
    log_.error("configuration", {{"problem", error.detail}});
    watch_files(snapshot_->config);
    files_.forget();  // files may have changed that would be of use without the problem
    return error.detail + '\n';
  };
  if (auto known = process::Launcher::check(*loaded.config, launcher_.get()); !known) {
    return refuse(known.error());
  }
  discovery_.find_now(*loaded.config, holdings_.discovered);
  watch_files(*loaded.config);
  auto snapshot = make_snapshot(*loaded.config, holdings_);
  if (!snapshot) return refuse(snapshot.error());
  auto sockets = open_sockets(**snapshot);
  if (!sockets) return refuse(sockets.error());
  auto stores = open_stores(*loaded.config, snapshot_->config, stores_);
  if (!stores) return refuse(stores.error());
  auto retention = open_retention(*loaded.config, snapshot_->config, retention_, log_);
  if (!retention) return refuse(retention.error());
  if (auto reopened = log_.reopen(loaded.config->log); !reopened) return refuse(reopened.error());
  warn_of_fixed_settings(*loaded.config);
  stores_ = std::move(*stores);
  retention_ = std::move(*retention);
  document_ = loaded.document;
  if (retention_.audit) retention_.audit->reopen();
  put_into_force(std::move(*snapshot), std::move(*sockets));
  return {};
}

void Server::warn_of_fixed_settings(const config::Config& next) const {
  const config::Config& now = snapshot_->config;
  const auto warn = [this](std::string_view path) {
    log_.warning("configuration", {{"path", path}, {"problem", "takes effect at a restart only"}});
  };
  if (next.workers != now.workers) warn("/workers");
  if (next.admin.address != now.admin.address) warn("/admin/address");
  if (next.admin.control != now.admin.control ||
      next.admin.control_mode != now.admin.control_mode) {
    warn("/admin/control");
  }
  if (resolve_every(next) != resolve_every(now)) warn("/upstream/resolve_every");
  if (next.process != now.process) warn("/process");
}

void Server::rotate_tickets() {
  holdings_.tickets->rotate();
  rotation_->start(snapshot_->config.tls.ticket_rotation);
}

}  // namespace gatepost::server
