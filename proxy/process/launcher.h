#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <vector>

#include "config/config.h"
#include "proxy/base/error.h"
#include "proxy/base/unique_fd.h"
#include "proxy/net/loop.h"
#include "proxy/net/process_launcher.h"
#include "proxy/process/privileges.h"

namespace gatepost::process {

/// A process beside the gateway that runs the commands of scanners. The gateway may run nothing
/// itself: its filter of system calls ends it when it tries. So this one is forked before that, and
/// can be told nothing but which of the commands known then to run.
class Launcher {
 public:
  /// The commands that `config` names.
  [[nodiscard]] static std::vector<net::Program> programs_of(const config::Config& config);

  /// Forks it, with one connection for each worker, as `identity` if there is one. For a process
  /// with one thread. It ends, and kills all that it runs, when the last connection is closed,
  /// whatever becomes of the gateway.
  [[nodiscard]] static Result<std::unique_ptr<Launcher>> start(
      std::vector<net::Program> programs, unsigned workers,
      const std::optional<Identity>& identity);

  /// The worker's way to it, once for each.
  [[nodiscard]] std::unique_ptr<net::ProcessLauncher> connect(net::Loop& loop, unsigned worker);
  /// Fails with `config` where a command is not among those known at the start.
  [[nodiscard]] static Result<void> check(const config::Config& config, const Launcher* launcher);
  [[nodiscard]] pid_t process() const { return process_; }

 private:
  Launcher() = default;

  std::vector<net::Program> programs_;
  std::vector<UniqueFd> links_;  // one for each worker, until it has taken it
  pid_t process_ = -1;
};

}  // namespace gatepost::process
