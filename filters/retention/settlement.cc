#include "filters/retention/settlement.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "filters/retention/opening.h"

namespace gatepost::filters {

using config::RetentionType;
using config::RetentionView;

namespace {

using Row = AccountRecords::Row;
using What = RetentionFinding::What;

class Planner {
 public:
  Planner(const BookView& view, std::vector<store::Entry> entries, std::size_t messages,
          const SettlementMoment& moment)
      : view_(view),
        policy_(view.policy->config),
        moment_(moment),
        limit_(brake_limit(policy_.brake, messages)),
        decided_(messages),
        records_(view.keys, std::move(entries)) {
    for (Row& row : records_.rows()) {
      if (is_usable(row)) renew_record(row, moment_.now);
    }
  }

  SettlementPlan run(const AccountBook::Facts& facts) && {
    if (policy_.type != RetentionType::client) {
      for (const auto& retrieval : facts.retrieved) note_retrieval(retrieval);
    }
    std::vector<bool> done(decided_.size());
    for (const std::size_t index : facts.deleted) {
      if (done[index]) continue;
      done[index] = true;
      settle_dele(index);
    }
    if (policy_.type != RetentionType::client) choose_due();
    note_removals();
    plan_.writes = records_.writes();
    return std::move(plan_);
  }

 private:
  /// Listed, readable, and surely of the message that it seems to be of.
  [[nodiscard]] bool is_usable(const Row& row) const {
    return row.readable && row.index != AccountRecords::kNone && !view_.keys.ambiguous(row.index);
  }

  void note_retrieval(const AccountBook::Retrieval& retrieval) {
    if (view_.keys.ambiguous(retrieval.index)) return;
    Row& row = records_.at_or_new(retrieval.index, moment_.now);
    if (!row.readable) return;
    Record& record = row.record;
    const auto set = [&row](std::int64_t& time, std::int64_t value) {
      row.changed = row.changed || time != value;
      time = value;
    };
    if (!retrieval.allowed) {
      if (record.not_allowed == 0) set(record.not_allowed, moment_.now);
      return;
    }
    set(record.not_allowed, 0);
    const bool first = record.retrieved == 0 || record.retrieved <= record.undeleted;
    if (first) set(record.retrieved, moment_.now);
  }

  void find(RetentionFinding finding) {
    if (plan_.findings.size() < SettlementPlan::kMaxFindings) plan_.findings.push_back(finding);
  }

  void refuse(std::size_t index, std::optional<RetentionGuard> guard) {
    find({.what = What::refused, .index = static_cast<std::uint32_t>(index), .guard = guard});
    decided_[index] = true;
    ++plan_.refused;
    plan_.tally.add(RetentionDecision::refused);
    if (guard) plan_.tally.add(*guard);
  }

  void settle_dele(std::size_t index) {
    switch (policy_.type) {
      case RetentionType::client:
        remove_for_client(index, moment_.held ? std::optional(RetentionGuard::hold) : std::nullopt);
        return;
      case RetentionType::keep:
      case RetentionType::keep_for:
        keep(index);
        return;
      case RetentionType::delete_after_retrieval:
        remove_if_retrieved(index);
        return;
      case RetentionType::read_only:
        refuse(index, std::nullopt);
        return;
    }
    std::unreachable();
  }

  void keep(std::size_t index) {
    if (view_.keys.ambiguous(index)) {
      if (policy_.view != RetentionView::show) return refuse(index, RetentionGuard::ambiguous);
      return stays(index, false);
    }
    Row& row = records_.at_or_new(index, moment_.now);
    if (!row.readable) {
      if (policy_.view != RetentionView::show) return refuse(index, std::nullopt);
      return stays(index, false);
    }
    Record& record = row.record;
    const Record before = record;
    if (record.deleted == 0) record.deleted = moment_.now;
    if (view_.device) record.add_device(*view_.device);
    // Upstream said that it had removed it, and had not: the client has just deleted it again.
    if (!policy_.dry_run) record.removed = 0;
    row.changed = row.changed || record != before;
    stays(index, is_hidden(policy_, record, view_.device));
  }

