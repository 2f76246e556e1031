#include "proxy/process/seccomp_filter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <functional>
#include <string>
#include <thread>
#include <utility>

#include "filters/quarantine/quarantine.h"
#include "filters/spool/spool.h"
#include "proxy/net/loop.h"
#include "proxy/net/loop_background.h"
#include "proxy/process/version.h"
#include "tests/support/temporary_folder.h"

#if defined(__SANITIZE_THREAD__)
// Other tests leave threads behind that wait for work; a child that a test forks may have its own
// all the same. By the name that ThreadSanitizer looks for.
// NOLINTBEGIN
extern "C" [[gnu::visibility("default")]] const char* __tsan_default_options();
const char* __tsan_default_options() { return "die_after_fork=0"; }
// NOLINTEND
#endif

namespace gatepost::process {
namespace {

using config::Seccomp;

constexpr int kNoFilter = 99;

/// What becomes of a process with the filter that does `deed`: what that returns, or the number of
/// the signal that ended it, negative.
int outcome(Seccomp mode, const std::function<int()>& deed) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!install_seccomp_filter(mode)) ::_exit(kNoFilter);
    ::_exit(deed());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int error_of(long result) { return result < 0 ? errno : 0; }

TEST(SeccompFilter, ends_a_process_that_runs_a_program) {
  EXPECT_EQ(outcome(Seccomp::on,
                    [] {
                      std::array<char*, 1> none{nullptr};
                      return error_of(::execve("/bin/true", none.data(), none.data()));
                    }),
            -SIGSYS);
}

TEST(SeccompFilter, ends_a_process_that_does_what_only_intruders_do) {
  EXPECT_EQ(outcome(Seccomp::on, [] { return error_of(::ptrace(PTRACE_TRACEME, 0, 0, 0)); }),
            -SIGSYS);
  EXPECT_EQ(outcome(Seccomp::on, [] { return error_of(::mount("a", "/b", "c", 0, nullptr)); }),
            -SIGSYS);
  EXPECT_EQ(
      outcome(Seccomp::on, [] { return error_of(::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }),
      -SIGSYS);
  EXPECT_EQ(outcome(Seccomp::on, [] { return error_of(::setuid(1)); }), -SIGSYS);
  EXPECT_EQ(outcome(Seccomp::on, [] { return error_of(::unshare(CLONE_NEWNS)); }), -SIGSYS);
}

TEST(SeccompFilter, refuses_what_a_gateway_has_no_use_for) {
  EXPECT_EQ(outcome(Seccomp::on, [] { return error_of(::syscall(SYS_inotify_init1, 0)); }), ENOSYS);
  EXPECT_EQ(outcome(Seccomp::on, [] { return error_of(::syscall(SYS_clone3, nullptr, 0)); }),
            ENOSYS);
  EXPECT_EQ(outcome(Seccomp::on, [] { return error_of(::syscall(SYS_kill, 1, 0)); }), ENOSYS);
  EXPECT_EQ(outcome(Seccomp::on, [] { return error_of(::socket(AF_PACKET, SOCK_RAW, 0)); }),
            ENOSYS);
}

TEST(SeccompFilter, runs_no_memory_that_was_written_to) {
  const auto map = [](int protection) {
    void* at = ::mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? errno : 0;
  };
  EXPECT_EQ(outcome(Seccomp::on, [&] { return map(PROT_READ | PROT_WRITE); }), 0);
  EXPECT_EQ(outcome(Seccomp::on, [&] { return map(PROT_READ | PROT_EXEC); }), ENOSYS);
  EXPECT_EQ(outcome(Seccomp::on, [&] { return map(PROT_READ | PROT_WRITE | PROT_EXEC); }), ENOSYS);
  EXPECT_EQ(outcome(Seccomp::on,
                    [] {
                      void* at = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                      return error_of(::mprotect(at, 4096, PROT_READ | PROT_EXEC));
                    }),
            ENOSYS);
}

/// Of a thread: waits for a word, and ends the process with what came of it.
void* break_rule_when_told(void* ends) {
  char go = 0;
  static_cast<void>(!::read(*static_cast<int*>(ends), &go, 1));
  ::_exit(error_of(::syscall(SYS_inotify_init1, 0)));
}

TEST(SeccompFilter, holds_for_threads_that_were_there_before) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) ::_exit(1);
    // A stack larger than others: ThreadSanitizer still knows the threads of the parent by theirs,
    // and gives up where one of those is used again.
    pthread_attr_t large;
    pthread_attr_init(&large);
    pthread_attr_setstacksize(&large, 64UL * 1024 * 1024);
    pthread_t other{};
    if (::pthread_create(&other, &large, break_rule_when_told, ends.data()) != 0) ::_exit(1);
    if (!install_seccomp_filter(Seccomp::on)) ::_exit(kNoFilter);
    static_cast<void>(!::write(ends[1], "!", 1));
    ::pthread_join(other, nullptr);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), ENOSYS);
}

