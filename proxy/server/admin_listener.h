#pragma once

#include <memory>
#include <vector>

#include "proxy/admin/admin_service.h"
#include "proxy/base/bytes.h"
#include "proxy/base/error.h"
#include "proxy/http/server_connection.h"
#include "proxy/net/listener.h"
#include "proxy/net/loop.h"

namespace gatepost::server {

/// Serves the admin pages over HTTP, in the main thread's loop.
class AdminListener {
 public:
  /// Connections at one time; further ones are closed unanswered.
  static constexpr std::size_t kMaxConnections = 64;
  /// A connection is dropped after so long, whatever it does: scrapers reconnect.
  static constexpr Duration kMaxAge{60'000};

  /// Listens on the first of `inherited` if there is one. `max_age` is for tests, which cannot wait
  /// a minute.
  [[nodiscard]] static Result<std::unique_ptr<AdminListener>> start(
      net::Loop& loop, const Endpoint& address, const admin::AdminService& service,
      Duration max_age = kMaxAge, std::vector<UniqueFd> inherited = {});
  ~AdminListener();

  /// With the real port.
  [[nodiscard]] const Endpoint& bound() const { return bound_; }
  /// A further descriptor of its socket.
  [[nodiscard]] Result<UniqueFd> copy_socket() const { return listener_->copy(); }
  /// Who is connected is served as before. Once; copy_socket() is not allowed afterwards.
  void stop_listening() { listener_.reset(); }

 private:
  struct Open {
    Instant since;
    std::unique_ptr<http::ServerConnection> connection;
  };
  AdminListener(net::Loop& loop, const admin::AdminService& service, Duration max_age);
  void accept(std::unique_ptr<net::Transport> client);
  void sweep();

  net::Loop& loop_;
  const admin::AdminService& service_;
  Duration max_age_;
  BlockPool pool_{4};
  Endpoint bound_;
  std::vector<Open> open_;
  std::unique_ptr<Timer> sweeper_;
  std::unique_ptr<net::Listener> listener_;
};

}  // namespace gatepost::server
