#include "proxy/process/inherited_sockets.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace gatepost::process {

namespace {

int option(int socket, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  return ::getsockopt(socket, SOL_SOCKET, name, &value, &length) == 0 ? value : 0;
}

bool listens(int socket) {
  return option(socket, SO_ACCEPTCONN) != 0 && option(socket, SO_TYPE) == SOCK_STREAM;
}

struct Name {
  std::uint16_t port = 0;
  std::string path;
};

Name name_of(int socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
  if (address.ss_family == AF_INET || address.ss_family == AF_INET6) {
    // The port stands at the same place in both.
    return {ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port), {}};
  }
  if (address.ss_family != AF_UNIX) return {};
  const char* const path = reinterpret_cast<const sockaddr_un*>(&address)->sun_path;
  return {0, std::string(path, ::strnlen(path, sizeof sockaddr_un::sun_path))};
}

}  // namespace

Result<void> InheritedSockets::add(const std::string& key, std::vector<UniqueFd> sockets) {
  if (key.empty() || key.size() > kMaxKey) {
    return fail(ErrorCode::protocol, "inherited sockets without a proper key");
  }
  if (count_ + sockets.size() > kMaxSockets) {
    return fail(ErrorCode::protocol, "more sockets inherited than a gateway has");
  }
  for (const UniqueFd& socket : sockets) {
    if (!listens(socket.get())) {
      return fail(ErrorCode::protocol, "what was inherited is not a listening socket");
    }
    ::fcntl(socket.get(), F_SETFL, O_NONBLOCK);
    const std::uint16_t port = name_of(socket.get()).port;
    if (port != 0 && std::ranges::find(ports_, port) == ports_.end()) ports_.push_back(port);
  }
  count_ += sockets.size();
  std::ranges::move(sockets, std::back_inserter(sockets_[key]));
  return {};
}

std::vector<UniqueFd> InheritedSockets::take(const std::string& key) {
  auto found = sockets_.extract(key);
  return found.empty() ? std::vector<UniqueFd>() : std::move(found.mapped());
}

bool InheritedSockets::has_port(std::uint16_t port) const {
  return std::ranges::find(ports_, port) != ports_.end();
}

void InheritedSockets::close_rest() {
  for (const auto& [key, sockets] : sockets_) {
    if (sockets.empty()) continue;
    const std::string path = name_of(sockets.front().get()).path;
    if (!path.empty()) ::unlink(path.c_str());
  }
  sockets_.clear();
}

}  // namespace gatepost::process
