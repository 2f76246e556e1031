#include "proxy/server/retention_room.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "filters/retention/counters.h"
#include "filters/retention/judge.h"
#include "filters/retention/names.h"
#include "filters/retention/record.h"
#include "proxy/admin/words.h"
#include "proxy/base/compute.h"
#include "proxy/server/retention_judge.h"
#include "proxy/server/retention_text.h"

namespace gatepost::server {

namespace {

using admin::RetentionRoom;
using filters::to_hex;
using store::Entry;

/// The same names as in the configuration, in the order of the values.
constexpr std::array<std::string_view, 5> kTypes = {"client", "keep", "keep_for",
                                                    "delete_after_retrieval", "read_only"};
constexpr std::array<std::string_view, 3> kViews = {
    "hidden from the account", "hidden from the device that deleted it", "shown again"};
constexpr std::array<std::string_view, 3> kSince = {"seen", "retrieved", "deleted"};

/// When it goes; what stays comes last.
std::int64_t order_of(const RetentionJudge& judge, const RetentionRow& row) {
  constexpr auto kNever = std::numeric_limits<std::int64_t>::max();
  if (!row.record || judge.held || row.record->gone > 0 || row.record->removed > 0) return kNever;
  const auto due = due_of(judge.policy.value_or(config::RetentionPolicy()), *row.record);
  return due ? due->since : kNever;
}

RetentionRoom::Counts counts_of(const RetentionCounts& counts) {
  return {counts.begin(), counts.end()};
}

RetentionRoom::Report make_report(const RetentionJudge& judge, const std::vector<Entry>& real,
                                  const std::vector<Entry>& dry,
                                  const RetentionRoom::Question& question) {
  std::vector<RetentionRow> rows = retention_rows(real);
  RetentionRoom::Report report;
  report.policy = judge.policy ? judge.policy->name : "";
  report.held = judge.held;
  report.states = counts_of(retention_states(judge, rows));
  report.outlooks = counts_of(retention_outlooks(judge, rows));
  report.dry_run = counts_of(retention_dry_run(retention_rows(dry)));
  report.records = rows.size();
  // Places are sorted rather than rows, and each row is judged once.
  std::vector<std::pair<std::int64_t, std::size_t>> places;
  places.reserve(rows.size());
  for (const RetentionRow& row : rows) places.emplace_back(order_of(judge, row), places.size());
  std::ranges::sort(places);
  const std::size_t begin = std::min(question.skip, rows.size());
  const std::size_t end = begin + std::min(question.limit, rows.size() - begin);
  for (std::size_t i = begin; i < end; ++i) {
    const RetentionRow& row = rows[places[i].second];
    const filters::Record record = row.record.value_or(filters::Record());
    report.rows.push_back({.uidl = to_hex(row.name),
                           .state = retention_state(judge, row),
                           .outlook = retention_outlook(judge, row),
                           .seen = record.seen,
                           .retrieved = record.retrieved,
                           .deleted = record.deleted});
  }
  return report;
}

}  // namespace

/// A question about one account, on its way.
struct MainRetention::Inquiry {
  std::uint64_t id = 0;
  Question question;
  RetentionJudge judge;
  std::vector<Entry> real, dry;
  admin::Then<Report> then;
};

std::string words_for(const config::RetentionPolicy& policy) {
  using Type = config::RetentionType;
  std::string out(kTypes[static_cast<std::size_t>(policy.type)]);
  const bool keeps = policy.type == Type::keep || policy.type == Type::keep_for;
  if (policy.period.count() > 0) out += fmt::format(" {}", admin::span(policy.period));
  if (policy.type == Type::keep_for) {
    out += fmt::format(", counted from {}", kSince[static_cast<std::size_t>(policy.count_from)]);
  }
  if (keeps) {
    out +=
        fmt::format("; what a client deletes is {}", kViews[static_cast<std::size_t>(policy.view)]);
  }
  if (policy.brake.messages > 0) {
    out += fmt::format("; at most {} removals a session", policy.brake.messages);
  }
  if (policy.brake.percent > 0) {
    out += fmt::format("; at most {} % of the mailbox a session", policy.brake.percent);
  }
  return out;
}

bool MainRetention::exists() const { return parts_.stores.table || parts_.stores.redis; }

std::vector<RetentionRoom::Policy> MainRetention::policies() const {
  using filters::RetentionDecision;
  using filters::RetentionGuard;
  std::vector<Policy> all;
  const Snapshot& snapshot = *parts_.snapshot;
  for (const config::RetentionPolicy& one : snapshot.config.retention.policies) {
    Policy policy{
        .name = one.name, .words = words_for(one), .dry_run = one.dry_run, .decisions = {}};
    const auto known = snapshot.policies.by_name.find(one.name);
    if (known != snapshot.policies.by_name.end() && known->second) {
      const filters::PolicyCounters& counters = *known->second->counters;
      for (std::size_t i = 0; i < counters.decisions.size(); ++i) {
        const std::uint64_t times = counters.decisions[i];
        const auto decision = static_cast<RetentionDecision>(i);
        if (times > 0) policy.decisions.emplace_back(to_string(decision), times);
      }
      for (std::size_t i = 0; i < counters.guards.size(); ++i) {
        const std::uint64_t times = counters.guards[i];
        const auto guard = static_cast<RetentionGuard>(i);
        if (times > 0) {
          policy.decisions.emplace_back(fmt::format("kept: {}", to_string(guard)), times);
        }
      }
    }
    all.push_back(std::move(policy));
  }
  return all;
}

std::vector<std::string> MainRetention::pools() const {
  std::vector<std::string> names;
  for (const config::Pool& pool : parts_.snapshot->config.pools) names.push_back(pool.name);
  return names;
}

std::vector<std::string> MainRetention::holds() const {
  return parts_.snapshot->config.retention.hold;
}

store::RecordStore* MainRetention::open() {
  const RetentionStores& stores = parts_.stores;
  if (stores.table != table_ || stores.redis != redis_ || !store_) {
    tickets_.clear();
    table_ = stores.table;
    redis_ = stores.redis;
    store_ = worker_store(stores, parts_.background, parts_.tools).store;
  }
  return store_.get();
}

template <class T>
store::RecordStore* MainRetention::open_for(admin::Then<T>& then) {
  if (tickets_.size() >= kMaxQuestions) {
    then(fail(ErrorCode::limit, "too many ask the retention store: try again"));
    return nullptr;
  }
  store::RecordStore* const store = open();
  if (store == nullptr) then(fail(ErrorCode::refused, "there is no retention store"));
  return store;
}

void MainRetention::accounts(std::size_t limit, admin::Then<std::vector<Account>> then) {
  store::RecordStore* const store = open_for(then);
  if (store == nullptr) return;
  const std::uint64_t id = ++last_;
  tickets_[id] = store->accounts(
      limit, [this, id, then = std::move(then)](
                 Result<std::vector<store::RecordStore::AccountInfo>> known) mutable {
        const Ticket done = std::move(tickets_.at(id));
        tickets_.erase(id);
        if (!known) return then(std::unexpected(known.error()));
        std::vector<Account> accounts;
        for (const auto& one : *known) {
          accounts.push_back({to_hex(one.name), one.records, one.written_at});
        }
        then(std::move(accounts));
      });
}

void MainRetention::report(Question question, admin::Then<Report> then) {
  if (question.user.empty()) return then(fail(ErrorCode::refused, "whose mail?"));
  auto judge = find_judge(parts_.snapshot->config, question.user, question.pool);
  if (!judge) return then(std::unexpected(judge.error()));
  store::RecordStore* const store = open_for(then);
  if (store == nullptr) return;
  auto inquiry = std::make_shared<Inquiry>();
  inquiry->id = ++last_;
  inquiry->question = std::move(question);
  inquiry->judge = *std::move(judge);
  inquiry->then = std::move(then);
  const auto account = [this, inquiry](bool dry) {
    return parts_.stores.names->account(inquiry->question.pool, inquiry->question.user, dry);
  };
  const auto failed = [this, inquiry](const Error& error) {
    const Ticket done = std::move(tickets_.at(inquiry->id));
    tickets_.erase(inquiry->id);
    inquiry->then(std::unexpected(error));
  };
  tickets_[inquiry->id] = store->load(
      account(false), [this, inquiry, account, failed](Result<std::vector<Entry>> real) mutable {
        if (!real) return failed(real.error());
        inquiry->real = *std::move(real);
        const Ticket before = std::move(tickets_.at(inquiry->id));
        tickets_[inquiry->id] = store_->load(
            account(true), [this, inquiry, failed](Result<std::vector<Entry>> dry) mutable {
              if (!dry) return failed(dry.error());
              inquiry->dry = *std::move(dry);
              this->judge(inquiry);
            });
      });
}

/// There may be half a million records: not in the main loop.
void MainRetention::judge(const std::shared_ptr<Inquiry>& inquiry) {
  const Ticket before = std::move(tickets_.at(inquiry->id));
  tickets_[inquiry->id] = compute(
      parts_.background,
      [inquiry] {
        return make_report(inquiry->judge, inquiry->real, inquiry->dry, inquiry->question);
      },
      [this, inquiry](Report report) {
        const Ticket done = std::move(tickets_.at(inquiry->id));
        tickets_.erase(inquiry->id);
        report.pool = inquiry->question.pool;
        inquiry->then(std::move(report));
      });
}

}  // namespace gatepost::server
