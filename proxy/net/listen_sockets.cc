#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include <fmt/format.h>

#include "proxy/net/listener.h"

namespace gatepost::net {

namespace {

std::unexpected<Error> failed(const Endpoint& endpoint, std::string_view what) {
  const int code = errno;
  return system_failure(fmt::format("{}: {}", endpoint.to_string(), what), code);
}

struct Bindable {
  sockaddr_storage address{};
  socklen_t length = 0;
};

bool ipv6_works() {
  const UniqueFd fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return false;
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  return ::bind(fd.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) == 0;
}

Result<Bindable> resolve(const Endpoint& endpoint) {
  Bindable result;
  if (endpoint.host.empty()) {
    // One IPv6 socket takes IPv4 too, where the machine has IPv6 at all.
    if (ipv6_works()) {
      auto* any = reinterpret_cast<sockaddr_in6*>(&result.address);
      any->sin6_family = AF_INET6;
      any->sin6_port = htons(endpoint.port);
      result.length = sizeof *any;
    } else {
      auto* any = reinterpret_cast<sockaddr_in*>(&result.address);
      any->sin_family = AF_INET;
      any->sin_port = htons(endpoint.port);
      result.length = sizeof *any;
    }
    return result;
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int status =
      ::getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found);
  if (status != 0) {
    return fail(ErrorCode::system,
                fmt::format("{}: {}", endpoint.to_string(), ::gai_strerror(status)));
  }
  std::memcpy(&result.address, found->ai_addr, found->ai_addrlen);
  result.length = found->ai_addrlen;
  ::freeaddrinfo(found);
  return result;
}

std::uint16_t port_of(const sockaddr_storage& address) {
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

Result<UniqueFd> bind_tcp(const Endpoint& endpoint, const Bindable& target, bool share) {
  UniqueFd fd(::socket(target.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) return failed(endpoint, "socket");
  const int on = 1;
  const int off = 0;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (share) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (target.address.ss_family == AF_INET6) {
    const int& v6only = endpoint.host.empty() ? off : on;
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only);
  }
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&target.address), target.length) != 0) {
    constexpr std::uint16_t kFirstForAll = 1024;
    if (errno == EACCES && endpoint.port < kFirstForAll) {
      return failed(endpoint,
                    "cannot listen (ports below 1024 are for root, who may have given way to "
                    "another user since the start, or for CAP_NET_BIND_SERVICE)");
    }
    return failed(endpoint, "cannot listen");
  }
  return fd;
}

/// Until there are `count`: further descriptors of what is there, in turn.
Result<void> share(ListenSockets& sockets, std::size_t count) {
  for (std::size_t i = 0; sockets.fds.size() < count; ++i) {
    UniqueFd copy(::fcntl(sockets.fds[i].get(), F_DUPFD_CLOEXEC, 0));
    if (copy.get() < 0) return failed(sockets.bound, "dup");
    sockets.fds.push_back(std::move(copy));
  }
  return {};
}

Result<ListenSockets> open_tcp(const Endpoint& endpoint, std::size_t count, bool port_is_ours) {
  auto target = resolve(endpoint);
  if (!target) return std::unexpected(target.error());
  if (endpoint.port != 0 && !port_is_ours) {
    // With SO_REUSEPORT alone a second gateway would silently get half of the connections.
    auto probe = bind_tcp(endpoint, *target, false);
    if (!probe) return std::unexpected(probe.error());
  }
  ListenSockets sockets{{}, endpoint};
  while (sockets.fds.size() < count) {
    auto fd = bind_tcp(endpoint, *target, true);
    if (!fd) return std::unexpected(fd.error());
    if (sockets.fds.empty()) {
      target->length = sizeof target->address;
      if (::getsockname(fd->get(), reinterpret_cast<sockaddr*>(&target->address),
                        &target->length) != 0) {
        return failed(endpoint, "getsockname");
      }
      sockets.bound.port = port_of(target->address);
    }
    if (::listen(fd->get(), kBacklog) != 0) return failed(endpoint, "cannot listen");
    sockets.fds.push_back(std::move(*fd));
  }
  return sockets;
}

