#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "proxy/base/timer.h"
#include "proxy/command/sweep_client.h"
#include "proxy/session/session.h"

namespace gatepost::command {

/// Whose mailboxes are opened, where, and under which policy.
struct SweepPlan {
  std::vector<std::string> accounts;  ///< as upstream knows them, each once
  std::shared_ptr<const upstream::Pool> pool;
  std::shared_ptr<const filters::RetentionPolicy> policy;
  std::shared_ptr<const session::MasterLogin> master;
  config::Timeouts timeouts;
  config::Limits limits;
  unsigned jobs = 1;  ///< accounts at once
};

/// What became of an account.
struct SweepResult {
  std::string account;
  std::string problem;  ///< empty: all was done that was due and that no guard kept
  bool logged_in = false;
  std::uint64_t removed = 0;
  std::uint64_t failed = 0;  ///< were to be removed, and may still be there
  /// What was due and stays: why, and how many.
  std::vector<std::pair<std::string, std::uint64_t>> kept;
};

/// Opens mailbox after mailbox with a session as clients have it, who says nothing but QUIT: what
/// is due under the policy is removed then, with all guards, notes and audit lines.
class Sweep final : session::Session::Home {
 public:
  /// Accounts that fail before any has been opened. Then the password is wrong, most likely, or the
  /// server is not there: the others are not tried.
  static constexpr std::size_t kMaxFailuresAtFirst = 10;

  /// `report` hears of each account, `done` once that nothing is left; neither from inside start().
  /// `services` outlive it.
  Sweep(const session::Services& services, SweepPlan plan,
        std::function<void(const SweepResult&)> report, std::function<void()> done);
  ~Sweep();
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;

  void start();
  /// How many were not tried, when it is done.
  [[nodiscard]] std::size_t untried() const { return plan_.accounts.size() - next_; }

 private:
  struct Visit {
    explicit Visit(std::string account) : name(account), dialog(std::move(account)) {}
    std::string name;
    SweepDialog dialog;
    std::shared_ptr<filters::PolicyCounters> counters = std::make_shared<filters::PolicyCounters>();
    std::unique_ptr<session::Session> session;
  };

  void on_session_ended(session::Session& session) override;
  void go_on();
  void visit_next();
  [[nodiscard]] static SweepResult result_of(const Visit& visit);
  [[nodiscard]] bool hopeless() const;

  const session::Services& services_;
  const SweepPlan plan_;
  const std::shared_ptr<const upstream::Router> router_;
  const std::function<void(const SweepResult&)> report_;
  const std::function<void()> done_;
  std::size_t next_ = 0;
  std::size_t failures_ = 0;
  bool any_opened_ = false;
  std::unordered_map<session::Session*, std::unique_ptr<Visit>> visits_;
  std::vector<session::Session*> ended_;
  std::unique_ptr<Timer> turn_;
};

}  // namespace gatepost::command
