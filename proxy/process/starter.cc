#include "proxy/process/starter.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "proxy/process/starter_process.h"

namespace gatepost::process {

Result<std::unique_ptr<Starter>> Starter::fork(std::string program,
                                               std::vector<std::string> arguments) {
  std::unique_ptr<Starter> starter(new Starter);
  starter->program_ = std::move(program);
  std::array<int, 2> ends{};
  constexpr int kType = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
  if (::socketpair(AF_UNIX, kType, 0, ends.data()) != 0) return system_failure("starter", errno);
  starter->link_ = UniqueFd(ends[0]);
  UniqueFd far_end(ends[1]);
  const pid_t gateway = ::getpid();
  starter->process_ = ::fork();
  if (starter->process_ < 0) return system_failure("starter", errno);
  if (starter->process_ == 0) {
    starter->link_ = UniqueFd();
    run_starter(starter->program_, std::move(arguments), gateway, std::move(far_end));
  }
  return starter;
}

std::string own_program(const char* called) {
  constexpr const char* kSelf = "/proc/self/exe";
  std::error_code ignored;
  const std::string_view name = called != nullptr ? called : "";
  if (name.find('/') != std::string_view::npos &&
      std::filesystem::equivalent(name, kSelf, ignored)) {
    const auto path = std::filesystem::absolute(name, ignored);
    if (!ignored) return path.string();
  }
  return std::filesystem::read_symlink(kSelf, ignored).string();
}

}  // namespace gatepost::process
