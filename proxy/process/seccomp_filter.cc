#include "proxy/process/seccomp_filter.h"

#include <linux/prctl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace gatepost::process {

namespace {

// Names that an architecture does not have are left out there.
constexpr std::array kAllowed = {
    // Bytes and descriptors
    "read", "readv", "pread64", "write", "writev", "close", "fcntl", "dup", "lseek", "pipe2",
    "eventfd2", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll",
    "ppoll", "select", "pselect6",
    // Sockets
    "bind", "listen", "accept", "accept4", "connect", "getsockname", "getpeername", "setsockopt",
    "getsockopt", "shutdown", "sendto", "recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg",
    // Files: certificates, configuration, log, names; Unix sockets come and go
    "open", "openat", "stat", "lstat", "fstat", "newfstatat", "fstatat64", "statx", "access",
    "faccessat", "faccessat2", "readlink", "readlinkat", "getdents64", "getcwd", "unlink",
    "unlinkat", "chmod", "fchmodat",
    // Quarantine: files are written, get their names, are listed by SQLite, and go
    "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "renameat", "renameat2", "mkdir",
    "mkdirat", "flock", "fchmod",
    // The key of names: made whole, and only where there is none
    "link", "linkat",
    // Spool: files without names are written and read in pieces; small messages are handed to
    // scanners as memory files
    "pwritev", "pwritev2", "preadv", "preadv2", "fallocate", "memfd_create",
    // Memory and threads; clone, mmap and mprotect are below
    "brk", "munmap", "mremap", "madvise", "futex", "futex_waitv", "set_robust_list",
    "get_robust_list", "rseq", "sched_yield", "sched_getaffinity", "sched_getparam",
    "sched_getscheduler", "membarrier", "getcpu", "exit", "exit_group",
    // Time, signals, randomness
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
    "restart_syscall", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "getrandom",
    // Who and where we are
    "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getresuid",
    "getresgid", "uname", "sysinfo", "getrlimit", "getrusage", "times"};

// No library falls back to or from these: who calls them has broken in.
constexpr std::array kFatal = {"execve",
                               "execveat",
                               "fork",
                               "vfork",
                               "ptrace",
                               "process_vm_readv",
                               "process_vm_writev",
                               "process_madvise",
                               "pidfd_open",
                               "pidfd_getfd",
                               "kcmp",
                               "mount",
                               "umount2",
                               "pivot_root",
                               "chroot",
                               "open_tree",
                               "move_mount",
                               "fsopen",
                               "fsconfig",
                               "fsmount",
                               "mount_setattr",
                               "init_module",
                               "finit_module",
                               "delete_module",
                               "kexec_load",
                               "kexec_file_load",
                               "reboot",
                               "swapon",
                               "swapoff",
                               "bpf",
                               "perf_event_open",
                               "userfaultfd",
                               "keyctl",
                               "add_key",
                               "request_key",
                               "unshare",
                               "setns",
                               "setuid",
                               "setgid",
                               "setreuid",
                               "setregid",
                               "setresuid",
                               "setresgid",
                               "setgroups",
                               "setfsuid",
                               "setfsgid",
                               "capset",
                               "acct",
                               "ioperm",
                               "iopl",
                               "modify_ldt",
                               "open_by_handle_at",
                               "name_to_handle_at",
                               "quotactl",
                               "sethostname",
                               "setdomainname",
                               "settimeofday",
                               "clock_settime",
                               "clock_adjtime",
                               "adjtimex",
                               "mknod",
                               "mknodat",
                               "chown",
                               "fchown",
                               "lchown",
                               "fchownat"};

using Context = std::unique_ptr<void, decltype(&seccomp_release)>;

scmp_arg_cmp equal(unsigned argument, scmp_datum_t value) {
  return {argument, SCMP_CMP_EQ, value, 0};
}
scmp_arg_cmp masked(unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

/// Gathers rules; the first failure stays.
class Rules {
 public:
  explicit Rules(scmp_filter_ctx context) : context_(context) {}

  void add(std::uint32_t action, const char* name, std::span<const scmp_arg_cmp> when = {}) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR || status_ != 0) return;
    status_ = seccomp_rule_add_array(context_, action, number, static_cast<unsigned>(when.size()),
                                     when.data());
  }
  void allow(const char* name, std::span<const scmp_arg_cmp> when) {
    add(SCMP_ACT_ALLOW, name, when);
  }
  void allow_when(const char* name, const scmp_arg_cmp& when) { allow(name, {&when, 1}); }

