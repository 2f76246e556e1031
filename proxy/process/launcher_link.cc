#include "proxy/process/launcher_link.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "filters/scan/tell_later.h"
#include "proxy/process/packet.h"

namespace gatepost::process {

namespace {

/// 0 or the error's number. `descriptor` goes along if there is one.
int send_request(int link, const LaunchRequest& request, int descriptor) {
  return send_with_descriptor(link, std::as_bytes(std::span(&request, 1)), descriptor);
}

net::ProgramEnd end_of(const LaunchReport& report) {
  const std::size_t size = std::min<std::size_t>(report.size, report.output.size());
  return {.how = static_cast<net::ProgramEnd::How>(report.how),
          .code = report.code,
          .output = std::string(report.output.data(), size)};
}

}  // namespace

LauncherLink::LauncherLink(net::Loop& loop, UniqueFd link, std::vector<net::Program> programs)
    : loop_(loop),
      link_(std::move(link)),
      watch_(std::make_unique<FdWatch>(loop_, link_.get(), [this] { on_ready(); })),
      programs_(std::move(programs)) {}

Ticket LauncherLink::run(const net::Program& program, UniqueFd input, Done done) {
  const auto refuse = [this, &done](Error error) {
    return filters::tell_later(loop_, [done = std::move(done), error = std::move(error)]() mutable {
      done(std::unexpected(std::move(error)));
    });
  };
  const auto known = std::ranges::find(programs_, program);
  if (known == programs_.end()) {
    return refuse({ErrorCode::config, "a new command needs a restart"});
  }
  if (link_.get() < 0) return refuse({ErrorCode::system, "the launcher has ended: restart"});
  const LaunchRequest request{.what = LaunchRequest::What::run,
                              .program = static_cast<std::uint32_t>(known - programs_.begin()),
                              .id = next_id_++};
  if (const int code = send_request(link_.get(), request, input.get()); code != 0) {
    return refuse(system_failure("launcher", code).error());
  }
  running_.emplace(request.id, std::move(done));
  return Ticket([this, id = request.id, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) kill(id);
  });
}

void LauncherLink::on_ready() {
  if (!to_kill_.empty()) send_kills();
  read_reports();
}

void LauncherLink::read_reports() {
  while (link_.get() >= 0) {
    LaunchReport report;
    const ssize_t n = ::recv(link_.get(), &report, sizeof report, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n != sizeof report) return launcher_ended();
    auto ended = running_.extract(report.id);
    if (!ended.empty()) ended.mapped()(end_of(report));  // else it was killed meanwhile
  }
}

void LauncherLink::kill(std::uint64_t id) {
  if (running_.erase(id) == 0 || link_.get() < 0) return;
  to_kill_.push_back(id);
  send_kills();
}

void LauncherLink::send_kills() {
  while (!to_kill_.empty()) {
    const LaunchRequest request{
        .what = LaunchRequest::What::kill, .program = 0, .id = to_kill_.front()};
    if (send_request(link_.get(), request, -1) != 0)
      break;  // later, or its end is about to be seen
    to_kill_.pop_front();
  }
  watch_->want_room(!to_kill_.empty());
}

void LauncherLink::launcher_ended() {
  watch_.reset();
  link_ = UniqueFd();
  to_kill_.clear();
  while (!running_.empty()) {
    auto lost = running_.extract(running_.begin());
    lost.mapped()(fail(ErrorCode::system, "the launcher has ended: restart"));
  }
}

}  // namespace gatepost::process
