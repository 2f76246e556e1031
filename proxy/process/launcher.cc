#include "proxy/process/launcher.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "proxy/process/launcher_link.h"
#include "proxy/process/launcher_process.h"

namespace gatepost::process {

std::vector<net::Program> Launcher::programs_of(const config::Config& config) {
  std::vector<net::Program> programs;
  for (const config::Scanner& scanner : config.scanners) {
    if (scanner.type != config::ScannerType::command) continue;
    programs.push_back({scanner.command, scanner.command_memory});
  }
  return programs;
}

Result<std::unique_ptr<Launcher>> Launcher::start(std::vector<net::Program> programs,
                                                  unsigned workers,
                                                  const std::optional<Identity>& identity) {
  std::unique_ptr<Launcher> launcher(new Launcher);
  launcher->programs_ = std::move(programs);
  std::vector<UniqueFd> far_ends;
  for (unsigned i = 0; i < workers; ++i) {
    std::array<int, 2> ends{};
    constexpr int kType = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
    if (::socketpair(AF_UNIX, kType, 0, ends.data()) != 0) return system_failure("launcher", errno);
    launcher->links_.emplace_back(ends[0]);
    far_ends.emplace_back(ends[1]);
  }
  launcher->process_ = ::fork();
  if (launcher->process_ < 0) return system_failure("launcher", errno);
  if (launcher->process_ == 0) {
    launcher->links_.clear();
    run_launcher(launcher->programs_, std::move(far_ends), identity);
  }
  return launcher;
}

std::unique_ptr<net::ProcessLauncher> Launcher::connect(net::Loop& loop, unsigned worker) {
  return std::make_unique<LauncherLink>(loop, std::move(links_.at(worker)), programs_);
}

Result<void> Launcher::check(const config::Config& config, const Launcher* launcher) {
  for (const config::Scanner& scanner : config.scanners) {
    if (scanner.type != config::ScannerType::command) continue;
    const net::Program program{scanner.command, scanner.command_memory};
    const bool known = launcher != nullptr &&
                       std::ranges::find(launcher->programs_, program) != launcher->programs_.end();
    if (known) continue;
    return fail(ErrorCode::config,
                fmt::format("scanner {}: its command is new or changed, which needs a restart",
                            scanner.name));
  }
  return {};
}

}  // namespace gatepost::process
