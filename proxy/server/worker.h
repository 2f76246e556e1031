#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "filters/host.h"
#include "filters/shadow.h"
#include "proxy/admin/facts.h"
#include "proxy/base/bytes.h"
#include "proxy/base/log.h"
#include "proxy/guard/guard.h"
#include "proxy/net/listener.h"
#include "proxy/net/loop.h"
#include "proxy/net/loop_background.h"
#include "proxy/net/resolver.h"
#include "proxy/net/tcp_connector.h"
#include "proxy/process/launcher.h"
#include "proxy/server/arrival.h"
#include "proxy/server/filter_stores.h"
#include "proxy/server/refusals.h"
#include "proxy/server/retention_stores.h"
#include "proxy/server/snapshot.h"
#include "proxy/server/store_watch.h"
#include "proxy/session/session.h"
#include "proxy/session/session_facts.h"
#include "proxy/trace/desk.h"

namespace gatepost::server {

/// One loop in one thread with everything that its sessions use; shares nothing with the other
/// workers but the guard and the number of connections. Public calls are for the main thread.
class Worker final : session::Session::Home, Arrival::Owner {
 public:
  /// A socket to listen on, and what its sessions are told.
  struct Listening {
    std::string key;  ///< the configured address
    std::shared_ptr<const session::Settings> settings;
    bool proxy_protocol = false;  ///< connections begin with a PROXY header
    /// Empty: the listener exists already, only the settings are new.
    std::vector<UniqueFd> fds;
  };

  /// Listening sockets by the configured address.
  using Sockets = std::vector<std::pair<std::string, UniqueFd>>;

  /// `connections` counts the connections of clients of all workers. `launcher` runs commands, if
  /// there is one; this worker takes its place there.
  Worker(unsigned index, Log& log, guard::Guard& guard, std::atomic<std::uint32_t>& connections,
         std::chrono::seconds resolve_every, process::Launcher* launcher = nullptr);
  ~Worker();

  /// With `admits` false it does everything but take clients, until admit().
  void start(bool admits = true);
  /// Clients may come in.
  void admit();
  /// Listens on exactly these from now on.
  void apply(std::vector<Listening> listeners, const config::Limits& limits);
  /// Chains use these from now on, and these scanners exist. Before the first apply() whose
  /// listeners have chains.
  void use(FilterStores stores, filters::ScanDesk::Kinds scanners);
  /// Policies use these from now on. Before the first apply() whose listeners have policies.
  void use(RetentionStores stores);
  /// Takes sessions down that begin from now on. `number` names the trace, to end it; `sink` is
  /// called in this worker's thread. Where there are too many traces already, or the worker has
  /// ended, it hears at once that this one is over ("traces"), or nothing.
  void begin_trace(std::uint64_t number, trace::Order order, std::shared_ptr<trace::Sink> sink);
  void end_trace(std::uint64_t number);
  /// Stops accepting and turns away who has not logged in; `drained` is called, in this worker's
  /// thread, when the last session has ended.
  void drain(std::move_only_function<void()> drained);
  /// The same for a process that another one has followed: nothing goes down for those who are
  /// connected, so they may log in and finish.
  void retire(std::move_only_function<void()> drained);
  /// A further descriptor of each socket that it listens on; `given` is called in this worker's
  /// thread.
  void copy_sockets(std::move_only_function<void(Result<Sockets>)> given);
  /// Ends all sessions and the thread; returns when both are done.
  void stop();

  /// What sessions there are that `query` wants, the oldest first; with how many it wants.
  struct Found {
    std::vector<session::SessionFacts> sessions;
    std::uint64_t matching = 0;
  };
  /// `found` is called in this worker's thread.
  void find_sessions(admin::SessionQuery query, std::move_only_function<void(Found)> found);
  /// Ends those that `which` says, without QUIT. `ended` gets how many, in this worker's thread.
  void end_sessions(std::function<bool(const session::Session&)> which,
                    std::move_only_function<void(std::size_t)> ended);
  /// What the journal has about an id; `told` is called in this worker's thread.
  void explain(std::string id, std::move_only_function<void(Explanation)> told);
  /// The last sessions of a user; the same.
  void sessions_of(std::string user,
                   std::move_only_function<void(std::vector<SessionOfUser>)> told);

  [[nodiscard]] const session::Counters& counters() const { return counters_; }
  [[nodiscard]] const filters::MessageCounters& message_counters() const {
    return message_counters_;
  }
  [[nodiscard]] const filters::RetentionCounters& retention_counters() const {
    return retention_counters_;
  }
  [[nodiscard]] StoreWatch::State store_state() const { return store_watch_.state(); }

 private:
  struct ActiveListener {
    std::shared_ptr<const session::Settings> settings;
    bool proxy_protocol = false;
    std::vector<std::unique_ptr<net::Listener>> sockets;
    std::vector<UniqueFd> closed;  // until clients are admitted
  };
  /// A connection that has not yet said who it is from.
  struct Arriving {
    std::shared_ptr<const session::Settings> settings;
    std::unique_ptr<Arrival> arrival;
  };
  struct Serving {
    std::unique_ptr<trace::Recording> recording;  // null: no trace wants the session
    std::unique_ptr<session::Session> session;
    PeerAddress admitted;  // as the guard knows the client
  };

  void apply_here(std::vector<Listening> listeners, const config::Limits& limits);
  void open(ActiveListener& listener);
  void accept(const ActiveListener& listener, std::unique_ptr<net::Transport> client);
  void begin(std::shared_ptr<const session::Settings> settings,
             std::unique_ptr<net::Transport> client, net::ClientFacts facts);
  void refuse(const session::Settings& settings, std::unique_ptr<net::Transport> client,
              session::EndReason reason);
  void accept_failed(const Error& error);
  void on_arrival_finished(Arrival& arrival) override;
  void drop_arrivals();
  void on_session_ended(session::Session& session) override;
  [[nodiscard]] bool nobody_is_left() const;
  [[nodiscard]] Result<Sockets> copies() const;
  void reap();
  void tick();
  void check_memory();

  const unsigned index_;
  Log& log_;
  std::atomic<std::uint32_t>& connections_;
  session::Counters counters_;
  BlockPool pool_;
  net::Loop loop_;
  net::Resolver resolver_;
  net::TcpConnector connector_;
  net::LoopBackground background_;
  std::unique_ptr<net::ProcessLauncher> launcher_;
  filters::MessageCounters message_counters_;
  filters::ScanDesk desk_;
  filters::Host filters_;
  filters::Shadows shadows_;
  filters::RetentionCounters retention_counters_;
  std::shared_ptr<store::RecordTable> table_;        // that the store is of
  std::shared_ptr<const store::RedisAccess> redis_;  // the same
  filters::RetentionHost retention_;
  StoreWatch store_watch_;
  Journal journal_;
  session::Services services_;
  trace::TraceDesk traces_;
  std::map<std::uint64_t, Ticket> tracing_;
  config::Limits limits_;
  // Addresses of values must stay valid: listeners refer to them.
  std::map<std::string, ActiveListener> listeners_;
  std::unordered_map<Arrival*, Arriving> arrivals_;
  std::unordered_map<session::Session*, Serving> sessions_;
  std::vector<session::Session*> ended_;
  Refusals refusals_;
  std::unique_ptr<Timer> reaper_;
  std::unique_ptr<Timer> ticker_;
  Instant tick_due_;
  Instant last_accept_error_;
  std::uint64_t next_session_ = 0;
  bool admits_ = true;
  bool accepting_ = true;  // there is memory for more sessions
  std::move_only_function<void()> drained_;
  std::thread thread_;
};

}  // namespace gatepost::server
