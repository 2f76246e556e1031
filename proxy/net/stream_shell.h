#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <uv.h>

#include "proxy/net/stream_transport.h"

// Private to net/: the memory of a libuv stream handle, freed by its close callback, whatever has
// become of the object that it served.
namespace gatepost::net {

struct StreamShell {
  union {
    uv_handle_t handle{};
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  };
  void* owner = nullptr;  // cleared when the owner goes; callbacks look here first
};

/// A shell that is initialised but not connected. Aborts only when the process is out of memory.
inline StreamShellPtr make_tcp_shell(uv_loop_t* loop) {
  StreamShellPtr shell(new StreamShell);
  uv_tcp_init(loop, &shell->tcp);
  shell->handle.data = shell.get();
  return shell;
}

inline StreamShellPtr make_pipe_shell(uv_loop_t* loop) {
  StreamShellPtr shell(new StreamShell);
  uv_pipe_init(loop, &shell->pipe, 0);
  shell->handle.data = shell.get();
  return shell;
}

/// Whether a peer is still there is asked after this time of silence, and a little longer depending
/// on the descriptor: thousands of connections made in the same second and asking in the same
/// moment would be more than the queues on the way hold.
inline constexpr int kAskAfterSeconds = 60;
inline constexpr int kAskSpreadSeconds = 30;
/// It is gone when it has not answered so often, so far apart. libuv's own (ten times in ten
/// seconds) took a short burst of loss for the end of hundreds of idle sessions.
inline constexpr int kAskTimes = 6;
inline constexpr int kAskEverySeconds = 10;

/// For a TCP socket that stands, or for a listener: what is accepted there inherits it. Without
/// TCP_NODELAY small answers wait 40 ms for the peer's delayed acknowledgement.
inline void set_tcp_options(int fd) {
  const auto set = [fd](int level, int option, int value) {
    ::setsockopt(fd, level, option, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(IPPROTO_TCP, TCP_KEEPINTVL, kAskEverySeconds);
  set(IPPROTO_TCP, TCP_KEEPCNT, kAskTimes);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
}

/// For a TCP socket that stands and has those options.
inline void spread_keepalive(int fd) {
  const int seconds = kAskAfterSeconds + fd % kAskSpreadSeconds;
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
}

/// For a connection that we made.
inline void prepare_connected(StreamShell& shell) {
  uv_os_fd_t fd = -1;
  if (shell.handle.type != UV_TCP || uv_fileno(&shell.handle, &fd) != 0) return;
  set_tcp_options(fd);
  spread_keepalive(fd);
}

}  // namespace gatepost::net
