#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/timer.h"
#include "proxy/base/unique_fd.h"

namespace gatepost::process {

/// The way to a service manager that wants to be told how its service is: sd_notify(3). Datagrams
/// to a Unix socket; a name in the abstract namespace is written with a leading @.
/// Not libsystemd's: for these datagrams it would load libgcrypt, liblzma and others into a process
/// that holds passwords.
class NotifySocket {
 public:
  /// Nobody wants to know.
  NotifySocket() = default;
  /// An `address` that is neither a path nor such a name is nobody's.
  explicit NotifySocket(std::string_view address);

  [[nodiscard]] bool wanted() const { return socket_.get() >= 0; }
  /// False when it could not be sent now. Never waits.
  [[nodiscard]] bool send(std::string_view assignments) const;

 private:
  UniqueFd socket_;
  std::string address_;  // as the kernel has it: an abstract name begins with NUL
};

/// Tells the service manager that we serve, reload, end, and whether we are alive. Does nothing
/// where there is none. Lives in the main loop.
class ServiceManager {
 public:
  /// Between two looks at what there is to say, and to say again when it could not be sent.
  static constexpr Duration kLook{5'000};
  /// Octets of a status; the rest is cut.
  static constexpr std::size_t kMaxStatus = 512;
  /// Messages that it had no room for yet; the oldest is dropped.
  static constexpr std::size_t kMaxUnsent = 16;

  struct Sources {
    std::function<std::string()> status;  ///< one line for people
    std::function<bool()> alive;          ///< false: a restart is needed
  };
  struct Environment {
    std::string socket;                                 ///< NOTIFY_SOCKET
    std::optional<std::chrono::microseconds> watchdog;  ///< WATCHDOG_USEC, where it is for us
  };
  /// The environment of this process.
  [[nodiscard]] static Environment environment();

  ServiceManager(TimerService& timers, Sources sources, const Environment& from = environment());

  /// Everything listens, or a reload is done. From now on it hears how we are, and as long as we
  /// are alive its watchdog is kept quiet.
  void ready();
  /// Until the next ready().
  void reloading();
  /// The end has begun, and may take so long.
  void stopping(Duration limit);
  /// Another process is the service now; nothing more is said here.
  void succeeded_by(pid_t process);

 private:
  void say(std::string text);
  void send_unsent();
  void look();
  void ping();
  [[nodiscard]] std::string new_status();

  NotifySocket socket_;
  Sources sources_;
  std::optional<Duration> ping_every_;
  std::unique_ptr<Timer> look_timer_;
  std::unique_ptr<Timer> ping_timer_;
  std::deque<std::string> unsent_;
  std::string status_;  // as said last
};

}  // namespace gatepost::process
