#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/load.h"
#include "proxy/admin/admin_service.h"
#include "proxy/admin/control_service.h"
#include "proxy/base/log.h"
#include "proxy/guard/guard.h"
#include "proxy/metrics/exporter.h"
#include "proxy/net/loop.h"
#include "proxy/net/resolver.h"
#include "proxy/net/tcp_connector.h"
#include "proxy/server/discovery.h"
#include "proxy/server/file_watch.h"
#include "proxy/server/filter_stores.h"
#include "proxy/server/front_office.h"
#include "proxy/server/http_listener.h"
#include "proxy/server/launcher.h"
#include "proxy/server/privileges.h"
#include "proxy/server/retention_stores.h"
#include "proxy/server/signals.h"
#include "proxy/server/snapshot.h"
#include "proxy/server/worker.h"
#include "proxy/server/worker_watch.h"
#include "proxy/upstream/health_checker.h"

namespace gatepost::server {

/// The gateway: workers, admin listener, signals, reload and drain. Lives in the main thread.
class Server {
 public:
  /// `load` reads the configuration again at SIGHUP. `log` outlives the server.
  Server(ProcessLog& log, std::function<config::Loaded()> load);
  ~Server();

  /// Reads files, binds all addresses, gives up what is not needed any more (becoming `identity`,
  /// if there is one), starts the workers. On failure nothing runs. `config_file` is the one that
  /// `load` reads, or empty.
  [[nodiscard]] Result<void> start(const config::Config& config,
                                   const std::optional<Identity>& identity = {},
                                   const std::string& config_file = {});
  /// Until SIGTERM or SIGINT and the end of draining.
  void run();

 private:
  /// Sockets opened for a snapshot: for each listener that is new, one for each worker.
  using NewSockets = std::map<std::string, net::ListenSockets>;

  [[nodiscard]] Result<NewSockets> open_sockets(const Snapshot& snapshot) const;
  void put_into_force(std::shared_ptr<const Snapshot> snapshot, NewSockets sockets);
  void open_office();
  [[nodiscard]] Result<void> start_admin();
  [[nodiscard]] Result<void> start_control();
  [[nodiscard]] Result<void> harden(const std::optional<Identity>& identity,
                                    const std::string& config_file);
  void share_stores();
  std::string reload();
  [[nodiscard]] std::string try_reload();
  void warn_of_outdated_staples() const;
  void warn_of_fixed_settings(const config::Config& next) const;
  void on_terminate();
  void on_worker_drained();
  void rotate_tickets();
  void use_ticket_keys();
  void watch_files(const config::Config& config);
  void refresh(std::string_view why);
  void note_health(const upstream::Pool& pool, const upstream::Server& server,
                   std::string_view problem);
  [[nodiscard]] metrics::ProcessFacts facts() const;
  [[nodiscard]] std::size_t stores_down() const;
  [[nodiscard]] std::vector<std::string> not_ready() const;

  ProcessLog& log_;
  std::function<config::Loaded()> load_;
  std::string config_file_;  // that load_ reads; empty: none
  net::Loop loop_;
  BlockPool pool_{4};
  net::Resolver resolver_;
  net::TcpConnector connector_;
  guard::Guard guard_;
  Holdings holdings_;
  std::shared_ptr<const Snapshot> snapshot_;
  FilterStores stores_;
  RetentionStores retention_;
  std::map<std::string, Endpoint> listening_;  // configured address to bound one
  std::atomic<std::uint32_t> connections_ = 0;
  std::unique_ptr<Launcher> launcher_;  // null: no command was configured at start
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<WorkerWatch> watch_;
  std::unique_ptr<metrics::Exporter> exporter_;
  std::unique_ptr<FrontOffice> office_;
  std::unique_ptr<admin::AdminService> admin_service_;
  std::unique_ptr<HttpListener> admin_;
  std::unique_ptr<admin::ControlService> control_service_;
  std::unique_ptr<HttpListener> control_;
  std::unique_ptr<Signals> signals_;
  Discovery discovery_;
  FileWatch files_;
  upstream::HealthChecker health_;
  std::unique_ptr<Timer> rotation_;
  std::optional<std::chrono::seconds> rotating_every_;  // nothing: the keys are those of a file
  std::unique_ptr<Timer> drain_deadline_;
  std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
  std::uint64_t reloads_succeeded_ = 0;
  std::uint64_t reloads_failed_ = 0;
  bool last_reload_succeeded_ = true;
  std::uint64_t refreshes_succeeded_ = 0;
  std::uint64_t refreshes_failed_ = 0;
  bool draining_ = false;
  std::size_t workers_draining_ = 0;
};

}  // namespace gatepost::server
