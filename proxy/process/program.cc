#include "proxy/process/program.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>
#include <vector>

#include "proxy/process/launcher_process.h"
#include "proxy/process/launcher_wire.h"

namespace gatepost::process {

namespace {

/// Descriptors: what programs expect that never asked for more.
constexpr rlim_t kDescriptors = 1024;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_failure("pipe", errno);
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

void reset_signals() {
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void limit(int resource, rlim_t value) {
  const rlimit both{value, value};
  // NOLINTNEXTLINE(readability-suspicious-call-argument)
  ::setrlimit(static_cast<__rlimit_resource_t>(resource), &both);
}

/// In the child, which takes no memory: RLIMIT_AS is set before there is another program, and of
/// the launcher's own only what is copied is there. Returns errno: what succeeds does not return.
int become_program(const net::Program& program, char* const* arguments, char* const* environment,
                   int input, int output, pid_t launcher) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != launcher) return ESRCH;  // it ended before that was asked for
  if (::dup2(input, STDIN_FILENO) < 0 || ::dup2(output, STDOUT_FILENO) < 0) return errno;
  reset_signals();
  ::umask(S_IRWXG | S_IRWXO);
  if (::chdir("/") != 0) return errno;
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  limit(RLIMIT_NOFILE, kDescriptors);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_AS, program.memory);
  ::execve(arguments[0], arguments, environment);
  return errno;
}

}  // namespace

Result<RunningProgram> start_program(const net::Program& program, UniqueFd input) {
  auto output = make_pipe();
  if (!output) return std::unexpected(output.error());
  auto trouble = make_pipe();
  if (!trouble) return std::unexpected(trouble.error());
  std::vector<std::string> words = program.command;
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::string path = "PATH=/usr/local/bin:/usr/bin:/bin";
  std::string language = "LANG=C.UTF-8";
  const std::array<char*, 3> environment{path.data(), language.data(), nullptr};

  const pid_t launcher = ::getpid();
  // Not fork(): in the child libuv would close the descriptors that were its own in the gateway,
  // and that have become others since.
  const pid_t child = ::_Fork();
  if (child < 0) return system_failure("fork", errno);
  if (child == 0) {
    const int code = become_program(program, arguments.data(), environment.data(), input.get(),
                                    output->write.get(), launcher);
    ::_exit(::write(trouble->write.get(), &code, sizeof code) == sizeof code ? 127 : 126);
  }
  ::setpgid(child, child);  // whoever is first
  ::fcntl(output->read.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(trouble->read.get(), F_SETFL, O_NONBLOCK);
  RunningProgram running;
  running.process = child;
  running.output = std::move(output->read);
  running.trouble = std::move(trouble->read);
  return running;
}

void read_output(RunningProgram& program) {
  std::array<char, 4096> room{};
  while (program.output.get() >= 0) {
    const ssize_t n = ::read(program.output.get(), room.data(), room.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0 || program.written + static_cast<std::size_t>(n) > kMaxProgramOutput) {
      program.too_talkative = n > 0;
      program.output = UniqueFd();
      return;
    }
    const auto size = static_cast<std::size_t>(n);
    program.written += size;
    program.text.append(room.data(),
                        std::min(size, LaunchReport::kMaxOutput - program.text.size()));
  }
}

net::ProgramEnd end_of_program(const RunningProgram& program, int code, int status) {
  using How = net::ProgramEnd::How;
  int reason = 0;
  if (::read(program.trouble.get(), &reason, sizeof reason) == sizeof reason) {
    return {How::not_run, reason, {}};
  }
  if (program.too_talkative) return {How::too_talkative, status, program.text};
  return {code == CLD_EXITED ? How::exited : How::signalled, status, program.text};
}

}  // namespace gatepost::process
