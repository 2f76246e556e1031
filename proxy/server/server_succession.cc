// How a Server follows another process at an upgrade: ready first, and then it takes clients.

#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "proxy/server/server.h"

namespace gatepost::server {

namespace {

constexpr Duration kLookAgain{20};

}  // namespace

/// The process before still serves; nobody else is to come here and find scanners untested.
void Server::prepare_succession() {
  if (admin_) admin_->pause();
  if (control_) control_->pause();
  ready_by_ = loop_.now() + kReadyLimit;
  succeed_when_ready();
}

void Server::succeed_when_ready() {
  if (phase_ != Phase::succeeding) return;
  const std::vector<std::string> reasons = not_ready();
  if (reasons.empty()) return take_over();
  if (loop_.now() < ready_by_) return readiness_->start(kLookAgain);
  stand_back(fmt::format("the new process is not ready: {}", fmt::join(reasons, "; ")));
}

/// Nobody came here yet, so nobody is waited for.
void Server::stand_back(std::string why) {
  unready_ = std::move(why);
  loop_.stop();
}

/// Clients come to either process until the one before has heard of it.
void Server::take_over() {
  phase_ = Phase::serving;
  for (auto& worker : workers_) worker->admit();
  if (admin_) admin_->resume();
  if (control_) control_->resume();
  predecessor_.say_ready();
  service_manager_.ready();
}

}  // namespace gatepost::server
