#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/error.h"
#include "proxy/base/unique_fd.h"
#include "proxy/net/loop.h"
#include "proxy/net/transport.h"

namespace gatepost::net {

/// Connections that may wait to be accepted, on each socket.
inline constexpr int kBacklog = 1024;

/// The sockets of one listening endpoint, at least one for each worker.
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

/// The same where this process has sockets already that listen at `endpoint`, at least one, from
/// the process before it: all of them are kept, so that no connection is lost that waits in one,
/// and others are added until there are `count`. What is added takes no connection before a
/// Listener has it. Of a Unix socket there is only one, whatever `inherited` holds.
[[nodiscard]] Result<ListenSockets> adopt_listen_sockets(const Endpoint& endpoint,
                                                         std::size_t count, unsigned unix_mode,
                                                         std::vector<UniqueFd> inherited);

/// Accepts connections on one socket, in one loop. When that fails, because no descriptor or no
/// memory of the kernel is left, connections wait in the kernel's queue and it is tried again after
/// kRetry: nobody is dropped, and nothing else in the loop waits.
class Listener {
 public:
  using Accepted = std::move_only_function<void(std::unique_ptr<Transport>)>;

  /// Connections taken in one turn of the loop; then it is others' turn. Few: each costs a TLS
  /// handshake or a refusal, and the sessions inside wait for all of them.
  static constexpr int kMaxAtOnce = 8;
  static constexpr Duration kRetry{100};

  /// `failed` is told each time that accepting fails; it goes on by itself.
  [[nodiscard]] static Result<std::unique_ptr<Listener>> start(
      Loop& loop, BlockPool& pool, UniqueFd fd, Accepted accepted,
      std::move_only_function<void(const Error&)> failed);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Connections wait in the kernel's queue until resume().
  void pause();
  void resume();
  /// A further descriptor of the socket, for another process.
  [[nodiscard]] Result<UniqueFd> copy() const;

 private:
  struct Shell;  // what libuv holds, freed by its close callback
  struct ShellDeleter {
    void operator()(Shell* shell) const;
  };
  enum class State : std::uint8_t { listening, paused, retrying };

  Listener(Loop& loop, BlockPool& pool, UniqueFd fd, Accepted accepted,
           std::move_only_function<void(const Error&)> failed);
  void watch(State state);
  void accept_waiting();
  void take(UniqueFd connection, const PeerAddress& peer);
  void give_up_for_now(int error);

  Loop& loop_;
  BlockPool& pool_;
  Accepted accepted_;
  std::move_only_function<void(const Error&)> failed_;
  UniqueFd fd_;  // goes after what polls it
  std::unique_ptr<Shell, ShellDeleter> shell_;
  std::unique_ptr<Timer> retry_;
  bool unix_socket_ = false;
  State state_ = State::listening;
};

}  // namespace gatepost::net
