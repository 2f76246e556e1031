#include "proxy/net/tcp_connector.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "proxy/net/stream_shell.h"

namespace gatepost::net {

/// One connect(): look the name up, try address after address, report once.
class TcpConnector::Attempt {
 public:
  Attempt(TcpConnector& home, Endpoint target, Duration limit, Done done,
          std::shared_ptr<bool> pending)
      : home_(home),
        target_(std::move(target)),
        done_(std::move(done)),
        pending_(std::move(pending)) {
    ends_ = home_.loop_.now() + limit;
    timer_ = home_.loop_.make_timer([this] { timer_expired(); });
    timer_->start(Duration(0));  // begin in the next turn: never call back inside connect()
  }

  ~Attempt() { *pending_ = false; }
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

 private:
  void begin() {
    timer_->start(time_left());
    if (target_.is_unix()) return try_unix();
    if (auto known = home_.resolver_.known(target_.host)) {
      addresses_ = std::move(*known);
      return try_next();
    }
    auto lookup = home_.resolver_.resolve(target_.host, [this](auto answer) {
      if (!answer) return finish(std::unexpected(answer.error()));
      addresses_ = std::move(*answer);
      try_next();
    });
    if (!lookup) return finish(std::unexpected(lookup.error()));
    lookup_ = std::move(*lookup);
  }

  void timer_expired() {
    if (!begun_) {
      begun_ = true;
      return begin();
    }
    last_error_ = Error{ErrorCode::timeout, fmt::format("{}: no answer", where())};
    shell_.reset();
    if (next_ >= addresses_.size() || time_left() <= Duration(0)) {
      return finish(std::unexpected(last_error_));
    }
    try_next();
  }

  void try_next() {
    if (next_ >= addresses_.size()) return finish(std::unexpected(last_error_));
    // A silent address must leave time for the others.
    const auto others = static_cast<std::int64_t>(addresses_.size() - next_);
    timer_->start(std::max(time_left() / others, Duration(1)));
    const IpAddress& ip = addresses_[next_++];
    sockaddr_storage address{};
    if (ip.is_v4()) {
      auto* v4 = reinterpret_cast<sockaddr_in*>(&address);
      v4->sin_family = AF_INET;
      v4->sin_port = htons(target_.port);
      std::memcpy(&v4->sin_addr, ip.bytes().data(), 4);
    } else {
      auto* v6 = reinterpret_cast<sockaddr_in6*>(&address);
      v6->sin6_family = AF_INET6;
      v6->sin6_port = htons(target_.port);
      std::memcpy(&v6->sin6_addr, ip.bytes().data(), 16);
    }
    peer_ = PeerAddress{ip, target_.port, false};
    shell_ = make_tcp_shell(home_.loop_.raw());
    shell_->owner = this;
    auto* request = new uv_connect_t;
    const int status = uv_tcp_connect(request, &shell_->tcp,
                                      reinterpret_cast<const sockaddr*>(&address), connected);
    if (status != 0) {
      delete request;
      attempt_failed(status);
    }
  }

  void try_unix() {
    peer_.unix_socket = true;
    shell_ = make_pipe_shell(home_.loop_.raw());
    shell_->owner = this;
    uv_pipe_connect(new uv_connect_t, &shell_->pipe, target_.path.c_str(), connected);
  }

  static void connected(uv_connect_t* request, int status) {
    auto* self = static_cast<Attempt*>(static_cast<StreamShell*>(request->handle->data)->owner);
    delete request;
    if (self == nullptr) return;  // cancelled, or this address took too long
    if (status != 0) return self->attempt_failed(status);
    prepare_connected(*self->shell_);
    self->finish(std::make_unique<StreamTransport>(std::move(self->shell_), self->home_.pool_,
                                                   self->peer_, StreamTransport::kReceiveLimit));
  }

  void attempt_failed(int status) {
    last_error_ = Error{code_of(status), fmt::format("{}: {}", where(), uv_strerror(status))};
    shell_.reset();
    try_next();
  }

  static ErrorCode code_of(int status) {
    switch (status) {
      case UV_ECONNREFUSED:
        return ErrorCode::refused;
      case UV_ETIMEDOUT:
        return ErrorCode::timeout;
      case UV_EMFILE:
      case UV_ENFILE:
      case UV_ENOBUFS:
      case UV_ENOMEM:
        return ErrorCode::system;  // ours, whatever the server is like
      default:
        return ErrorCode::network;
    }
  }

  void finish(Result<std::unique_ptr<Transport>> result) {
    Done done = std::move(done_);
    home_.remove(this);  // destroys this
    done(std::move(result));
  }

  [[nodiscard]] Duration time_left() const { return ends_ - home_.loop_.now(); }
  [[nodiscard]] std::string where() const {
    return target_.is_unix() || addresses_.empty() ? target_.to_string() : peer_.to_string();
  }

  TcpConnector& home_;
  Endpoint target_;
  Done done_;
  std::shared_ptr<bool> pending_;  // shared with the ticket, which may outlive us
  Instant ends_;
  std::unique_ptr<Timer> timer_;
  bool begun_ = false;
  Ticket lookup_;
  std::vector<IpAddress> addresses_;
  std::size_t next_ = 0;
  PeerAddress peer_;
  StreamShellPtr shell_;
  Error last_error_{ErrorCode::network, "no address"};
};

TcpConnector::TcpConnector(Loop& loop, BlockPool& pool, Resolver& resolver)
    : loop_(loop), pool_(pool), resolver_(resolver) {}

TcpConnector::~TcpConnector() = default;

Ticket TcpConnector::connect(const Endpoint& target, Duration limit, Done done) {
  auto pending = std::make_shared<bool>(true);
  attempts_.push_back(std::make_unique<Attempt>(*this, target, limit, std::move(done), pending));
  Attempt* attempt = attempts_.back().get();
  return Ticket([this, attempt, pending] {
    if (*pending) remove(attempt);
  });
}

void TcpConnector::remove(Attempt* attempt) {
  std::erase_if(attempts_, [attempt](const auto& owned) { return owned.get() == attempt; });
}

}  // namespace gatepost::net
