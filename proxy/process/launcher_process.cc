#include "proxy/process/launcher_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <deque>
#include <fstream>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "proxy/process/launcher_wire.h"
#include "proxy/process/packet.h"
#include "proxy/process/program.h"

namespace gatepost::process {

namespace {

class LauncherProcess {
 public:
  LauncherProcess(const std::vector<net::Program>& programs, std::vector<UniqueFd> links,
                  UniqueFd children)
      : programs_(programs), children_(std::move(children)) {
    for (UniqueFd& link : links) links_.push_back({std::move(link), {}});
  }

  void run() {
    while (std::ranges::any_of(links_, [](const Link& link) { return link.socket.get() >= 0; })) {
      wait();
      for (std::size_t i = 0; i < links_.size(); ++i) serve(i);
      for (RunningProgram& program : running_) {
        read_output(program);
        if (program.too_talkative) kill(program);
      }
      reap();
    }
    for (const RunningProgram& program : running_) kill(program);
    kill_survivors();
  }

 private:
  struct Link {
    UniqueFd socket;                  // -1: the worker has ended
    std::deque<LaunchReport> unsent;  // at most one for each program of it that ran
  };

  /// Until there is something to do.
  void wait() {
    polled_.clear();
    polled_.push_back({children_.get(), POLLIN, 0});
    for (const Link& link : links_) {  // poll() leaves out what is negative
      const short events = link.unsent.empty() ? POLLIN : POLLIN | POLLOUT;
      polled_.push_back({link.socket.get(), events, 0});
    }
    for (const RunningProgram& program : running_) {
      polled_.push_back({program.output.get(), POLLIN, 0});
    }
    ::poll(polled_.data(), polled_.size(), -1);
  }

  void serve(std::size_t which) {
    Link& link = links_[which];
    send_reports(link);
    while (link.socket.get() >= 0) {
      LaunchRequest request;
      ReceivedPacket received = receive_with_descriptor(
          link.socket.get(), std::as_writable_bytes(std::span(&request, 1)));
      if (received.size < 0 && errno == EINTR) continue;
      if (received.size < 0 && errno == EAGAIN) return;
      if (received.size != sizeof request) {
        link.socket = UniqueFd();
        link.unsent.clear();
        for (RunningProgram& program : running_) {
          if (program.link == which) give_up(program);
        }
        return;
      }
      obey(which, request, std::move(received.descriptor));
    }
  }

  void obey(std::size_t link, const LaunchRequest& request, UniqueFd input) {
    if (request.what == LaunchRequest::What::kill) {
      for (RunningProgram& program : running_) {
        if (program.link == link && program.id == request.id) give_up(program);
      }
      return;
    }
    int code = EINVAL;
    if (input.get() < 0 || running_.size() >= kMaxPrograms) {
      code = EAGAIN;  // too many descriptors, or programs
    } else if (request.program < programs_.size()) {
      auto started = start_program(programs_[request.program], std::move(input));
      if (started) {
        started->link = link;
        started->id = request.id;
        running_.push_back(std::move(*started));
        return;
      }
      code = EAGAIN;  // no descriptors or processes left
    }
    report(link, request.id, {net::ProgramEnd::How::not_run, code, {}});
  }

  static void kill(const RunningProgram& program) { ::kill(-program.process, SIGKILL); }
  void give_up(RunningProgram& program) {
    program.wanted = false;
    kill(program);
  }

  /// What has ended: programs, and what they left behind, whose parent we are now.
  void reap() {
    signalfd_siginfo ignored{};
    while (::read(children_.get(), &ignored, sizeof ignored) > 0) {
    }
    for (;;) {
      siginfo_t info{};
      // Still a zombie, so that its number is nobody else's yet: its group can be killed.
      if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) break;
      const auto program = std::ranges::find(running_, info.si_pid, &RunningProgram::process);
      if (program != running_.end()) {
        kill(*program);
        end(*program, info);
        running_.erase(program);
      }
      ::waitid(P_PID, static_cast<id_t>(info.si_pid), &info, WEXITED);
    }
    if (running_.empty()) kill_survivors();
  }

  void end(RunningProgram& program, const siginfo_t& info) {
    read_output(program);
    if (!program.wanted) return;
    report(program.link, program.id, end_of_program(program, info.si_code, info.si_status));
  }

  /// While nothing runs: whatever has left its program's group is not to stay.
  static void kill_survivors() {
    const auto self = ::getpid();
    std::ifstream children(fmt::format("/proc/{}/task/{}/children", self, self));
    pid_t child = 0;
    while (children >> child) ::kill(child, SIGKILL);
  }

  void report(std::size_t which, std::uint64_t id, const net::ProgramEnd& ended) {
    LaunchReport report;
    report.id = id;
    report.how = static_cast<std::uint32_t>(ended.how);
    report.code = ended.code;
    report.size = static_cast<std::uint32_t>(std::min(ended.output.size(), report.output.size()));
    std::memcpy(report.output.data(), ended.output.data(), report.size);
    links_[which].unsent.push_back(report);
    send_reports(links_[which]);
  }

  static void send_reports(Link& link) {
    while (!link.unsent.empty()) {
      const LaunchReport& next = link.unsent.front();
      if (::send(link.socket.get(), &next, sizeof next, MSG_NOSIGNAL) < 0) return;
      link.unsent.pop_front();
    }
  }

  const std::vector<net::Program>& programs_;
  UniqueFd children_;  // readable when one has ended
  std::vector<Link> links_;
  std::vector<RunningProgram> running_;
  std::vector<pollfd> polled_;
};

/// Everything of the gateway's that is open here, but the links.
void close_all_but(const std::vector<UniqueFd>& links) {
  const UniqueFd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (nothing.get() >= 0) ::dup2(nothing.get(), standard);
  }
  std::vector<unsigned> kept;
  kept.reserve(links.size());
  for (const UniqueFd& link : links) kept.push_back(static_cast<unsigned>(link.get()));
  std::ranges::sort(kept);
  unsigned from = STDERR_FILENO + 1;
  for (const unsigned link : kept) {
    if (link > from) ::close_range(from, link - 1, 0);
    from = link + 1;
  }
  ::close_range(from, UINT_MAX, 0);
}

/// Not to be ended by what is meant for the gateway: it ends when that has.
UniqueFd arrange_signals() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT, SIGUSR1, SIGUSR2}) {
    ::signal(number, SIG_IGN);
  }
  ::signal(SIGCHLD, SIG_DFL);
  sigset_t children;
  ::sigemptyset(&children);
  ::sigaddset(&children, SIGCHLD);
  ::sigprocmask(SIG_SETMASK, &children, nullptr);
  return UniqueFd(::signalfd(-1, &children, SFD_NONBLOCK | SFD_CLOEXEC));
}

}  // namespace

void run_launcher(const std::vector<net::Program>& programs, std::vector<UniqueFd> links,
                  const std::optional<Identity>& identity) {
  ::prctl(PR_SET_NAME, "gatepost-launch");
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // what its programs leave behind becomes its own
  forbid_new_privileges();
  if (identity && !become(*identity)) ::_exit(1);
  set_dumpable(false);
  close_all_but(links);
  UniqueFd children = arrange_signals();
  if (children.get() < 0) ::_exit(1);
  LauncherProcess(programs, std::move(links), std::move(children)).run();
  ::_exit(0);
}

}  // namespace gatepost::process
