#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/base/error.h"
#include "proxy/base/timer.h"
#include "proxy/net/connector.h"
#include "proxy/net/transport.h"
#include "proxy/store/redis_reply.h"

namespace gatepost::store {

/// What the clients of one worker use; all of it outlives them.
struct RedisTools {
  TimerService& timers;
  net::Connector& connector;
  BlockPool& pool;
};

/// A connection over which commands go out and replies come in, in the same order.
class RedisLine final : private net::TransportObserver {
 public:
  class Owner {
   public:
    /// There may be something new: look at next(). Called from the loop, never from inside a call
    /// of the line, which it may destroy.
    virtual void on_line() = 0;

   protected:
    ~Owner() = default;
  };

  RedisLine(std::unique_ptr<net::Transport> transport, const RedisTools& tools, Owner& owner);
  ~RedisLine();
  RedisLine(const RedisLine&) = delete;
  RedisLine& operator=(const RedisLine&) = delete;

  void set_owner(Owner& owner) { owner_ = &owner; }
  /// False while a TLS handshake is under way.
  [[nodiscard]] bool established() const { return transport_->established(); }
  /// Goes out in the next turn of the loop, with all that is sent until then.
  void send(std::string_view command);
  /// The same for what holds a password.
  void send_secret(std::string_view command);
  /// The next reply; nothing: not here yet. An error: the line is of no use any more.
  [[nodiscard]] Result<std::optional<RedisReply>> next();

 private:
  // Not at once: in here nobody could destroy the line.
  void on_activity() override { waker_->start(Duration(0)); }
  void wake();

  const RedisTools tools_;
  Owner* owner_;
  std::unique_ptr<Timer> waker_;
  std::unique_ptr<net::Transport> transport_;
  RedisReader reader_;
};

}  // namespace gatepost::store
