#include "proxy/command/sweep.h"

#include <algorithm>

#include <fmt/format.h>

namespace gatepost::command {

using filters::RetentionDecision;
using filters::RetentionGuard;

namespace {

constexpr const char* kName = "sweep";

/// Everybody goes to the one pool, by the name that was given.
std::shared_ptr<const upstream::Router> router_to(std::shared_ptr<const upstream::Pool> pool) {
  std::vector<upstream::Route> routes(1);
  routes.front().conditions.name = kName;
  routes.front().pool = std::move(pool);
  return std::make_shared<const upstream::Router>(std::move(routes));
}

std::uint64_t count(const filters::PolicyCounters& counters, RetentionDecision decision) {
  return counters.decisions[static_cast<std::size_t>(decision)];
}

}  // namespace

Sweep::Sweep(const session::Services& services, SweepPlan plan,
             std::function<void(const SweepResult&)> report, std::function<void()> done)
    : services_(services),
      plan_(std::move(plan)),
      router_(router_to(plan_.pool)),
      report_(std::move(report)),
      done_(std::move(done)),
      turn_(services.timers.make_timer([this] { go_on(); })) {}

Sweep::~Sweep() = default;

void Sweep::start() { turn_->start(Duration(0)); }

/// It cannot be destroyed now, and its constructor may still be at work.
void Sweep::on_session_ended(session::Session& session) {
  ended_.push_back(&session);
  turn_->start(Duration(0));
}

void Sweep::go_on() {
  for (session::Session* const session : std::exchange(ended_, {})) {
    const auto at = visits_.find(session);
    const SweepResult result = result_of(*at->second);
    visits_.erase(at);
    any_opened_ |= result.logged_in;
    if (!result.logged_in) ++failures_;
    report_(result);
  }
  while (visits_.size() < plan_.jobs && next_ < plan_.accounts.size() && !hopeless()) visit_next();
  if (visits_.empty()) done_();
}

bool Sweep::hopeless() const { return !any_opened_ && failures_ >= kMaxFailuresAtFirst; }

void Sweep::visit_next() {
  auto visit = std::make_unique<Visit>(plan_.accounts[next_++]);
  // Counters of its own say what became of this account.
  auto policy = std::make_shared<filters::RetentionPolicy>(*plan_.policy);
  policy->counters = visit->counters;
  auto settings = std::make_shared<session::Settings>();
  settings->listener = kName;
  settings->router = router_;
  settings->retention = std::move(policy);
  settings->master = plan_.master;
  settings->timeouts = plan_.timeouts;
  settings->limits = plan_.limits;
  auto client = std::make_unique<SweepClient>(services_.pool, visit->dialog);
  net::ClientFacts facts;
  facts.address = client->peer();
  facts.local = client->local();
  session::Session::Home& self = *this;
  visit->session =
      std::make_unique<session::Session>(fmt::format("{}-{:x}", kName, next_ - 1), services_,
                                         std::move(settings), std::move(client), facts, self);
  session::Session* const key = visit->session.get();
  visits_.emplace(key, std::move(visit));
}

SweepResult Sweep::result_of(const Visit& visit) {
  const filters::PolicyCounters& counters = *visit.counters;
  SweepResult result;
  result.account = visit.name;
  result.problem = visit.dialog.problem();
  result.logged_in = visit.dialog.logged_in();
  result.removed = count(counters, RetentionDecision::removed);
  const std::uint64_t due = count(counters, RetentionDecision::due);
  result.failed = due - std::min(due, result.removed);
  for (std::size_t i = 0; i < counters.guards.size(); ++i) {
    if (counters.guards[i] == 0) continue;
    result.kept.emplace_back(to_string(static_cast<RetentionGuard>(i)), counters.guards[i].load());
  }
  if (result.problem.empty() && result.failed > 0) {
    result.problem = fmt::format("{} due could not be removed", result.failed);
  }
  return result;
}

}  // namespace gatepost::command
