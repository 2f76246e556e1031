#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/error.h"
#include "proxy/net/loop.h"
#include "proxy/net/transport.h"

namespace gatepost::net {

/// A file descriptor that closes itself.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd();
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

/// Connections that may wait to be accepted, on each socket.
inline constexpr int kBacklog = 1024;

/// The sockets of one listening endpoint, one for each worker.
struct ListenSockets {
  std::vector<UniqueFd> fds;
  Endpoint bound;  ///< with the real port where 0 was asked for
};

/// Binds `count` sockets to one endpoint: TCP with SO_REUSEPORT, so that the kernel spreads
/// connections over the workers; a Unix socket once, shared. Fails when another process listens
/// there; with `port_is_ours` nobody is asked, because we listen at that port ourselves, at another
/// address. The sockets listen already: connections wait until a Listener takes them. Blocking (may
/// look a name up): for start and reload only.
[[nodiscard]] Result<ListenSockets> open_listen_sockets(const Endpoint& endpoint, std::size_t count,
                                                        unsigned unix_mode,
                                                        bool port_is_ours = false);

/// Accepts connections on one socket, in one loop.
class Listener {
 public:
  using Accepted = std::move_only_function<void(std::unique_ptr<Transport>)>;

  /// `failed` is told when accepting fails (no descriptors left); accepting goes on by itself.
  [[nodiscard]] static Result<std::unique_ptr<Listener>> start(
      Loop& loop, BlockPool& pool, UniqueFd fd, Accepted accepted,
      std::move_only_function<void(const Error&)> failed);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Connections wait in the kernel's queue until resume().
  void pause() { paused_ = true; }
  void resume();

 private:
  friend struct ListenerCallbacks;
  Listener(Loop& loop, BlockPool& pool, Accepted accepted,
           std::move_only_function<void(const Error&)> failed);
  void accept_one();

  Loop& loop_;
  BlockPool& pool_;
  Accepted accepted_;
  std::move_only_function<void(const Error&)> failed_;
  struct ShellDeleter {
    void operator()(void* shell) const;
  };
  std::unique_ptr<void, ShellDeleter> shell_;
  bool paused_ = false;
  bool waiting_ = false;  // libuv holds an accepted connection for us
};

}  // namespace gatepost::net