TEST(SeccompFilter, only_notes_it_when_asked_to) {
  EXPECT_EQ(outcome(Seccomp::log, [] { return error_of(::syscall(SYS_inotify_init1, 0)); }), 0);
  EXPECT_EQ(outcome(Seccomp::off, [] { return error_of(::syscall(SYS_inotify_init1, 0)); }), 0);
}

TEST(SeccompFilter, leaves_threads_names_files_and_randomness_alone) {
  const int result = outcome(Seccomp::on, [] {
    char byte = 0;
    if (::getrandom(&byte, 1, 0) != 1) return 1;
    addrinfo* found = nullptr;
    if (::getaddrinfo("localhost", "110", nullptr, &found) != 0) return 2;
    ::freeaddrinfo(found);
    const int fd = ::open("/etc/hosts", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 3;
    ::close(fd);
    // Threads of a sanitizer are more than threads: such programs run without the filter.
    bool ran = kSanitized;
    if (!kSanitized) std::thread([&ran] { ran = true; }).join();
    return ran ? 0 : 4;
  });
  EXPECT_EQ(result, 0);
}

/// One message of so many octets spooled, read in pieces and handed on as a file; 0 when it is
/// well.
int spool_one(const std::string& folder, std::size_t octets) {
  net::Loop loop;
  net::LoopBackground background(loop);
  BlockPool pool;
  const auto room = std::make_shared<filters::SpoolRoom>(folder, octets, octets);
  auto spool = std::make_shared<filters::Spool>(room, pool, background, [&loop] { loop.stop(); });
  const std::string piece(1'000, 'x');
  for (std::size_t n = 0; n < octets; n += piece.size()) {
    spool->append(ByteChain(pool, piece));
    while (spool->congested() && !spool->failure()) loop.run();
  }
  spool->seal();
  while (!spool->ready() && !spool->failure()) loop.run();
  if (spool->failure()) return 1;
  if ((spool->file() >= 0) != (octets > filters::Spool::kInMemory)) return 2;
  const auto again = spool->open_again();
  char last = 0;
  if (!again) return 3;
  if (::pread(again->get(), &last, 1, static_cast<off_t>(octets - 1)) != 1) return 4;
  if (last != 'x') return 5;
  filters::SpoolReader reader(spool, [&loop] { loop.stop(); });
  ByteChain read;
  std::size_t total = 0;
  while (true) {
    const auto progress = reader.next(read);
    total += read.size();
    read.consume(read.size());
    if (progress == filters::SpoolReader::Progress::failed) return 6;
    if (progress == filters::SpoolReader::Progress::end) return total == octets ? 0 : 7;
    if (progress == filters::SpoolReader::Progress::wait) loop.run();
  }
}

TEST(SeccompFilter, lets_messages_be_spooled) {
  // The pool of threads behind it is more than threads where a sanitizer looks on.
  if (kSanitized) GTEST_SKIP();
  const gatepost::testing::TemporaryFolder folder;
  for (const std::size_t octets : {1'000U, 3'000'000U}) {
    EXPECT_EQ(outcome(Seccomp::on, [&] { return spool_one(folder.file(""), octets); }), 0)
        << octets;
  }
}

TEST(SeccompFilter, lets_the_quarantine_do_its_work) {
  const gatepost::testing::TemporaryFolder folder;
  const int result = outcome(Seccomp::on, [&folder] {
    const config::Quarantine config{folder.file("q"), 3'000, std::chrono::hours(1)};
    const auto quarantine = filters::Quarantine::open(config);
    if (!quarantine) return 1;
    for (unsigned i = 1; i <= 5; ++i) {
      // Nothing that can be compressed, so that the oldest have to go.
      std::string text(1'000, '\0');
      if (::getrandom(text.data(), text.size(), 0) < 0) return 2;
      std::string_view once = text;
      const auto next = [&once]() -> Result<std::string_view> { return std::exchange(once, {}); };
      if ((*quarantine)->keep(sha256(text), next, {}) != i) return 3;
    }
    if ((*quarantine)->list()->size() != 2 || !(*quarantine)->release(5)) return 4;
    if (!(*quarantine)->read(5, [](std::string_view) { return true; })) return 5;
    return (*quarantine)->remove(4) && filters::Quarantine::open(config) ? 0 : 6;
  });
  EXPECT_EQ(result, 0);
}

}  // namespace
}  // namespace gatepost::process