Result<ListenSockets> open_unix(const Endpoint& endpoint, std::size_t count, unsigned mode) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (endpoint.path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return failed(endpoint, "cannot listen");
  }
  std::memcpy(address.sun_path, endpoint.path.data(), endpoint.path.size());
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  {
    const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (probe.get() < 0) return failed(endpoint, "socket");
    struct stat info{};
    if (::lstat(endpoint.path.c_str(), &info) == 0) {
      if (!S_ISSOCK(info.st_mode)) {
        errno = EEXIST;
        return failed(endpoint, "is not a socket");
      }
      if (::connect(probe.get(), generic, sizeof address) == 0 || errno != ECONNREFUSED) {
        errno = EADDRINUSE;
        return failed(endpoint, "cannot listen");
      }
      ::unlink(endpoint.path.c_str());  // left over by a process that is gone
    }
  }
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) return failed(endpoint, "socket");
  if (::bind(fd.get(), generic, sizeof address) != 0) return failed(endpoint, "cannot listen");
  // Nobody can connect before listen(), so nobody gets in before the permissions are right.
  if (::chmod(endpoint.path.c_str(), mode) != 0) return failed(endpoint, "chmod");
  if (::listen(fd.get(), kBacklog) != 0) return failed(endpoint, "cannot listen");
  ListenSockets sockets{{}, endpoint};
  sockets.fds.push_back(std::move(fd));
  if (auto shared = share(sockets, count); !shared) return std::unexpected(shared.error());
  return sockets;
}

Result<ListenSockets> adopt_tcp(const Endpoint& endpoint, std::size_t count,
                                std::vector<UniqueFd> inherited) {
  ListenSockets sockets{std::move(inherited), endpoint};
  Bindable target;
  target.length = sizeof target.address;
  if (::getsockname(sockets.fds.front().get(), reinterpret_cast<sockaddr*>(&target.address),
                    &target.length) != 0) {
    return failed(endpoint, "getsockname");
  }
  sockets.bound.port = port_of(target.address);
  while (sockets.fds.size() < count) {
    auto fd = bind_tcp(endpoint, target, true);
    // The kernel lets only one user have sockets at one port, and whose the others were is past.
    if (!fd) break;
    sockets.fds.push_back(std::move(*fd));
  }
  if (auto shared = share(sockets, count); !shared) return std::unexpected(shared.error());
  return sockets;
}

Result<ListenSockets> adopt_unix(const Endpoint& endpoint, std::size_t count, unsigned mode,
                                 std::vector<UniqueFd> inherited) {
  struct stat info{};
  if (::lstat(endpoint.path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode) &&
      ::chmod(endpoint.path.c_str(), mode) != 0) {
    return failed(endpoint, "chmod");
  }
  ListenSockets sockets{{}, endpoint};
  sockets.fds.push_back(std::move(inherited.front()));
  if (auto shared = share(sockets, count); !shared) return std::unexpected(shared.error());
  return sockets;
}

}  // namespace

Result<ListenSockets> open_listen_sockets(const Endpoint& endpoint, std::size_t count,
                                          unsigned unix_mode, bool port_is_ours) {
  return endpoint.is_unix() ? open_unix(endpoint, count, unix_mode)
                            : open_tcp(endpoint, count, port_is_ours);
}

Result<ListenSockets> adopt_listen_sockets(const Endpoint& endpoint, std::size_t count,
                                           unsigned unix_mode, std::vector<UniqueFd> inherited) {
  return endpoint.is_unix() ? adopt_unix(endpoint, count, unix_mode, std::move(inherited))
                            : adopt_tcp(endpoint, count, std::move(inherited));
}

}  // namespace gatepost::net
