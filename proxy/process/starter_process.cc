#include "proxy/process/starter_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "proxy/process/packet.h"
#include "proxy/process/predecessor.h"
#include "proxy/process/starter.h"

namespace gatepost::process {

namespace {

using What = StarterReport::What;

/// What is meant for the gateway is not to end the starter, too.
constexpr std::array kIgnored = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT, SIGUSR1, SIGUSR2};

class StarterProcess {
 public:
  StarterProcess(const std::string& program, std::vector<std::string> arguments, pid_t gateway,
                 UniqueFd link)
      : program_(program), words_(std::move(arguments)), link_(std::move(link)) {
    arguments_.reserve(words_.size() + 1);
    for (std::string& word : words_) arguments_.push_back(word.data());
    arguments_.push_back(nullptr);
    const char* const watched = std::getenv(kWatchdogProcess);
    watched_ = watched != nullptr && watched == fmt::format("{}", gateway);
  }

  /// False: signals cannot be arranged.
  bool arrange_signals() {
    struct sigaction ignore{};
    ignore.sa_handler = SIG_IGN;
    for (std::size_t i = 0; i < kIgnored.size(); ++i) {
      ::sigaction(kIgnored[i], &ignore, &before_[i]);
    }
    ::signal(SIGCHLD, SIG_DFL);
    sigset_t children;
    ::sigemptyset(&children);
    ::sigaddset(&children, SIGCHLD);
    ::sigprocmask(SIG_SETMASK, &children, &mask_before_);
    children_ = UniqueFd(::signalfd(-1, &children, SFD_NONBLOCK | SFD_CLOEXEC));
    return children_.get() >= 0;
  }

  void run() {
    for (;;) {
      std::array<pollfd, 2> polled{{{link_.get(), POLLIN, 0}, {children_.get(), POLLIN, 0}}};
      ::poll(polled.data(), polled.size(), -1);
      reap();
      auto request = StarterRequest::kill;
      ReceivedPacket received =
          receive_with_descriptor(link_.get(), std::as_writable_bytes(std::span(&request, 1)));
      if (received.size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (received.size != sizeof request) return;
      if (request == StarterRequest::start) {
        start(std::move(received.descriptor));
      } else if (successor_ > 0) {
        ::kill(successor_, SIGKILL);
      }
    }
  }

 private:
  static constexpr const char* kWatchdogProcess = "WATCHDOG_PID";

  void report(What what, int code, pid_t process) {
    const StarterReport report{.what = what, .code = code, .process = process};
    static_cast<void>(::send(link_.get(), &report, sizeof report, MSG_NOSIGNAL));
  }

  void start(UniqueFd way) {
    if (way.get() < 0) return report(What::not_started, EMFILE, -1);
    if (successor_ > 0) return report(What::not_started, EBUSY, -1);
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return report(What::not_started, errno, -1);
    const UniqueFd trouble(ends[0]);
    UniqueFd far_end(ends[1]);
    // Not fork(): in the child libuv would close descriptors that have become others since.
    const pid_t child = ::_Fork();
    if (child < 0) return report(What::not_started, errno, -1);
    if (child == 0) {
      const int code = become_successor(way.get());
      ::_exit(::write(far_end.get(), &code, sizeof code) == sizeof code ? 127 : 126);
    }
    far_end = UniqueFd();
    int code = 0;
    ssize_t size = 0;
    do {  // until the program runs, which closes the other end
      size = ::read(trouble.get(), &code, sizeof code);
    } while (size < 0 && errno == EINTR);
    if (size == sizeof code) {
      ::waitpid(child, nullptr, 0);
      return report(What::not_started, code, -1);
    }
    successor_ = child;
    report(What::started, 0, child);
  }

  /// In the child. Returns errno: what succeeds does not return.
  int become_successor(int way) {
    ::fcntl(way, F_SETFD, 0);
    const std::string number = fmt::format("{}", way);
    ::setenv(Predecessor::kVariable, number.c_str(), 1);
    if (watched_) ::setenv(kWatchdogProcess, fmt::format("{}", ::getpid()).c_str(), 1);
    for (std::size_t i = 0; i < kIgnored.size(); ++i) {
      ::sigaction(kIgnored[i], &before_[i], nullptr);
    }
    ::sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
    ::execv(program_.c_str(), arguments_.data());
    return errno;
  }

  void reap() {
    signalfd_siginfo ignored{};
    while (::read(children_.get(), &ignored, sizeof ignored) > 0) {
    }
    int status = 0;
    if (successor_ <= 0 || ::waitpid(successor_, &status, WNOHANG) != successor_) return;
    const pid_t ended = std::exchange(successor_, -1);
    if (WIFEXITED(status)) {
      report(What::exited, WEXITSTATUS(status), ended);
    } else {
      report(What::signalled, WTERMSIG(status), ended);
    }
  }

  const std::string& program_;
  std::vector<std::string> words_;
  std::vector<char*> arguments_;
  UniqueFd link_;
  UniqueFd children_;  // readable when one has ended
  std::array<struct sigaction, kIgnored.size()> before_{};
  sigset_t mask_before_{};
  bool watched_ = false;  // the service manager's watchdog is for the gateway
  pid_t successor_ = -1;
};

/// Everything of the gateway's that is open here, but `link` and the three: what the new process
/// has to say goes where ours goes.
void close_all_but(int link) {
  const auto kept = static_cast<unsigned>(link);
  constexpr unsigned kFirst = STDERR_FILENO + 1;
  if (kept > kFirst) ::close_range(kFirst, kept - 1, 0);
  ::close_range(kept + 1, UINT_MAX, 0);
}

}  // namespace

void run_starter(const std::string& program, std::vector<std::string> arguments, pid_t gateway,
                 UniqueFd link) {
  ::prctl(PR_SET_NAME, "gatepost-start");
  ::prctl(PR_SET_DUMPABLE, 0);
  close_all_but(link.get());
  StarterProcess starter(program, std::move(arguments), gateway, std::move(link));
  if (!starter.arrange_signals()) ::_exit(1);
  starter.run();
  ::_exit(0);
}

}  // namespace gatepost::process
