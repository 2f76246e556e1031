#include "proxy/upstream/health_checker.h"

#include <algorithm>
#include <string>
#include <utility>

namespace gatepost::upstream {

/// One server's turns.
class HealthChecker::Check final : Opening::Owner, net::TransportObserver {
 public:
  explicit Check(HealthChecker& home)
      : home_(home), timer_(home.environment_.timers.make_timer([this] { on_timer(); })) {
    wait();
  }
  virtual ~Check() = default;
  Check(const Check&) = delete;
  Check& operator=(const Check&) = delete;

  /// Asks this server from its next turn on.
  void set_server(std::shared_ptr<const Pool> pool, const Server& server) {
    const bool another_interval = pool_ && interval() != pool->health_check().interval;
    pool_ = std::move(pool);
    server_ = &server;
    if (state_ == State::idle && another_interval) timer_->start(pause());
  }

  [[nodiscard]] const ServerState* server_state() const { return server_->state.get(); }
  [[nodiscard]] bool waiting() const { return state_ == State::waiting; }
  [[nodiscard]] bool running() const { return state_ != State::idle && !waiting(); }
  [[nodiscard]] std::uint64_t turn() const { return turn_; }

  void start() {
    state_ = State::opening;
    asked_pool_ = pool_;
    Opening::Owner& self = *this;
    opening_ =
        std::make_unique<Opening>(home_.environment_, home_.timeouts_, *server_, nullptr, self);
  }

 private:
  enum class State : std::uint8_t {
    idle,     // the timer says when it is due
    waiting,  // due, but others are running
    opening,
    farewell,  // QUIT was sent
    leaving,   // what is closed goes in the next turn of the loop
  };

  [[nodiscard]] Duration interval() const { return pool_->health_check().interval; }
  [[nodiscard]] Duration pause() const {
    return interval() > Duration(0) ? interval() : kLookAgain;
  }

  void wait() {
    state_ = State::waiting;
    turn_ = home_.turns_++;
  }

  void on_opening_finished() override {
    Result<Opened> result = opening_->take();
    if (result) {
      problem_.clear();
      say_quit(std::move(*result));
    } else {
      problem_ = std::move(result.error().detail);
      leave();
    }
    tell();
  }

  void say_quit(Opened opened) {
    transport_ = std::move(opened.transport);
    codec_ = std::move(opened.codec);
    state_ = State::farewell;
    timer_->start(kFarewell);
    transport_->set_observer(this);
    codec_.expect({});
    transport_->send(ByteChain(home_.environment_.pool, "QUIT\r\n"));
    on_activity();
  }

  void on_activity() override {
    do {
      const bool said = codec_.next(transport_->received()) != pop3::ClientCodec::Event::need_data;
      if (said || transport_->end()) return leave();
    } while (transport_->settle());
  }

  /// From here on nothing of the connection matters, but it cannot be destroyed in its own
  /// callback.
  void leave() {
    if (transport_) {
      transport_->set_observer(nullptr);
      transport_->close(net::CloseMode::flush);
    }
    state_ = State::leaving;
    timer_->start(Duration(0));
  }

  void on_timer() {
    switch (state_) {
      case State::idle:
        return on_due();
      case State::farewell:
        return leave();
      case State::leaving:
        return on_left();
      case State::waiting:
      case State::opening:
        return;
    }
  }

  void on_due() {
    tell();
    if (interval() == Duration(0) && server_->state->health() == ServerState::Health::up) {
      return timer_->start(pause());
    }
    wait();
    home_.start_waiting();
  }

  void on_left() {
    opening_.reset();
    transport_.reset();
    codec_ = {};
    asked_pool_.reset();
    state_ = State::idle;
    timer_->start(first_ ? first_pause() : pause());
    first_ = false;
    home_.start_waiting();
  }

  /// Spreads the servers, which were all asked at once, over the interval.
  [[nodiscard]] Duration first_pause() const {
    const auto& all = home_.checks_;
    const auto self =
        std::ranges::find_if(all, [this](const auto& check) { return check.get() == this; });
    return pause() * (self - all.begin() + 1) / static_cast<Duration::rep>(all.size());
  }

  void tell() {
    const ServerState::Health now = server_->state->health();
    if (std::exchange(told_, now) == now) return;
    std::string_view problem;
    if (now != ServerState::Health::up) {
      problem = problem_.empty() ? std::string_view("logins could not reach it") : problem_;
    }
    home_.changed_(*pool_, *server_, problem);
  }

  HealthChecker& home_;
  std::shared_ptr<const Pool> pool_;
  const Server* server_ = nullptr;
  std::shared_ptr<const Pool> asked_pool_;  // keeps the server of the opening, over a reload too
  State state_ = State::waiting;
  bool first_ = true;
  std::uint64_t turn_ = 0;
  ServerState::Health told_ = ServerState::Health::unknown;
  std::string problem_;  // of the last check, "" when it went well
  std::unique_ptr<Opening> opening_;
  std::unique_ptr<net::Transport> transport_;
  pop3::ClientCodec codec_;
  std::unique_ptr<Timer> timer_;
};

HealthChecker::HealthChecker(const Environment& environment, Changed changed)
    : environment_(environment), changed_(std::move(changed)) {}

HealthChecker::~HealthChecker() = default;

void HealthChecker::watch(const std::vector<std::shared_ptr<const Pool>>& pools,
                          const config::Timeouts& timeouts) {
  timeouts_ = timeouts;
  std::vector<std::unique_ptr<Check>> before = std::exchange(checks_, {});
  const auto find = [](std::vector<std::unique_ptr<Check>>& from, const ServerState* state) {
    return std::ranges::find_if(
        from, [state](const auto& check) { return check && check->server_state() == state; });
  };
  for (const std::shared_ptr<const Pool>& pool : pools) {
    for (const Server& server : pool->servers()) {
      const ServerState* state = server.state.get();
      if (find(checks_, state) != checks_.end()) continue;
      const auto known = find(before, state);
      checks_.push_back(known != before.end() ? std::move(*known) : std::make_unique<Check>(*this));
      checks_.back()->set_server(pool, server);
    }
  }
  before.clear();
  start_waiting();
}

void HealthChecker::start_waiting() {
  auto running = static_cast<std::size_t>(
      std::ranges::count_if(checks_, [](const auto& check) { return check->running(); }));
  for (; running < kMaxAtOnce; ++running) {
    Check* next = nullptr;
    for (const auto& check : checks_) {
      if (check->waiting() && (next == nullptr || check->turn() < next->turn())) next = check.get();
    }
    if (next == nullptr) return;
    next->start();
  }
}

}  // namespace gatepost::upstream
