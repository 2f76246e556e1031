#include "proxy/server/http_listener.h"

#include <unistd.h>

#include <utility>

namespace gatepost::server {

namespace {
constexpr Duration kSweep{500};
}

HttpListener::HttpListener(net::Loop& loop, Handler handler, Duration max_age)
    : loop_(loop),
      handler_(std::move(handler)),
      max_age_(max_age),
      sweeper_(loop.make_timer([this] { sweep(); })) {}

HttpListener::~HttpListener() {
  if (listener_ && bound_.is_unix()) ::unlink(bound_.path.c_str());
}

Result<std::unique_ptr<HttpListener>> HttpListener::start(net::Loop& loop, const Endpoint& address,
                                                          Handler handler, Options options) {
  auto sockets =
      options.inherited.empty()
          ? net::open_listen_sockets(address, 1, options.unix_mode)
          : net::adopt_listen_sockets(address, 1, options.unix_mode, std::move(options.inherited));
  if (!sockets) return std::unexpected(sockets.error());
  std::unique_ptr<HttpListener> self(new HttpListener(loop, std::move(handler), options.max_age));
  self->bound_ = sockets->bound;
  auto listener = net::Listener::start(
      loop, self->pool_, std::move(sockets->fds.front()),
      [raw = self.get()](auto client) { raw->accept(std::move(client)); }, [](const Error&) {});
  if (!listener) return std::unexpected(listener.error());
  self->listener_ = std::move(*listener);
  return self;
}

void HttpListener::stop_listening() {
  listener_.reset();
  for (const Open& open : open_) open.connection->wind_up();
}

void HttpListener::accept(std::unique_ptr<net::Transport> client) {
  if (open_.size() >= kMaxConnections) sweep();  // those that ended since the last time
  if (open_.size() >= kMaxConnections) return;
  const Client who{.address = client->peer(), .user = client->peer_user()};
  open_.push_back(
      {loop_.now(), std::make_unique<http::ServerConnection>(
                        std::move(client), pool_,
                        [this, who](const http::Request& request, http::Responder responder) {
                          handler_(request, std::move(responder), who);
                        })});
  if (open_.size() == 1) sweeper_->start(kSweep);
}

void HttpListener::sweep() {
  const Instant now = loop_.now();
  std::erase_if(open_, [now, this](const Open& open) {
    return open.connection->finished() ||
           (now - open.since > max_age_ && !open.connection->streaming());
  });
  if (!open_.empty()) sweeper_->start(kSweep);
}

}  // namespace gatepost::server
