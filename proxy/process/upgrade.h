#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/base/timer.h"
#include "proxy/base/unique_fd.h"
#include "proxy/net/loop.h"
#include "proxy/process/fd_watch.h"
#include "proxy/process/handover.h"
#include "proxy/process/starter.h"

namespace gatepost::process {

/// The gateway's side of upgrades, one after the other: has the program started again, hands over
/// what it is given, and learns what becomes of it. Until the new process has said that it serves,
/// nothing has changed here. Lives in the main loop.
class Upgrade {
 public:
  /// The new process has so long to get ready; then it is killed.
  static constexpr Duration kLimit{60'000};

  /// The new process, or why there is none: then it has ended.
  using Done = std::move_only_function<void(Result<pid_t>)>;

  /// `starter` outlives it. `limit` is for tests.
  Upgrade(net::Loop& loop, Starter& starter, Duration limit = kLimit);
  Upgrade(const Upgrade&) = delete;
  Upgrade& operator=(const Upgrade&) = delete;

  /// Has the program started; `done` is called once, later. Fails while another one is under way,
  /// and when the starter has ended; then `done` is never called.
  [[nodiscard]] Result<void> begin(Done done);
  /// What the new process is to have; it waits for that. Once for each upgrade, and of no effect
  /// when none is under way any more.
  void hand_over(std::vector<HandoverPacket> cargo);
  /// Gives the one up that is under way, if there is one: the new process is killed.
  void give_up(const std::string& why);

  [[nodiscard]] bool under_way() const { return state_ != State::idle; }

 private:
  enum class State : std::uint8_t {
    idle,
    starting,   // until the new process says that it serves
    giving_up,  // until it has ended
    orphaned,   // the starter has ended: there are no upgrades any more
  };

  void on_link();
  void on_report(const StarterReport& report);
  void on_way();
  void read_way();
  void send();
  void starter_ended();
  void finish_if_ready();
  void finish(Result<pid_t> outcome);

  net::Loop& loop_;
  Starter& starter_;
  const Duration limit_;
  State state_ = State::idle;
  FdWatch link_watch_;
  std::unique_ptr<Timer> timer_;
  UniqueFd way_;  // to the new process
  std::unique_ptr<FdWatch> way_watch_;
  std::deque<HandoverPacket> unsent_;
  pid_t process_ = -1;  // -1: not known yet
  bool ready_ = false;
  std::string reason_;  // why it fails, as far as that is known
  Done done_;
};

/// Sockets of one key as packets, as many as are needed. Fails with `limit` for a key that is too
/// long.
[[nodiscard]] Result<void> pack_sockets(const std::string& key, std::vector<UniqueFd> sockets,
                                        std::vector<HandoverPacket>& cargo);

}  // namespace gatepost::process
