#include "proxy/base/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <mutex>
#include <system_error>

namespace gatepost {
namespace {

constexpr mode_t kFileMode = 0640;

std::string timestamp(std::chrono::system_clock::time_point now) {
  const auto since_epoch =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  const auto seconds = static_cast<std::time_t>(since_epoch / 1000);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     since_epoch % 1000);
}

/// Where lines go: standard error, which we do not own, or a file of our own.
class Sink {
 public:
  Sink() = default;
  explicit Sink(int own_fd) : fd_(own_fd) {}
  Sink(Sink&& other) noexcept : fd_(std::exchange(other.fd_, STDERR_FILENO)) {}
  Sink& operator=(Sink&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Sink() {
    if (fd_ != STDERR_FILENO) ::close(fd_);
  }
  [[nodiscard]] int fd() const { return fd_; }

  static Result<Sink> open(const std::string& file) {
    if (file.empty()) return Sink();
    // O_NONBLOCK changes nothing for a file; a FIFO that nobody reads must not stop the gateway.
    constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int fd = -1;
    do {
      fd = ::open(file.c_str(), kFlags, kFileMode);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
      const int code = errno;
      return system_failure(fmt::format("log file {}", file), code);
    }
    return Sink(fd);
  }

 private:
  int fd_ = STDERR_FILENO;
};

/// Whether a write would go through now. Standard error may be a pipe whose reader hangs; it is
/// shared with other processes, so it cannot be made non-blocking, but it can be asked.
bool has_room(int fd) {
  pollfd request{fd, POLLOUT, 0};
  int ready = 0;
  do {
    ready = ::poll(&request, 1, 0);
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

class FileLog final : public ProcessLog {
 public:
  FileLog(const LogOptions& options, Sink sink)
      : level_(options.level), format_(options.format), sink_(std::move(sink)) {}

  void write(LogLevel level, std::string_view event,
             std::initializer_list<LogField> fields) override {
    if (level < level_.load(std::memory_order_relaxed)) return;
    const std::string line =
        format_log_line(format_.load(std::memory_order_relaxed),
                        timestamp(std::chrono::system_clock::now()), level, event, fields);
    const std::lock_guard lock(mutex_);
    if (!put(line)) lost_.fetch_add(1, std::memory_order_relaxed);
  }

  Result<void> reopen(const LogOptions& options) override {
    auto sink = Sink::open(options.file);
    if (!sink) return std::unexpected(std::move(sink.error()));
    level_.store(options.level, std::memory_order_relaxed);
    format_.store(options.format, std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    sink_ = std::move(*sink);
    torn_ = false;
    return {};
  }

  void set_level(LogLevel level) override { level_.store(level, std::memory_order_relaxed); }
  [[nodiscard]] LogLevel level() const override { return level_.load(std::memory_order_relaxed); }

  [[nodiscard]] std::uint64_t lost_lines() const override {
    return lost_.load(std::memory_order_relaxed);
  }

 private:
  /// Under the mutex. One write(2), unless the system takes only a part of the line.
  bool put(std::string_view line) {
    std::string mended;
    if (torn_) {
      mended = fmt::format("\n{}", line);
      line = mended;
    }
    const std::size_t whole = line.size();
    while (!line.empty()) {
      const ssize_t n = has_room(sink_.fd()) ? ::write(sink_.fd(), line.data(), line.size()) : -2;
      if (n == -1 && errno == EINTR) continue;
      if (n <= 0) {
        torn_ = torn_ || line.size() != whole;
        return false;
      }
      line.remove_prefix(static_cast<std::size_t>(n));
    }
    torn_ = false;
    return true;
  }

  std::atomic<LogLevel> level_;
  std::atomic<LogFormat> format_;
  std::atomic<std::uint64_t> lost_ = 0;
  std::mutex mutex_;
  Sink sink_;
  bool torn_ = false;  // the last line ended in the middle: the next one starts with a newline
};

}  // namespace

Result<std::unique_ptr<ProcessLog>> ProcessLog::open(const LogOptions& options) {
  auto sink = Sink::open(options.file);
  if (!sink) return std::unexpected(std::move(sink.error()));
  return std::make_unique<FileLog>(options, std::move(*sink));
}

}  // namespace gatepost
