#include "proxy/upstream/server.h"

#include <algorithm>
#include <utility>

namespace gatepost::upstream {

Instant ServerState::up_since() const {
  const std::lock_guard lock(mutex_);
  return up_since_;
}

bool ServerState::succeeded(Instant now) {
  const std::lock_guard lock(mutex_);
  bad_in_a_row_ = 0;
  switch (health()) {
    case Health::up:
      return false;
    case Health::unknown:
      break;  // nothing speaks against it
    case Health::down:
      if (++good_in_a_row_ < rules_.rise) return false;
      up_since_ = now;
      break;
  }
  good_in_a_row_ = 0;
  health_.store(Health::up, std::memory_order_relaxed);
  return true;
}

bool ServerState::failed(Instant /*now*/) {
  const std::lock_guard lock(mutex_);
  good_in_a_row_ = 0;
  if (health() == Health::down || ++bad_in_a_row_ < rules_.fall) return false;
  bad_in_a_row_ = 0;
  health_.store(Health::down, std::memory_order_relaxed);
  return true;
}

std::shared_ptr<const pop3::Capabilities> ServerState::capabilities() const {
  const std::lock_guard lock(mutex_);
  return capabilities_;
}

std::shared_ptr<const pop3::Capabilities> ServerState::capabilities_behind(
    std::string_view greeting, Instant now) const {
  const std::lock_guard lock(mutex_);
  return greeting_ == greeting && now >= doubted_until_ ? capabilities_ : nullptr;
}

std::shared_ptr<const pop3::Capabilities> ServerState::learned(
    std::string_view body, std::optional<std::string_view> greeting) {
  const std::lock_guard lock(mutex_);
  if (greeting && greeting_ != *greeting) greeting_ = *greeting;
  if (!capabilities_ || announced_ != body) {
    announced_ = body;
    capabilities_ =
        std::make_shared<const pop3::Capabilities>(pop3::Capabilities::parse(announced_));
  }
  return capabilities_;
}

std::optional<ServerState::Announcement> ServerState::announcement(Instant now) const {
  const std::lock_guard lock(mutex_);
  if (!capabilities_) return std::nullopt;
  return Announcement{announced_, now >= doubted_until_ ? greeting_ : std::nullopt};
}

void ServerState::doubt(Instant now) {
  const std::lock_guard lock(mutex_);
  doubted_until_ = now + kDoubt;
}

void ServerState::set_rules(config::HealthCheck rules) {
  const std::lock_guard lock(mutex_);
  rules_ = rules;
}

Lease Lease::take(const Server& server) {
  Lease lease;
  std::atomic<std::uint32_t>& sessions = server.state->sessions_;
  std::uint32_t seen = sessions.load(std::memory_order_relaxed);
  do {
    if (server.max_connections != 0 && seen >= server.max_connections) return lease;
  } while (!sessions.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed));
  lease.state_ = server.state;
  return lease;
}

Lease& Lease::operator=(Lease&& other) noexcept {
  Lease taken(std::move(other));
  state_.swap(taken.state_);
  return *this;
}

Lease::~Lease() {
  if (state_) state_->sessions_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace gatepost::upstream
