#include "proxy/net/listener.h"

#include <sys/socket.h>

#include <utility>

#include "proxy/net/stream_shell.h"

namespace gatepost::net {

struct ListenerCallbacks {
  static void connection(uv_stream_t* stream, int status) {
    auto* self = static_cast<Listener*>(static_cast<StreamShell*>(stream->data)->owner);
    if (self == nullptr) return;
    if (status != 0) {
      self->failed_(Error{ErrorCode::system, uv_strerror(status)});
    } else if (self->paused_) {
      self->waiting_ = true;  // not accepting makes libuv stop listening until we do
    } else {
      self->accept_one();
    }
  }
};

void Listener::ShellDeleter::operator()(void* shell) const {
  StreamShellDeleter()(static_cast<StreamShell*>(shell));
}

Listener::Listener(Loop& loop, BlockPool& pool, Accepted accepted,
                   std::move_only_function<void(const Error&)> failed)
    : loop_(loop), pool_(pool), accepted_(std::move(accepted)), failed_(std::move(failed)) {}

Listener::~Listener() = default;

Result<std::unique_ptr<Listener>> Listener::start(
    Loop& loop, BlockPool& pool, UniqueFd fd, Accepted accepted,
    std::move_only_function<void(const Error&)> failed) {
  std::unique_ptr<Listener> self(new Listener(loop, pool, std::move(accepted), std::move(failed)));
  int domain = 0;
  socklen_t length = sizeof domain;
  getsockopt(fd.get(), SOL_SOCKET, SO_DOMAIN, &domain, &length);
  StreamShellPtr shell =
      domain == AF_UNIX ? make_pipe_shell(loop.raw()) : make_tcp_shell(loop.raw());
  shell->owner = self.get();
  const int opened =
      domain == AF_UNIX ? uv_pipe_open(&shell->pipe, fd.get()) : uv_tcp_open(&shell->tcp, fd.get());
  if (opened != 0) return fail(ErrorCode::system, uv_strerror(opened));
  static_cast<void>(fd.release());
  const int listening = uv_listen(&shell->stream, kBacklog, ListenerCallbacks::connection);
  // What is set here is set on each connection that is accepted: five system calls less for each.
  prepare_connected(*shell);
  if (listening != 0) return fail(ErrorCode::system, uv_strerror(listening));
  self->shell_.reset(shell.release());
  return self;
}

void Listener::resume() {
  paused_ = false;
  if (std::exchange(waiting_, false)) accept_one();
}

void Listener::accept_one() {
  auto* listening = static_cast<StreamShell*>(shell_.get());
  const bool pipe = listening->handle.type == UV_NAMED_PIPE;
  StreamShellPtr shell = pipe ? make_pipe_shell(loop_.raw()) : make_tcp_shell(loop_.raw());
  const int status = uv_accept(&listening->stream, &shell->stream);
  if (status != 0) return failed_(Error{ErrorCode::system, uv_strerror(status)});
  PeerAddress peer;
  peer.unix_socket = pipe;
  if (!pipe) {
    sockaddr_storage address{};
    int length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (uv_tcp_getpeername(&shell->tcp, generic, &length) != 0) return;  // left already
    peer = PeerAddress::from(generic);
  }
  accepted_(std::make_unique<StreamTransport>(std::move(shell), pool_, peer,
                                              StreamTransport::kClientReceiveLimit));
}

}  // namespace gatepost::net
