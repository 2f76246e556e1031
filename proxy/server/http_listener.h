#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/base/error.h"
#include "proxy/http/responder.h"
#include "proxy/http/server_connection.h"
#include "proxy/net/listener.h"
#include "proxy/net/loop.h"

namespace gatepost::server {

/// Serves HTTP for administrators, in the main thread's loop: the admin listener, and the control
/// socket.
class HttpListener {
 public:
  /// Connections at one time; further ones are closed unanswered.
  static constexpr std::size_t kMaxConnections = 64;
  /// A connection is dropped after so long, whatever it does: scrapers reconnect. Not while a body
  /// is sent piece by piece: who sends it sets an end.
  static constexpr Duration kMaxAge{60'000};

  /// Who asks.
  struct Client {
    PeerAddress address;
    std::optional<std::uint32_t> user;  ///< at a Unix socket
  };
  using Handler = std::function<void(const http::Request&, http::Responder, const Client&)>;

  struct Options {
    std::uint32_t unix_mode = 0600;
    Duration max_age = kMaxAge;            ///< for tests, which cannot wait a minute
    std::vector<UniqueFd> inherited = {};  ///< it listens on the first of these if there is one
  };
  [[nodiscard]] static Result<std::unique_ptr<HttpListener>> start(net::Loop& loop,
                                                                   const Endpoint& address,
                                                                   Handler handler,
                                                                   Options options);
  /// Removes the path of a Unix socket that it still listens at.
  ~HttpListener();

  /// With the real port.
  [[nodiscard]] const Endpoint& bound() const { return bound_; }
  /// A further descriptor of its socket.
  [[nodiscard]] Result<UniqueFd> copy_socket() const { return listener_->copy(); }
  /// Connections wait until resume().
  void pause() { listener_->pause(); }
  void resume() { listener_->resume(); }
  /// Another process answers from now on: who is connected gets one more answer at most, and what
  /// is streamed to its end. Once; copy_socket() is not allowed afterwards.
  void stop_listening();

 private:
  struct Open {
    Instant since;
    std::unique_ptr<http::ServerConnection> connection;
  };
  HttpListener(net::Loop& loop, Handler handler, Duration max_age);
  void accept(std::unique_ptr<net::Transport> client);
  void sweep();

  net::Loop& loop_;
  const Handler handler_;
  const Duration max_age_;
  BlockPool pool_{4};
  Endpoint bound_;
  std::vector<Open> open_;
  std::unique_ptr<Timer> sweeper_;
  std::unique_ptr<net::Listener> listener_;
};

}  // namespace gatepost::server
