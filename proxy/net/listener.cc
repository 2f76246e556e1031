#include "proxy/net/listener.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "proxy/net/stream_shell.h"

namespace gatepost::net {

// A poll handle, not libuv's own listening: that one, out of descriptors, either drops everybody
// who waits or, once another thread has taken the descriptor it keeps for this, tries again without
// end.
struct Listener::Shell {
  uv_poll_t poll{};
  Listener* owner = nullptr;  // cleared when the owner goes

  static void ready(uv_poll_t* poll, int status, int /*events*/) {
    Listener* owner = static_cast<Shell*>(poll->data)->owner;
    if (owner == nullptr) return;
    if (status != 0) return owner->give_up_for_now(-status);
    owner->accept_waiting();
  }
};

void Listener::ShellDeleter::operator()(Shell* shell) const {
  shell->owner = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&shell->poll),
           [](uv_handle_t* handle) { delete static_cast<Shell*>(handle->data); });
}

Listener::Listener(Loop& loop, BlockPool& pool, UniqueFd fd, Accepted accepted,
                   std::move_only_function<void(const Error&)> failed)
    : loop_(loop),
      pool_(pool),
      accepted_(std::move(accepted)),
      failed_(std::move(failed)),
      fd_(std::move(fd)) {}

Listener::~Listener() = default;

Result<std::unique_ptr<Listener>> Listener::start(
    Loop& loop, BlockPool& pool, UniqueFd fd, Accepted accepted,
    std::move_only_function<void(const Error&)> failed) {
  int domain = 0;
  socklen_t length = sizeof domain;
  getsockopt(fd.get(), SOL_SOCKET, SO_DOMAIN, &domain, &length);
  std::unique_ptr<Listener> self(
      new Listener(loop, pool, std::move(fd), std::move(accepted), std::move(failed)));
  self->unix_socket_ = domain == AF_UNIX;
  auto shell = std::make_unique<Shell>();
  const int made = uv_poll_init(loop.raw(), &shell->poll, self->fd_.get());
  if (made != 0) return fail(ErrorCode::system, uv_strerror(made));
  shell->poll.data = shell.get();
  shell->owner = self.get();
  // Most listen already; those added to inherited ones only from now on.
  if (::listen(self->fd_.get(), kBacklog) != 0) return system_failure("listen", errno);
  // Here, so that it is not set on each connection that is accepted.
  if (!self->unix_socket_) set_tcp_options(self->fd_.get());
  self->shell_.reset(shell.release());
  self->retry_ = loop.make_timer([raw = self.get()] { raw->watch(State::listening); });
  self->watch(State::listening);
  return self;
}

void Listener::pause() { watch(State::paused); }

void Listener::resume() {
  if (state_ == State::paused) watch(State::listening);
}

Result<UniqueFd> Listener::copy() const {
  UniqueFd copied(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  if (copied.get() < 0) return system_failure("dup", errno);
  return copied;
}

void Listener::watch(State state) {
  state_ = state;
  retry_->stop();
  if (state == State::listening) {
    uv_poll_start(&shell_->poll, UV_READABLE, Shell::ready);
  } else {
    uv_poll_stop(&shell_->poll);
  }
  if (state == State::retrying) retry_->start(kRetry);
}

void Listener::give_up_for_now(int error) {
  watch(State::retrying);
  failed_(Error{ErrorCode::system, std::generic_category().message(error)});
}

void Listener::accept_waiting() {
  const Shell* shell = shell_.get();  // outlives us, should the callback be our end
  for (int i = 0; i < kMaxAtOnce; ++i) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    UniqueFd connection(::accept4(fd_.get(), generic, &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (connection.get() < 0) {
      if (errno == EAGAIN) return;
      if (errno == EINTR || errno == ECONNABORTED) continue;
      return give_up_for_now(errno);
    }
    PeerAddress peer;
    if (unix_socket_) {
      peer.unix_socket = true;
    } else {
      peer = PeerAddress::from(generic);
    }
    take(std::move(connection), peer);
    if (shell->owner == nullptr || state_ != State::listening) return;
  }
}

void Listener::take(UniqueFd connection, const PeerAddress& peer) {
  StreamShellPtr shell = unix_socket_ ? make_pipe_shell(loop_.raw()) : make_tcp_shell(loop_.raw());
  if (!unix_socket_) spread_keepalive(connection.get());
  const int opened = unix_socket_ ? uv_pipe_open(&shell->pipe, connection.get())
                                  : uv_tcp_open(&shell->tcp, connection.get());
  if (opened != 0) return failed_(Error{ErrorCode::system, uv_strerror(opened)});
  static_cast<void>(connection.release());
  accepted_(std::make_unique<StreamTransport>(std::move(shell), pool_, peer,
                                              StreamTransport::kClientReceiveLimit));
}

}  // namespace gatepost::net
