#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"
#include "proxy/admin/admin_service.h"
#include "proxy/admin/control_service.h"
#include "proxy/base/log.h"
#include "proxy/guard/guard.h"
#include "proxy/metrics/exporter.h"
#include "proxy/net/loop.h"
#include "proxy/net/loop_background.h"
#include "proxy/net/resolver.h"
#include "proxy/net/tcp_connector.h"
#include "proxy/process/launcher.h"
#include "proxy/process/predecessor.h"
#include "proxy/process/privileges.h"
#include "proxy/process/service_manager.h"
#include "proxy/process/signals.h"
#include "proxy/process/starter.h"
#include "proxy/process/upgrade.h"
#include "proxy/server/discovery.h"
#include "proxy/server/file_watch.h"
#include "proxy/server/filter_stores.h"
#include "proxy/server/front_office.h"
#include "proxy/server/http_listener.h"
#include "proxy/server/quarantine_room.h"
#include "proxy/server/retention_room.h"
#include "proxy/server/retention_stores.h"
#include "proxy/server/snapshot.h"
#include "proxy/server/worker.h"
#include "proxy/server/worker_watch.h"
#include "proxy/upstream/health_checker.h"

namespace gatepost::server {

/// The gateway: workers, admin listener, signals, reload, drain and upgrade. Lives in the main
/// thread.
class Server {
 public:
  /// One that follows another process has so long to get ready, from when it has started.
  static constexpr Duration kReadyLimit{20'000};

  /// The process that has taken over, or why none has.
  using Upgraded = std::move_only_function<void(const Result<pid_t>&)>;

  /// `load` reads the configuration again at SIGHUP. `predecessor` is whom this process follows, if
  /// anybody, and `starter`, which may be null, starts who will follow it. `log` and `predecessor`
  /// outlive the server.
  Server(ProcessLog& log, std::function<config::Loaded()> load, process::Predecessor& predecessor,
         std::unique_ptr<process::Starter> starter);
  ~Server();

  /// Reads files, binds all addresses, gives up what is not needed any more (becoming `identity`,
  /// if there is one), starts the workers. On failure nothing runs. `config_file` is the one that
  /// `load` reads, or empty.
  [[nodiscard]] Result<void> start(const config::Config& config,
                                   const std::optional<process::Identity>& identity = {},
                                   const std::string& config_file = {});
  /// Before start(): what load() said of the configuration (config::Loaded::document).
  void show(std::string document) { document_ = std::move(document); }
  /// Until SIGTERM or SIGINT and the end of draining, or the end of the last session after an
  /// upgrade. Fails when there is a process before this one and this one is not ready, after
  /// kReadyLimit, to take over from it.
  [[nodiscard]] Result<void> run();
  /// Starts the program again and lets it take over; `done`, if not null, is called once, later, in
  /// the main loop. Fails, as one line of the log says, too, when there is nobody to start it,
  /// while another one is under way, and when this process is about to end; then `done` is never
  /// called. `by` is who wants it, for the log.
  Result<void> begin_upgrade(std::string_view by, Upgraded done);

 private:
  /// Sockets opened for a snapshot: for each listener that is new, one for each worker.
  using NewSockets = std::map<std::string, net::ListenSockets>;
  enum class Phase : std::uint8_t {
    succeeding,  // until it is ready; the process before serves meanwhile
    serving,
    replaced,  // another process serves; the sessions here may finish
    draining,
  };
  struct Cargo;  // for who follows: server_end.cc

  [[nodiscard]] Result<NewSockets> open_sockets(const Snapshot& snapshot);
  void put_into_force(std::shared_ptr<const Snapshot> snapshot, NewSockets sockets);
  // server_admin.cc
  void open_office();
  [[nodiscard]] Result<void> start_admin();
  [[nodiscard]] Result<void> start_control();
  void upgrade_for(std::string_view by, admin::Office::Then<Result<void>> then);
  // server.cc
  [[nodiscard]] Result<void> harden(const std::optional<process::Identity>& identity,
                                    const std::string& config_file);
  void share_stores();
  /// Whether the configuration can still change: others go on with the one that they have.
  [[nodiscard]] bool is_current() const { return phase_ <= Phase::serving; }
  std::string reload();
  [[nodiscard]] std::string try_reload();
  void warn_of_outdated_staples() const;
  void warn_of_fixed_settings(const config::Config& next) const;
  void rotate_tickets();
  void use_ticket_keys();
  void watch_files(const config::Config& config);
  void refresh(std::string_view why);
  void note_health(const upstream::Pool& pool, const upstream::Server& server,
                   std::string_view problem);
  // server_succession.cc
  void prepare_succession();
  void succeed_when_ready();
  void stand_back(std::string why);
  void take_over();
  // server_end.cc
  void on_signal(int number);
  void on_terminate();
  void let_sessions_end(Duration limit);
  void gather_cargo();
  void add_cargo(Cargo& cargo, Result<Worker::Sockets> sockets);
  void upgrade_failed(const Error& error);
  void be_replaced(pid_t successor);
  // server_facts.cc
  void watch_workers();
  [[nodiscard]] std::string_view word_for_phase() const;
  [[nodiscard]] std::string status() const;
  [[nodiscard]] metrics::ProcessFacts facts() const;
  [[nodiscard]] bool stores_up() const;
  [[nodiscard]] std::vector<std::string> not_ready() const;

  ProcessLog& log_;
  std::function<config::Loaded()> load_;
  std::string config_file_;  // that load_ reads; empty: none
  process::Predecessor& predecessor_;
  std::unique_ptr<process::Starter> starter_;
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
  std::unique_ptr<process::Launcher> launcher_;  // null: no command was configured at start
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<WorkerWatch> watch_;
  std::unique_ptr<metrics::Exporter> exporter_;
  std::string document_;  // for people, of the configuration in force
  net::LoopBackground background_;
  BackgroundQuarantine quarantine_room_;
  MainRetention retention_room_;
  std::unique_ptr<FrontOffice> office_;
  std::unique_ptr<admin::AdminService> admin_service_;
  std::unique_ptr<HttpListener> admin_;
  std::unique_ptr<admin::ControlService> control_service_;
  std::unique_ptr<HttpListener> control_;
  std::unique_ptr<process::Signals> signals_;
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
  std::uint64_t upgrades_failed_ = 0;
  bool is_successor_ = false;
  Phase phase_;
  std::unique_ptr<Timer> readiness_;  // looked at again
  Instant ready_by_;
  std::string unready_;   // why this process did not take over
  unsigned endings_ = 0;  // how often workers were told to end
  std::size_t workers_draining_ = 0;
  std::unique_ptr<process::Upgrade> upgrade_;  // null: nobody could start anything
  std::shared_ptr<Cargo> cargo_;
  process::ServiceManager service_manager_;
};

}  // namespace gatepost::server
