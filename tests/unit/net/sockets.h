#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "proxy/base/address.h"
#include "proxy/net/loop.h"

// The other end of a connection and the clock for tests with real sockets. Nothing here blocks.
namespace gatepost::testing {

/// Longer than any test needs, also with sanitizers on a busy machine.
inline constexpr std::chrono::seconds kPatience{20};

/// Runs the loop until `done()`; false when that took too long.
inline bool run_until(net::Loop& loop, const std::function<bool()>& done,
                      std::chrono::milliseconds limit = kPatience) {
  const auto end = std::chrono::steady_clock::now() + limit;
  bool reached = false;
  std::unique_ptr<Timer> poll;
  poll = loop.make_timer([&] {
    reached = done();
    if (reached || std::chrono::steady_clock::now() >= end) return loop.stop();
    poll->start(Duration(1));
  });
  poll->start(Duration(0));
  loop.run();
  return reached;
}

/// Gives the loop time to do what it should not do.
inline void run_for(net::Loop& loop, std::chrono::milliseconds time) {
  static_cast<void>(run_until(loop, [] { return false; }, time));
}

/// Waits for what another thread does.
inline bool wait_until(const std::function<bool()>& done,
                       std::chrono::milliseconds limit = kPatience) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

/// The limit of this process as long as it lives: nothing more can be opened.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::dup(0);  // the lowest that is free
    ::close(next);
    const rlimit none{static_cast<rlim_t>(next), before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

/// A socket address of the loopback, or of a Unix socket.
struct SocketAddress {
  explicit SocketAddress(const Endpoint& endpoint) {
    if (endpoint.is_unix()) {
      auto* address = reinterpret_cast<sockaddr_un*>(&storage);
      address->sun_family = AF_UNIX;
      std::memcpy(address->sun_path, endpoint.path.data(), endpoint.path.size());
      length = sizeof *address;
      return;
    }
    const auto ip = IpAddress::parse(endpoint.host.empty() ? "127.0.0.1" : endpoint.host);
    if (ip && !ip->is_v4()) {
      auto* address = reinterpret_cast<sockaddr_in6*>(&storage);
      address->sin6_family = AF_INET6;
      address->sin6_port = htons(endpoint.port);
      std::memcpy(&address->sin6_addr, ip->bytes().data(), 16);
      length = sizeof *address;
      return;
    }
    auto* address = reinterpret_cast<sockaddr_in*>(&storage);
    address->sin_family = AF_INET;
    address->sin_port = htons(endpoint.port);
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (ip) std::memcpy(&address->sin_addr, ip->bytes().data(), 4);
    length = sizeof *address;
  }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }

  sockaddr_storage storage{};
  socklen_t length = 0;
};

/// The test's end of a connection. receive() takes what is there; ended() says how it ended.
class Peer {
 public:
  enum class End : std::uint8_t { none, fin, reset };

  Peer() = default;
  explicit Peer(int fd) : fd_(fd) {}
  Peer(Peer&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)),
        text_(std::move(other.text_)),
        end_(std::exchange(other.end_, End::none)) {}
  Peer& operator=(Peer&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(text_, other.text_);
    std::swap(end_, other.end_);
    return *this;
  }
  ~Peer() { close(); }

  /// Connects; fails the test otherwise. A small receive buffer makes the other side wait early.
  static Peer connect(const Endpoint& to, int receive_buffer = 0) {
    const int family = SocketAddress(to).storage.ss_family;
    Peer peer(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (receive_buffer > 0) {
      ::setsockopt(peer.fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    const SocketAddress address(to);
    EXPECT_EQ(::connect(peer.fd_, address.get(), address.length), 0)
        << to.to_string() << ": " << std::strerror(errno);
    return peer;
  }

  /// Sends as much as the connection takes; returns how much.
  std::size_t send(std::string_view text) {
    const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return n > 0 ? static_cast<std::size_t>(n) : 0;
  }
  /// Everything received so far.
  const std::string& receive() {
    std::array<char, 65536> room;
    while (end_ == End::none && fd_ >= 0) {
      const ssize_t n = ::recv(fd_, room.data(), room.size(), MSG_DONTWAIT);
      if (n > 0) {
        text_.append(room.data(), static_cast<std::size_t>(n));
        continue;
      }
      if (n == 0) end_ = End::fin;
      if (n < 0 && errno == ECONNRESET) end_ = End::reset;
      if (n < 0) break;
    }
    return text_;
  }
  End end() {
    receive();
    return end_;
  }
  void end_sending() const { ::shutdown(fd_, SHUT_WR); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  /// Breaks the connection.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  /// The port of this end.
  [[nodiscard]] std::uint16_t port() const { return port_of(fd_); }
  static std::uint16_t port_of(int fd) {
    sockaddr_in6 address{};
    socklen_t length = sizeof address;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
    return ntohs(address.sin6_port);
  }

 private:
  int fd_ = -1;
  std::string text_;
  End end_ = End::none;
};

/// A listening socket of the test.
class PeerListener {
 public:
  /// `host`: an IPv4 address of the loopback network. Port 0: any free one.
  explicit PeerListener(const std::string& host = "127.0.0.1", int backlog = 16,
                        std::uint16_t port = 0)
      : PeerListener(Endpoint{host, port, {}}, backlog) {}
  explicit PeerListener(Endpoint at, int backlog = 16) : at_(std::move(at)) {
    const SocketAddress address(at_);
    fd_ = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    EXPECT_EQ(::bind(fd_, address.get(), address.length), 0) << std::strerror(errno);
    if (backlog >= 0) listen(backlog);
    if (!at_.is_unix()) at_.port = Peer::port_of(fd_);
  }
  ~PeerListener() { ::close(fd_); }
  PeerListener(const PeerListener&) = delete;
  PeerListener& operator=(const PeerListener&) = delete;

  void listen(int backlog) const { EXPECT_EQ(::listen(fd_, backlog), 0); }
  [[nodiscard]] const Endpoint& at() const { return at_; }
  /// A waiting connection, or a peer that is not open.
  [[nodiscard]] Peer accept() const { return Peer(::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)); }

 private:
  Endpoint at_;
  int fd_ = -1;
};

/// A folder of one test, removed with everything in it; its path is short enough for sockets.
class TestFolder {
 public:
  TestFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "gatepost-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  [[nodiscard]] std::string operator/(std::string_view name) const {
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

}  // namespace gatepost::testing
