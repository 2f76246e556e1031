#include "proxy/server/worker.h"

#include <sys/prctl.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "proxy/pop3/reply.h"

namespace gatepost::server {

namespace {
constexpr Duration kTick{500};
constexpr Duration kErrorLogEvery{5'000};
}  // namespace

Worker::Worker(unsigned index, Log& log, std::atomic<std::uint32_t>& connections,
               std::chrono::seconds resolve_every)
    : index_(index),
      log_(log),
      connections_(connections),
      resolver_(loop_, resolve_every),
      connector_(loop_, pool_, resolver_),
      services_{loop_, connector_, pool_, log_, counters_},
      reaper_(loop_.make_timer([this] { reap(); })),
      ticker_(loop_.make_timer([this] { tick(); })),
      last_accept_error_(loop_.now() - kErrorLogEvery) {}

Worker::~Worker() {
  if (thread_.joinable()) stop();
}

void Worker::start() {
  thread_ = std::thread([this] {
    prctl(PR_SET_NAME, fmt::format("worker-{}", index_).c_str());
    tick_due_ = loop_.now() + kTick;
    ticker_->start(kTick);
    loop_.run();
  });
}

void Worker::apply(std::vector<Listening> listeners, config::Limits limits) {
  loop_.post([this, listeners = std::move(listeners), limits]() mutable {
    apply_here(std::move(listeners), limits);
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
    if (wanted.fd.get() < 0) continue;
    auto listener = net::Listener::start(
        loop_, pool_, std::move(wanted.fd),
        [this, &active](std::unique_ptr<net::Transport> client) {
          accept(active, std::move(client));
        },
        [this](const Error& error) { accept_failed(error); });
    if (!listener) {
      accept_failed(listener.error());
      continue;
    }
    active.listener = std::move(*listener);
    if (!accepting_) active.listener->pause();
  }
}

void Worker::accept(const ActiveListener& listener, std::unique_ptr<net::Transport> client) {
  if (connections_.fetch_add(1, std::memory_order_relaxed) >= limits_.connections) {
    connections_.fetch_sub(1, std::memory_order_relaxed);
    return refuse(listener, *client);
  }
  auto* session = new session::Session(fmt::format("{}-{:x}", index_, next_session_++), services_,
                                       listener.settings, std::move(client), *this);
  sessions_.emplace(session, session);
  check_memory();
}

/// Says why, where that can be said without a handshake.
void Worker::refuse(const ActiveListener& listener, net::Transport& client) {
  counters_.sessions_ended[session::EndReason::refused_full].add();
  if (listener.settings->client_tls_mode != config::ListenerTls::implicit) {
    client.send(ByteChain(
        pool_, pop3::err(pop3::ResponseCode::sys_temp, "Too many connections, try again later")));
    client.close(net::CloseMode::flush);
  }
  accept_failed(Error{ErrorCode::limit, "too many connections"});
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
    sessions_.erase(session);
    connections_.fetch_sub(1, std::memory_order_relaxed);
  }
  if (sessions_.empty() && drained_) std::exchange(drained_, nullptr)();
}

void Worker::tick() {
  const Instant now = loop_.now();
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
    if (!active.listener) continue;
    if (accepting) {
      active.listener->resume();
    } else {
      active.listener->pause();
    }
  }
  log_.warning(accepting ? "accept_resumed" : "accept_paused",
               {{"worker", index_}, {"bytes", used}, {"limit", limit}});
}

void Worker::drain(std::move_only_function<void()> drained) {
  loop_.post([this, drained = std::move(drained)]() mutable {
    listeners_.clear();
    drained_ = std::move(drained);
    for (auto& [session, owned] : sessions_) session->drain();
    reaper_->start(Duration(0));
  });
}

void Worker::stop() {
  loop_.post([this] {
    listeners_.clear();
    for (auto& [session, owned] : sessions_) session->cut(session::EndReason::drained);
    reap();
    loop_.stop();
  });
  if (thread_.joinable()) thread_.join();
}

}  // namespace gatepost::server
