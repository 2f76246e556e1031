#include "proxy/server/worker.h"

#include <sys/prctl.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "proxy/base/pattern.h"
#include "proxy/base/wall_clock.h"

namespace gatepost::server {

namespace {
constexpr Duration kTick{500};
constexpr Duration kErrorLogEvery{5'000};
}  // namespace

Worker::Worker(unsigned index, Log& log, guard::Guard& guard,
               std::atomic<std::uint32_t>& connections, std::chrono::seconds resolve_every,
               process::Launcher* launcher)
    : index_(index),
      log_(log),
      connections_(connections),
      resolver_(loop_, resolve_every),
      connector_(loop_, pool_, resolver_),
      background_(loop_),
      launcher_(launcher != nullptr ? launcher->connect(loop_, index) : nullptr),
      desk_({loop_, connector_, pool_, background_, launcher_.get()}, log_),
      filters_{loop_, pool_, background_, message_counters_, desk_},
      shadows_(filters_, log_),
      retention_{.timers = loop_,
                 .background = background_,
                 .log = log_,
                 .counters = retention_counters_,
                 .clock = &seconds_since_1970},
      store_watch_(loop_, log_, index, retention_counters_),
      services_{loop_,    connector_, pool_,
                log_,     counters_,  guard,
                filters_, retention_, filters::inspection_maker(filters_),
                journal_},
      traces_(loop_),
      refusals_(pool_),
      reaper_(loop_.make_timer([this] { reap(); })),
      ticker_(loop_.make_timer([this] { tick(); })),
      last_accept_error_(loop_.now() - kErrorLogEvery) {
  filters_.shadows = &shadows_;
}

Worker::~Worker() {
  if (thread_.joinable()) stop();
}

void Worker::start(bool admits) {
  admits_ = admits;
  thread_ = std::thread([this] {
    prctl(PR_SET_NAME, fmt::format("worker-{}", index_).c_str());
    tick_due_ = loop_.now() + kTick;
    ticker_->start(kTick);
    loop_.run();
  });
}

void Worker::admit() {
  loop_.post([this] {
    admits_ = true;
    for (auto& [key, listener] : listeners_) open(listener);
  });
}

void Worker::apply(std::vector<Listening> listeners, const config::Limits& limits) {
  loop_.post([this, listeners = std::move(listeners), limits]() mutable {
    apply_here(std::move(listeners), limits);
  });
}

void Worker::use(FilterStores stores, filters::ScanDesk::Kinds scanners) {
  loop_.post([this, stores = std::move(stores), scanners = std::move(scanners)]() mutable {
    filters_.room = std::move(stores.room);
    filters_.memory = std::move(stores.memory);
    filters_.quarantine = std::move(stores.quarantine);
    filters_.sizes = std::move(stores.sizes);
    desk_.apply(scanners);
  });
}

void Worker::use(RetentionStores stores) {
  loop_.post([this, stores = std::move(stores)]() mutable {
    retention_.names = std::move(stores.names);
    retention_.audit = std::move(stores.audit);
    retention_.forget_after = stores.forget_after;
    retention_.hold = std::move(stores.hold);
    if (table_ == stores.table && redis_ == stores.redis) return;
    table_ = stores.table;
    redis_ = stores.redis;
    WorkerStore store = worker_store(stores, background_, {loop_, connector_, pool_});
    retention_.store = store.store;
    store_watch_.watch(std::move(store));
  });
}

void Worker::apply_here(std::vector<Listening> listeners, const config::Limits& limits) {
  limits_ = limits;
  std::erase_if(listeners_, [&](const auto& entry) {
    return std::ranges::find(listeners, entry.first, &Listening::key) == listeners.end();
  });
  for (Listening& wanted : listeners) {
    ActiveListener& active = listeners_[wanted.key];
    active.settings = std::move(wanted.settings);
    active.proxy_protocol = wanted.proxy_protocol;
    std::ranges::move(wanted.fds, std::back_inserter(active.closed));
    if (admits_) open(active);
  }
}

void Worker::open(ActiveListener& listener) {
  for (UniqueFd& fd : std::exchange(listener.closed, {})) {
    auto opened = net::Listener::start(
        loop_, pool_, std::move(fd),
        [this, &listener](std::unique_ptr<net::Transport> client) {
          accept(listener, std::move(client));
        },
        [this](const Error& error) { accept_failed(error); });
    if (!opened) {
      accept_failed(opened.error());
      continue;
    }
    if (!accepting_) (*opened)->pause();
    listener.sockets.push_back(std::move(*opened));
  }
}

void Worker::accept(const ActiveListener& listener, std::unique_ptr<net::Transport> client) {
  if (connections_.fetch_add(1, std::memory_order_relaxed) >= limits_.connections) {
    connections_.fetch_sub(1, std::memory_order_relaxed);
    return refuse(*listener.settings, std::move(client), session::EndReason::refused_full);
  }
  if (!listener.proxy_protocol) {
    net::ClientFacts facts = facts_of(*client);
    return begin(listener.settings, std::move(client), std::move(facts));
  }
  const session::Settings& settings = *listener.settings;
  Arrival::Owner& self = *this;
  auto arrival = std::make_unique<Arrival>(loop_, std::move(client), settings.trusted_networks,
                                           settings.timeouts.handshake, self);
  Arrival* key = arrival.get();
  arrivals_.emplace(key, Arriving{listener.settings, std::move(arrival)});
}

/// The client is known: may it come in?
void Worker::begin(std::shared_ptr<const session::Settings> settings,
                   std::unique_ptr<net::Transport> client, net::ClientFacts facts) {
  const PeerAddress who = facts.address;
  const guard::Guard::Verdict verdict = services_.guard.admit(who, loop_.now());
  if (verdict != guard::Guard::Verdict::welcome) {
    connections_.fetch_sub(1, std::memory_order_relaxed);
    return refuse(*settings, std::move(client),
                  verdict == guard::Guard::Verdict::network_full
                      ? session::EndReason::refused_network
                      : session::EndReason::refused_rate);
  }
  session::Session::Home& self = *this;
  std::string id = fmt::format("{}-{:x}", index_, next_session_++);
  auto recording = traces_.record(id, services_, *settings, facts);
  const session::Services& services = recording ? recording->services() : services_;
  auto session = std::make_unique<session::Session>(std::move(id), services, std::move(settings),
                                                    std::move(client), std::move(facts), self);
  session::Session* key = session.get();
  sessions_.emplace(key, Serving{std::move(recording), std::move(session), who});
  check_memory();
}

void Worker::refuse(const session::Settings& settings, std::unique_ptr<net::Transport> client,
                    session::EndReason reason) {
  counters_.sessions_ended[reason].add();
  const std::string_view text = reason == session::EndReason::refused_full
                                    ? "Too many connections, try again later"
                                : reason == session::EndReason::refused_network
                                    ? "Too many connections from your network, try again later"
                                    : "Too many new connections, try again later";
  refusals_.add(std::move(client), settings.client_tls_mode, text, loop_.now());
  accept_failed(Error{ErrorCode::limit, std::string(text)});
}

void Worker::on_arrival_finished(Arrival& arrival) {
  const auto at = arrivals_.find(&arrival);
  const Arriving arriving = std::move(at->second);
  arrivals_.erase(at);
  if (drained_) reaper_->start(Duration(0));
  if (arrival.outcome() == Arrival::Outcome::arrived) {
    return begin(arriving.settings, arrival.take_client(), arrival.facts());
  }
  connections_.fetch_sub(1, std::memory_order_relaxed);
  counters_.sessions_ended[session::EndReason::refused_proxy].add();
  // A load balancer that only looks whether we are there is no news.
  if (arrival.outcome() == Arrival::Outcome::closed) return;
  accept_failed(Error{ErrorCode::protocol,
                      fmt::format("PROXY header of {}: {}: {}", arrival.peer().to_string(),
                                  to_string(*arrival.outcome()), arrival.problem())});
}

void Worker::accept_failed(const Error& error) {
  // Under overload this happens thousands of times a second.
  const Instant now = loop_.now();
  if (now - last_accept_error_ < kErrorLogEvery) return;
  last_accept_error_ = now;
  log_.error("accept_failed", {{"worker", index_}, {"problem", error.detail}});
}

void Worker::on_session_ended(session::Session& session) {
  ended_.push_back(&session);
  reaper_->start(Duration(0));
}

void Worker::reap() {
  for (session::Session* session : std::exchange(ended_, {})) {
    const auto at = sessions_.find(session);
    services_.guard.left(at->second.admitted);
    sessions_.erase(at);
    connections_.fetch_sub(1, std::memory_order_relaxed);
  }
  if (drained_ && nobody_is_left()) std::exchange(drained_, nullptr)();
}

/// Who was turned away is still reading why.
bool Worker::nobody_is_left() const {
  return sessions_.empty() && arrivals_.empty() && refusals_.empty();
}

/// Who has not even said who they are is not told anything.
void Worker::drop_arrivals() {
  connections_.fetch_sub(static_cast<std::uint32_t>(arrivals_.size()), std::memory_order_relaxed);
  arrivals_.clear();
}

void Worker::tick() {
  const Instant now = loop_.now();
  refusals_.sweep(now);
  if (drained_) reaper_->start(Duration(0));  // they may have been the last
  counters_.turns.add();
  counters_.loop_lag.observe(now - tick_due_);
  tick_due_ = now + kTick;
  ticker_->start(kTick);
  check_memory();
}

/// Past the budget nobody new comes in until a tenth of it is free again.
void Worker::check_memory() {
  const std::uint64_t used = pool_.held_blocks() * BlockPool::kBlockSize;
  counters_.io_blocks.set(pool_.held_blocks());
  const std::uint64_t limit = limits_.memory;
  const bool accepting = accepting_ ? used <= limit : used <= limit - limit / 10;
  if (accepting == accepting_) return;
  accepting_ = accepting;
  counters_.accept_paused.set(accepting ? 0 : 1);
  for (auto& [key, active] : listeners_) {
    for (const auto& socket : active.sockets) {
      if (accepting) {
        socket->resume();
      } else {
        socket->pause();
      }
    }
  }
  log_.warning(accepting ? "accept_resumed" : "accept_paused",
               {{"worker", index_}, {"bytes", used}, {"limit", limit}});
}

void Worker::begin_trace(std::uint64_t number, trace::Order order,
                         std::shared_ptr<trace::Sink> sink) {
  loop_.post([this, number, order = std::move(order), sink = std::move(sink)]() mutable {
    auto ticket = traces_.begin(std::move(order), sink);
    if (!ticket) return sink->over("traces");
    tracing_.insert_or_assign(number, std::move(*ticket));
  });
}

void Worker::end_trace(std::uint64_t number) {
  loop_.post([this, number] { tracing_.erase(number); });
}

void Worker::drain(std::move_only_function<void()> drained) {
  loop_.post([this, drained = std::move(drained)]() mutable {
    listeners_.clear();
    drained_ = std::move(drained);
    drop_arrivals();
    for (auto& [session, owned] : sessions_) session->drain();
    reaper_->start(Duration(0));
  });
}

void Worker::find_sessions(admin::SessionQuery query, std::move_only_function<void(Found)> found) {
  loop_.post([this, query = std::move(query), found = std::move(found)]() mutable {
    std::vector<const session::Session*> wanted;
    for (const auto& [session, owned] : sessions_) {
      if (query.user.empty() || matches_pattern(query.user, session->user())) {
        wanted.push_back(session);
      }
    }
    Found result{.sessions = {}, .matching = wanted.size()};
    const std::size_t told = std::min(query.limit, wanted.size());
    const auto last = wanted.begin() + static_cast<std::ptrdiff_t>(told);
    std::ranges::partial_sort(wanted, last, {}, &session::Session::started);
    for (auto at = wanted.begin(); at != last; ++at) result.sessions.push_back((*at)->facts());
    found(std::move(result));
  });
}

void Worker::explain(std::string id, std::move_only_function<void(Explanation)> told) {
  loop_.post(
      [this, id = std::move(id), told = std::move(told)]() mutable { told(journal_.about(id)); });
}

void Worker::sessions_of(std::string user,
                         std::move_only_function<void(std::vector<SessionOfUser>)> told) {
  loop_.post([this, user = std::move(user), told = std::move(told)]() mutable {
    told(journal_.sessions_of(user));
  });
}

void Worker::end_sessions(std::function<bool(const session::Session&)> which,
                          std::move_only_function<void(std::size_t)> ended) {
  loop_.post([this, which = std::move(which), ended = std::move(ended)]() mutable {
    std::size_t count = 0;
    for (auto& [session, owned] : sessions_) {
      if (session->state() == session::SessionState::ended || !which(*session)) continue;
      session->cut(session::EndReason::kicked);
      ++count;
    }
    ended(count);
  });
}

void Worker::retire(std::move_only_function<void()> drained) {
  loop_.post([this, drained = std::move(drained)]() mutable {
    listeners_.clear();
    drained_ = std::move(drained);
    reaper_->start(Duration(0));
  });
}

void Worker::copy_sockets(std::move_only_function<void(Result<Sockets>)> given) {
  loop_.post([this, given = std::move(given)]() mutable { given(copies()); });
}

Result<Worker::Sockets> Worker::copies() const {
  Sockets copied;
  for (const auto& [key, active] : listeners_) {
    for (const auto& socket : active.sockets) {
      auto copy = socket->copy();
      if (!copy) return std::unexpected(copy.error());
      copied.emplace_back(key, std::move(*copy));
    }
  }
  return copied;
}

void Worker::stop() {
  loop_.post([this] {
    listeners_.clear();
    drop_arrivals();
    refusals_.clear();
    for (auto& [session, owned] : sessions_) session->cut(session::EndReason::drained);
    reap();
    loop_.stop();
  });
  if (thread_.joinable()) thread_.join();
}

}  // namespace gatepost::server
