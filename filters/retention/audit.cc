#include "filters/retention/audit.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <initializer_list>
#include <mutex>
#include <system_error>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "proxy/base/unique_fd.h"

namespace gatepost::filters {

namespace {

/// "2026-01-31T12:00:00Z"
std::string now_text() {
  const auto now = std::chrono::system_clock::now();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", std::chrono::floor<std::chrono::seconds>(now));
}

std::string_view event_of(const Audit::Removal& removal) {
  return removal.dry_run ? "retention_would_remove" : "retention_removed";
}

/// Calls `write` with the fields of the line.
template <class Write>
void with_fields(const Audit::Removal& removal, Write write) {
  const std::string account = to_hex(removal.account);
  const std::string uidl = to_hex(removal.uidl);
  write(std::initializer_list<LogField>{{"id", removal.session},
                                        {"account", account},
                                        {"uidl", uidl},
                                        {"policy", removal.policy},
                                        {"reason", removal.reason}});
}

class LogAudit final : public Audit {
 public:
  explicit LogAudit(Log& log) : log_(log) {}
  void removed(const Removal& removal) override {
    with_fields(removal, [this, &removal](std::initializer_list<LogField> fields) {
      log_.info(event_of(removal), fields);
    });
  }

 private:
  Log& log_;
};

UniqueFd open_file(const std::string& file) {
  // As with the log: a FIFO that nobody reads must not stop the gateway.
  constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  int fd = -1;
  do {
    fd = ::open(file.c_str(), kFlags, 0600);
  } while (fd < 0 && errno == EINTR);
  return UniqueFd(fd);
}

class FileAudit final : public Audit {
 public:
  FileAudit(std::string file, UniqueFd fd, Log& log)
      : file_(std::move(file)), fd_(std::move(fd)), log_(log) {}

  void removed(const Removal& removal) override {
    with_fields(removal, [this, &removal](std::initializer_list<LogField> fields) {
      const auto problem = append(
          format_log_line(LogFormat::text, now_text(), LogLevel::info, event_of(removal), fields));
      if (!problem) return;
      // No removal goes without a line somewhere.
      log_.error("retention_audit", {{"file", file_}, {"error", problem.message()}});
      log_.info(event_of(removal), fields);
    });
  }

  void reopen() override {
    UniqueFd fresh = open_file(file_);
    if (fresh.get() < 0) {
      log_.error("retention_audit",
                 {{"file", file_}, {"error", std::generic_category().message(errno)}});
      return;
    }
    const std::scoped_lock lock(mutex_);
    fd_ = std::move(fresh);
  }

 private:
  [[nodiscard]] std::error_code append(std::string_view line) {
    const std::scoped_lock lock(mutex_);
    ssize_t written = 0;
    do {
      written = ::write(fd_.get(), line.data(), line.size());
    } while (written < 0 && errno == EINTR);
    if (written == static_cast<ssize_t>(line.size())) return {};
    return {written < 0 ? errno : ENOSPC, std::generic_category()};
  }

  const std::string file_;
  std::mutex mutex_;
  UniqueFd fd_;
  Log& log_;
};

}  // namespace

Result<std::shared_ptr<Audit>> Audit::open(const std::string& file, Log& log) {
  if (file.empty()) return std::make_shared<LogAudit>(log);
  UniqueFd fd = open_file(file);
  if (fd.get() < 0) return system_failure(fmt::format("audit file {}", file), errno);
  return std::make_shared<FileAudit>(file, std::move(fd), log);
}

}  // namespace gatepost::filters
