#include "proxy/process/upgrade.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <span>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "proxy/base/secret.h"
#include "proxy/process/inherited_sockets.h"
#include "proxy/process/packet.h"

namespace gatepost::process {

namespace {

using What = HandoverPacket::What;

Result<void> ask(int link, StarterRequest request, int descriptor) {
  const int code = send_with_descriptor(link, std::as_bytes(std::span(&request, 1)), descriptor);
  if (code != 0) return system_failure("starter", code);
  return {};
}

std::string how_it_ended(const StarterReport& report) {
  if (report.what == StarterReport::What::signalled) {
    return fmt::format("the new process was ended by signal {}", report.code);
  }
  return fmt::format("the new process ended with exit code {}: it has said why in its log",
                     report.code);
}

}  // namespace

Upgrade::Upgrade(net::Loop& loop, Starter& starter, Duration limit)
    : loop_(loop),
      starter_(starter),
      limit_(limit),
      link_watch_(loop, starter.link(), [this] { on_link(); }),
      timer_(loop.make_timer(
          [this] { give_up("the new process was not ready in time, and was killed"); })) {}

Result<void> Upgrade::begin(Done done) {
  if (state_ == State::orphaned) {
    return fail(ErrorCode::system, "the process that would start it has ended: restart");
  }
  if (state_ != State::idle) return fail(ErrorCode::limit, "an upgrade is under way already");
  std::array<int, 2> ends{};
  constexpr int kType = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
  if (::socketpair(AF_UNIX, kType, 0, ends.data()) != 0) return system_failure("upgrade", errno);
  UniqueFd way(ends[0]);
  const UniqueFd far_end(ends[1]);
  auto asked = ask(starter_.link(), StarterRequest::start, far_end.get());
  if (!asked) return asked;
  way_ = std::move(way);
  way_watch_ = std::make_unique<FdWatch>(loop_, way_.get(), [this] { on_way(); });
  state_ = State::starting;
  process_ = -1;
  ready_ = false;
  reason_.clear();
  done_ = std::move(done);
  timer_->start(limit_);
  return {};
}

void Upgrade::hand_over(std::vector<HandoverPacket> cargo) {
  if (state_ != State::starting) return;
  std::ranges::move(cargo, std::back_inserter(unsent_));
  unsent_.push_back({What::whole, {}, {}});
  send();
}

void Upgrade::give_up(const std::string& why) {
  if (state_ != State::starting) return;
  reason_ = why;
  state_ = State::giving_up;
  timer_->stop();
  unsent_.clear();
  // Its end is reported, and that of the starter would be seen.
  static_cast<void>(ask(starter_.link(), StarterRequest::kill, -1));
}

void Upgrade::on_link() {
  for (;;) {
    StarterReport report;
    const ssize_t size = ::recv(starter_.link(), &report, sizeof report, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return;
    if (size != sizeof report) return starter_ended();
    on_report(report);
  }
}

void Upgrade::on_report(const StarterReport& report) {
  if (state_ == State::idle || state_ == State::orphaned) return;
  switch (report.what) {
    case StarterReport::What::started:
      process_ = report.process;
      // Had it not begun when it was to be killed, that came too early.
      if (state_ == State::giving_up) {
        static_cast<void>(ask(starter_.link(), StarterRequest::kill, -1));
      }
      return finish_if_ready();
    case StarterReport::What::not_started:
      return finish(fail(
          ErrorCode::system,
          fmt::format("{}: {}", starter_.program(), std::generic_category().message(report.code))));
    case StarterReport::What::exited:
    case StarterReport::What::signalled:
      if (way_watch_) read_way();
      return finish(
          fail(ErrorCode::system, reason_.empty() ? how_it_ended(report) : std::move(reason_)));
  }
}

void Upgrade::on_way() {
  send();
  if (way_watch_) read_way();
  finish_if_ready();
}

/// Until there is nothing now, or nothing any more.
void Upgrade::read_way() {
  for (;;) {
    auto packet = receive_packet(way_.get());
    if (!packet) {
      way_watch_.reset();
      // Its end is reported by the starter, with how it came about.
      if (packet.error().code != ErrorCode::closed) give_up(packet.error().detail);
      return;
    }
    if (!*packet) return;
    if ((*packet)->what == What::ready) ready_ = true;
    if ((*packet)->what == What::failed && state_ == State::starting) {
      reason_ = std::move((*packet)->text);
    }
  }
}

void Upgrade::send() {
  while (!unsent_.empty() && way_watch_) {
    auto sent = send_packet(way_.get(), unsent_.front());
    if (!sent) {  // it has ended, which is reported, or we have run out of something
      unsent_.clear();
      break;
    }
    if (!*sent) break;
    if (unsent_.front().what == What::ticket_keys) wipe(unsent_.front().text);
    unsent_.pop_front();
  }
  if (way_watch_) way_watch_->want_room(!unsent_.empty());
}

void Upgrade::starter_ended() {
  const State before = std::exchange(state_, State::orphaned);
  link_watch_.stop();
  if (before == State::idle) return;
  way_watch_.reset();
  way_ = UniqueFd();
  timer_->stop();
  std::exchange(done_,
                nullptr)(fail(ErrorCode::system, "the process that starts the new one has ended"));
}

/// Both ways may be the faster one.
void Upgrade::finish_if_ready() {
  if (state_ == State::starting && ready_ && process_ > 0) finish(process_);
}

void Upgrade::finish(Result<pid_t> outcome) {
  state_ = State::idle;
  timer_->stop();
  unsent_.clear();
  way_watch_.reset();
  way_ = UniqueFd();
  std::exchange(done_, nullptr)(std::move(outcome));
}

Result<void> pack_sockets(const std::string& key, std::vector<UniqueFd> sockets,
                          std::vector<HandoverPacket>& cargo) {
  if (key.size() > InheritedSockets::kMaxKey) {
    return fail(ErrorCode::limit, fmt::format("{}: too long to be handed over", key));
  }
  HandoverPacket* packet = nullptr;
  for (UniqueFd& socket : sockets) {
    if (packet == nullptr || packet->descriptors.size() == HandoverPacket::kMaxDescriptors) {
      packet = &cargo.emplace_back(What::sockets, key, std::vector<UniqueFd>());
    }
    packet->descriptors.push_back(std::move(socket));
  }
  return {};
}

}  // namespace gatepost::process