  void stays(std::size_t index, bool hidden) {
    plan_.tally.add(hidden ? RetentionDecision::hidden : RetentionDecision::kept);
    find({.what = hidden ? What::hidden : What::kept, .index = static_cast<std::uint32_t>(index)});
  }

  void remove_if_retrieved(std::size_t index) {
    if (moment_.held) return refuse(index, RetentionGuard::hold);
    if (view_.keys.ambiguous(index)) return refuse(index, RetentionGuard::ambiguous);
    const Row* const row = records_.at(index);
    if (row == nullptr) return refuse(index, RetentionGuard::not_retrieved);
    if (!row->readable) return refuse(index, std::nullopt);
    const Record& record = row->record;
    if (record.undelete_unseen || record.undeleted > moment_.opened) {
      return refuse(index, RetentionGuard::changed);
    }
    remove_for_client(index, guard_of(record));
  }

  void remove_for_client(std::size_t index, std::optional<RetentionGuard> guard) {
    if (guard) return refuse(index, guard);
    if (plan_.removals.size() >= limit_) return refuse(index, RetentionGuard::brake);
    choose(static_cast<std::uint32_t>(index), RemovalCause::client);
  }

  void choose(std::uint32_t index, RemovalCause cause) {
    find({.what = What::goes, .index = index, .cause = cause});
    decided_[index] = true;
    plan_.removals.push_back({index, cause});
  }

  void choose_due() {
    struct Candidate {
      std::int64_t since;
      std::uint32_t index;
      RemovalCause cause;
      auto operator<=>(const Candidate&) const = default;
    };
    std::vector<Candidate> candidates;
    for (const Row& row : records_.rows()) {
      if (!is_usable(row) || decided_[row.index]) continue;
      // A dry run has removed it already, as far as it is concerned.
      if (policy_.dry_run && row.record.removed > 0) continue;
      const auto due = due_of(policy_, row.record);
      if (!due) continue;
      if (due->since > moment_.now) {
        find({.what = What::later, .index = row.index, .due = due->since});
        continue;
      }
      const auto guard = moment_.held ? std::optional(RetentionGuard::hold) : guard_of(row.record);
      if (guard) {
        plan_.tally.add(*guard);
        find({.what = What::guarded, .index = row.index, .guard = guard, .due = due->since});
      } else {
        candidates.push_back({due->since, row.index, due->cause});
      }
    }
    std::ranges::sort(candidates);
    for (const Candidate& candidate : candidates) {
      if (plan_.removals.size() < limit_) {
        choose(candidate.index, candidate.cause);
      } else {
        plan_.tally.add(RetentionGuard::brake);
        find({.what = What::guarded,
              .index = candidate.index,
              .guard = RetentionGuard::brake,
              .due = candidate.since});
      }
    }
  }

  /// What is about to be removed says so first, so that it is understood after a crash.
  void note_removals() {
    plan_.tally.add(RetentionDecision::due, plan_.removals.size());
    if (policy_.type == RetentionType::client) return;
    for (const Removal& removal : plan_.removals) {
      Row& row = *records_.at(removal.index);
      (policy_.dry_run ? row.record.removed : row.record.removal_asked) = moment_.now;
      row.changed = true;
    }
  }

  const BookView& view_;
  const config::RetentionPolicy& policy_;
  const SettlementMoment& moment_;
  const std::size_t limit_;
  std::vector<bool> decided_;  // goes, or stays as its DELE was refused
  AccountRecords records_;
  SettlementPlan plan_;
};

}  // namespace

SettlementPlan plan_settlement(const BookView& view, std::vector<store::Entry> entries,
                               const AccountBook::Facts& facts, std::size_t messages,
                               const SettlementMoment& moment) {
  return Planner(view, std::move(entries), messages, moment).run(facts);
}

std::vector<store::Write> plan_removed(const BookView& view, std::vector<store::Entry> entries,
                                       const std::vector<Removal>& removals, std::int64_t now) {
  AccountRecords records(view.keys, std::move(entries));
  for (const Removal& removal : removals) {
    Row* const row = records.at(removal.index);
    // Gone already: another session has found out.
    if (row == nullptr || !row->readable || row->record.gone > 0) continue;
    row->record.removed = now;
    row->changed = true;
  }
  return records.writes();
}

}  // namespace gatepost::filters
