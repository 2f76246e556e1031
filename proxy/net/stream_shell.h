#pragma once

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

/// Without it small answers wait 40 ms for the peer's delayed acknowledgement.
inline void prepare_connected(StreamShell& shell) {
  if (shell.handle.type != UV_TCP) return;
  uv_tcp_nodelay(&shell.tcp, 1);
  uv_tcp_keepalive(&shell.tcp, 1, 60);
}

}  // namespace gatepost::net
