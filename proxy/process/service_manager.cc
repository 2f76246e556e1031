#include "proxy/process/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

#include <fmt/format.h>

namespace gatepost::process {

namespace {

/// What the service manager is to wait beyond the limit of a drain before it kills.
constexpr Duration kMargin{10'000};

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::optional<std::uint64_t> number_in(const std::string& text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || at != end) return std::nullopt;
  return number;
}

/// CLOCK_MONOTONIC, by which it tells a reload that it asked for from an earlier one.
std::uint64_t monotonic_microseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1'000;
}

}  // namespace

NotifySocket::NotifySocket(std::string_view address) {
  const bool abstract = address.starts_with('@');
  if (!abstract && !address.starts_with('/')) return;
  if (address.size() >= sizeof sockaddr_un::sun_path) return;
  address_ = address;
  if (abstract) address_.front() = '\0';
  socket_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

bool NotifySocket::send(std::string_view assignments) const {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, address_.data(), address_.size());
  // An abstract name ends where the address does; a path ends with its NUL.
  const bool abstract = address_.front() == '\0';
  const std::size_t length = offsetof(sockaddr_un, sun_path) + address_.size() + (abstract ? 0 : 1);
  const ssize_t sent =
      ::sendto(socket_.get(), assignments.data(), assignments.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
               reinterpret_cast<const sockaddr*>(&to), static_cast<socklen_t>(length));
  return sent == static_cast<ssize_t>(assignments.size());
}

ServiceManager::Environment ServiceManager::environment() {
  Environment found{.socket = variable("NOTIFY_SOCKET"), .watchdog = {}};
  const auto microseconds = number_in(variable("WATCHDOG_USEC"));
  const std::string process = variable("WATCHDOG_PID");
  const bool ours = process.empty() || process == fmt::format("{}", ::getpid());
  if (microseconds && *microseconds > 0 && ours) {
    constexpr std::uint64_t kYear = 31'536'000'000'000;
    found.watchdog = std::chrono::microseconds(std::min(*microseconds, kYear));
  }
  return found;
}

ServiceManager::ServiceManager(TimerService& timers, Sources sources, const Environment& from)
    : socket_(from.socket),
      sources_(std::move(sources)),
      look_timer_(timers.make_timer([this] { look(); })),
      ping_timer_(timers.make_timer([this] { ping(); })) {
  if (!from.watchdog) return;
  // Half of it: one that comes late is not yet a catastrophe.
  ping_every_ = std::max(Duration(1), std::chrono::duration_cast<Duration>(*from.watchdog / 2));
}

void ServiceManager::ready() {
  if (!socket_.wanted()) return;
  say("READY=1" + new_status());
  look_timer_->start(kLook);
  if (ping_every_) ping();
}

void ServiceManager::reloading() {
  say(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", monotonic_microseconds()));
}

void ServiceManager::stopping(Duration limit) {
  const std::chrono::microseconds most = limit + kMargin;
  say(fmt::format("STOPPING=1\nEXTEND_TIMEOUT_USEC={}", most.count()) + new_status());
}

void ServiceManager::succeeded_by(pid_t process) {
  say(fmt::format("MAINPID={}", process));
  look_timer_->stop();
  ping_timer_->stop();
  socket_ = NotifySocket();
}

void ServiceManager::say(std::string text) {
  if (!socket_.wanted()) return;
  unsent_.push_back(std::move(text));
  if (unsent_.size() > kMaxUnsent) unsent_.pop_front();
  send_unsent();
}

/// In order; what the manager has no room for now is said at the next look.
void ServiceManager::send_unsent() {
  while (!unsent_.empty() && socket_.send(unsent_.front())) unsent_.pop_front();
}

void ServiceManager::look() {
  look_timer_->start(kLook);
  const std::string status = new_status();
  if (!status.empty()) return say(status.substr(1));
  send_unsent();
}

void ServiceManager::ping() {
  ping_timer_->start(*ping_every_);
  if (sources_.alive()) static_cast<void>(socket_.send("WATCHDOG=1"));
}

/// "\nSTATUS=…", or nothing while it is the same.
std::string ServiceManager::new_status() {
  std::string status = sources_.status().substr(0, kMaxStatus);
  std::ranges::replace(status, '\n', ' ');
  if (status == status_) return {};
  status_ = status;
  return "\nSTATUS=" + status;
}

}  // namespace gatepost::process
