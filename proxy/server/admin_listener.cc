#include "proxy/server/admin_listener.h"

#include <utility>

namespace gatepost::server {

namespace {
constexpr Duration kSweep{500};
}

AdminListener::AdminListener(net::Loop& loop, const admin::AdminService& service, Duration max_age)
    : loop_(loop),
      service_(service),
      max_age_(max_age),
      sweeper_(loop.make_timer([this] { sweep(); })) {}

AdminListener::~AdminListener() = default;

Result<std::unique_ptr<AdminListener>> AdminListener::start(net::Loop& loop,
                                                            const Endpoint& address,
                                                            const admin::AdminService& service,
                                                            Duration max_age,
                                                            std::vector<UniqueFd> inherited) {
  auto sockets = inherited.empty()
                     ? net::open_listen_sockets(address, 1, 0600)
                     : net::adopt_listen_sockets(address, 1, 0600, std::move(inherited));
  if (!sockets) return std::unexpected(sockets.error());
  std::unique_ptr<AdminListener> self(new AdminListener(loop, service, max_age));
  self->bound_ = sockets->bound;
  auto listener = net::Listener::start(
      loop, self->pool_, std::move(sockets->fds.front()),
      [raw = self.get()](auto client) { raw->accept(std::move(client)); }, [](const Error&) {});
  if (!listener) return std::unexpected(listener.error());
  self->listener_ = std::move(*listener);
  return self;
}

void AdminListener::accept(std::unique_ptr<net::Transport> client) {
  if (open_.size() >= kMaxConnections) sweep();  // those that ended since the last time
  if (open_.size() >= kMaxConnections) return;
  open_.push_back(
      {loop_.now(), std::make_unique<http::ServerConnection>(
                        std::move(client), pool_,
                        [this](const http::Request& request, http::Responder responder) {
                          responder.answer(service_.handle(request));
                        })});
  if (open_.size() == 1) sweeper_->start(kSweep);
}

void AdminListener::sweep() {
  const Instant now = loop_.now();
  std::erase_if(open_, [now, this](const Open& open) {
    return open.connection->finished() || now - open.since > max_age_;
  });
  if (!open_.empty()) sweeper_->start(kSweep);
}

}  // namespace gatepost::server
