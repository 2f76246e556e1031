#include "filters/retention/opening.h"

#include <algorithm>
#include <utility>

#include "filters/retention/judge.h"

namespace gatepost::filters {

namespace {

class Look {
 public:
  Look(const BookView& view, std::vector<store::Entry> entries, std::int64_t now,
       std::chrono::seconds forget_after)
      : view_(view),
        policy_(view.policy->config),
        now_(now),
        forget_after_(forget_after.count()),
        records_(view.keys, std::move(entries)) {}

  Opening run() && {
    opening_.marks.resize(view_.keys.count());
    for (AccountRecords::Row& row : records_.rows()) {
      if (!row.readable) {
        ++opening_.unreadable;
      } else if (row.index == AccountRecords::kNone) {
        note_absence(row);
      } else {
        note_presence(row);
      }
    }
    if (needs_first_sight(policy_)) note_first_sights();
    for (std::size_t i = 0; i < view_.keys.count(); ++i) mark(i);
    opening_.writes = records_.writes();
    return std::move(opening_);
  }

 private:
  void note_absence(AccountRecords::Row& row) {
    Record& record = row.record;
    if (record.gone == 0) {
      record.gone = now_;
      row.changed = true;
      // The answer of upstream was lost, or our note of it.
      if (record.removal_asked > 0 && record.removed == 0) {
        record.removed = now_;
        opening_.found_gone.push_back(row.name);
        opening_.tally.add(RetentionDecision::removed);
      }
    } else if (now_ - record.gone >= forget_after_) {
      row.changed = row.erased = true;
    }
  }

  void note_presence(AccountRecords::Row& row) {
    if (view_.keys.ambiguous(row.index)) {
      Record plain;
      plain.seen = row.record.seen;
      row.changed = row.record != plain;
      row.record = plain;
      return;
    }
    renew_record(row, now_);
    if (row.record.undelete_unseen) {
      row.record.undelete_unseen = false;
      row.changed = true;
      opening_.tally.add(RetentionDecision::undeleted);
    }
    if (row.record.seen == 0 && needs_first_sight(policy_)) {
      row.record.seen = now_;
      row.changed = true;
    }
  }

  void note_first_sights() {
    for (std::size_t i = 0; i < view_.keys.count(); ++i) {
      if (!view_.keys.ambiguous(i)) static_cast<void>(records_.at_or_new(i, now_));
    }
  }

  void mark(std::size_t index) {
    std::uint8_t& mark = opening_.marks[index];
    if (view_.keys.ambiguous(index)) {
      mark = MessageMark::kAmbiguous;
      return;
    }
    const AccountRecords::Row* const row = records_.at(index);
    if (row == nullptr) return;
    if (!row->readable) {
      mark = MessageMark::kUnreadable;
      return;
    }
    const Record& record = row->record;
    if (record.retrieved > 0) mark |= MessageMark::kRetrieved;
    if (record.not_allowed > 0) mark |= MessageMark::kNotAllowed;
    if (!view_.policy->client_decides() && is_hidden(policy_, record, view_.device)) {
      mark |= MessageMark::kHidden;
      ++opening_.hidden;
    }
    if (const auto due = due_of(policy_, record); due && !guard_of(record)) {
      opening_.next_due = std::min(opening_.next_due, due->since);
    }
  }

  const BookView& view_;
  const config::RetentionPolicy& policy_;
  const std::int64_t now_;
  const std::int64_t forget_after_;
  AccountRecords records_;
  Opening opening_;
};

}  // namespace

Opening look_at_account(const BookView& view, std::vector<store::Entry> entries, std::int64_t now,
                        std::chrono::seconds forget_after) {
  return Look(view, std::move(entries), now, forget_after).run();
}

void renew_record(AccountRecords::Row& row, std::int64_t now) {
  if (row.record.gone == 0) return;
  row.record = {};
  row.record.seen = now;
  row.changed = true;
}

}  // namespace gatepost::filters