  [[nodiscard]] int status() const { return status_; }

 private:
  scmp_filter_ctx context_;
  int status_ = 0;
};

/// What is good or bad depending on its arguments.
void add_conditional(Rules& rules, bool enforce) {
  for (const int family : {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK}) {
    rules.allow_when("socket", equal(0, static_cast<scmp_datum_t>(family)));
  }
  rules.allow_when("socketpair", equal(0, AF_UNIX));  // to the process that follows
  for (const unsigned request : {FIONBIO, FIOCLEX, FIONCLEX, FIONREAD, TCGETS}) {
    rules.allow_when("ioctl", equal(1, request));
  }
  for (const unsigned option : {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_SET_VMA}) {
    rules.allow_when("prctl", equal(0, option));
  }
  rules.allow_when("prlimit64", equal(2, 0));                                   // looking only
  rules.allow_when("tgkill", equal(0, static_cast<scmp_datum_t>(::getpid())));  // abort()
  // Threads, no processes. What clone3 is to do stands in memory, out of a filter's sight: it
  // fails, and the C library takes clone.
  rules.allow_when("clone", masked(0, CLONE_THREAD, CLONE_THREAD));
  if (enforce) {
    const scmp_arg_cmp process = masked(0, CLONE_THREAD, 0);
    rules.add(SCMP_ACT_KILL_PROCESS, "clone", {&process, 1});
  }
  // Code comes out of files (modules of the resolver are loaded when they are needed), and memory
  // that was written to is never run.
  rules.allow_when("mmap", masked(2, PROT_EXEC, 0));
  const std::array code = {masked(2, PROT_EXEC | PROT_WRITE, PROT_EXEC),
                           masked(3, MAP_ANONYMOUS, 0)};
  rules.allow("mmap", code);
  rules.allow_when("mprotect", masked(2, PROT_EXEC, 0));
}

std::unexpected<Error> failed(std::string_view what, int status) {
  return system_failure(fmt::format("system call filter: {}", what), -status);
}

}  // namespace

Result<void> install_seccomp_filter(config::Seccomp mode) {
  if (mode == config::Seccomp::off) return {};
  const bool enforce = mode == config::Seccomp::on;
  const Context context(seccomp_init(enforce ? SCMP_ACT_ERRNO(ENOSYS) : SCMP_ACT_LOG),
                        &seccomp_release);
  if (!context) return failed("cannot begin", -ENOMEM);
  for (const auto& [attribute, value] :
       {std::pair{SCMP_FLTATR_CTL_TSYNC, 1U}, std::pair{SCMP_FLTATR_CTL_OPTIMIZE, 2U},
        std::pair{SCMP_FLTATR_ACT_BADARCH, enforce ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_LOG}}) {
    if (const int status = seccomp_attr_set(context.get(), attribute, value); status != 0) {
      return failed("not supported here", status);
    }
  }
  Rules rules(context.get());
  for (const char* name : kAllowed) rules.add(SCMP_ACT_ALLOW, name);
  add_conditional(rules, enforce);
  if (enforce) {
    for (const char* name : kFatal) rules.add(SCMP_ACT_KILL_PROCESS, name);
  }
  if (rules.status() != 0) return failed("a rule is refused", rules.status());
  if (const int status = seccomp_load(context.get()); status != 0) {
    return failed("the kernel refuses it", status);
  }
  return {};
}

}  // namespace gatepost::process
