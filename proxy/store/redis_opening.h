#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "config/config.h"
#include "proxy/base/secret.h"
#include "proxy/base/ticket.h"
#include "proxy/store/redis_line.h"

namespace gatepost::store {

/// Where the server is, and how it lets us in. Immutable, shared by all workers.
struct RedisAccess {
  config::Redis config;
  Secret password;                           ///< empty: no AUTH
  Secret sentinel_password;                  ///< the same for Sentinels
  std::shared_ptr<const net::TlsLayer> tls;  ///< null: without TLS; otherwise Sentinels have it too
};

/// Makes a connection that is ready for commands: asks the Sentinels where the master is, one after
/// the other, connects, has TLS, AUTH and SELECT done, and looks whether it is a master. All of it
/// within connect_timeout, of which each Sentinel has its share.
class RedisOpening final : private RedisLine::Owner {
 public:
  struct Opened {
    std::unique_ptr<RedisLine> line;  ///< needs another owner
    std::string warning;       ///< why what it was told may be forgotten; empty: nothing known
    std::size_t sentinel = 0;  ///< that knew the master
  };
  using Done = std::move_only_function<void(Result<Opened>)>;

  /// Begins. `first_sentinel`: to be asked first. `done` is called from the loop, never from inside
  /// this call, and may destroy the opening. Errors are those of RecordStore.
  RedisOpening(const RedisTools& tools, std::shared_ptr<const RedisAccess> access,
               std::size_t first_sentinel, Done done);

 private:
  enum class Peer : std::uint8_t { sentinel, server };
  enum class Question : std::uint8_t { auth, select, master, role, append_config, info, ping };

  void on_line() override;
  void ask_sentinel();
  void go_to(Peer peer, const Endpoint& target);
  void on_connected(Result<std::unique_ptr<net::Transport>> made);
  void greet();
  void ask(Question question, const std::vector<std::string_view>& words);
  [[nodiscard]] Result<void> hear(Question question, const RedisReply& reply);
  [[nodiscard]] Result<void> hear_role(const RedisReply& reply);
  void peer_done();
  void peer_failed(Error error);
  void finish(Result<Opened> outcome);
  void on_alarm();

  const RedisTools tools_;
  const std::shared_ptr<const RedisAccess> access_;
  Done done_;
  std::unique_ptr<Timer> alarm_;
  const Instant deadline_;
  std::size_t sentinel_;            // that is asked now
  std::size_t sentinels_left_ = 0;  // to be asked after it
  Peer peer_ = Peer::server;
  Endpoint target_;
  Endpoint master_;
  Ticket connecting_;
  std::unique_ptr<RedisLine> line_;
  bool greeted_ = false;
  std::deque<Question> questions_;  // without an answer yet
  std::string append_warning_;
  std::optional<Result<Opened>> outcome_;
};

}  // namespace gatepost::store
