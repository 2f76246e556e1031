#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>

namespace gatepost::bench {

inline void set_nodelay(int fd) {
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/// A socket that is being connected to a port of 127.0.0.1.
inline int connect_to(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  set_nodelay(fd);
  connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  return fd;
}

/// Octets the socket took, 0 when it is full, -1 when it failed.
inline ssize_t send_some(int fd, const char* data, std::size_t size) {
  const ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
  return sent < 0 && errno == EAGAIN ? 0 : sent;
}

/// Sends what waits already and then `size` octets at `data`; keeps in `waiting` what the socket
/// did not take. False: it failed.
inline bool send_or_keep(int fd, std::string& waiting, const char* data, std::size_t size) {
  if (!waiting.empty()) {
    waiting.append(data, size);
    return true;
  }
  const ssize_t sent = send_some(fd, data, size);
  if (sent < 0) return false;
  waiting.assign(data + sent, size - static_cast<std::size_t>(sent));
  return true;
}

inline bool send_waiting(int fd, std::string& waiting) {
  if (waiting.empty()) return true;
  const ssize_t sent = send_some(fd, waiting.data(), waiting.size());
  if (sent < 0) return false;
  waiting.erase(0, static_cast<std::size_t>(sent));
  return true;
}

}  // namespace gatepost::bench
