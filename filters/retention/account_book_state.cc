#include "filters/retention/account_book_state.h"

#include <utility>

#include <fmt/format.h>

#include "filters/retention/findings.h"

namespace gatepost::filters {

using store::Entry;
using store::RecordStore;

namespace {

Error without_uidls() {
  return {ErrorCode::protocol, "retention: upstream does not give every message a UIDL"};
}

/// A reload took all policies out of force before this session logged in.
Error without_stores() {
  return {ErrorCode::config, "retention: the configuration has no policies any more"};
}

Error conflicting() {
  return {ErrorCode::limit, "retention: other sessions changed the records again and again"};
}

}  // namespace

// ---- The store

void AccountBook::State::load(RecordStore::Loaded done) {
  if (!records) {
    later([next = std::move(done)]() mutable {
      next(fail(ErrorCode::config, "retention: there is no store"));
    });
    return;
  }
  step = records->load(view->account, [this, since = host.timers.now(), next = std::move(done)](
                                          Result<std::vector<Entry>> entries) mutable {
    host.counters.store_load.observe(host.timers.now() - since);
    if (!entries) host.counters.store_errors.add();
    next(std::move(entries));
  });
}

void AccountBook::State::commit(std::vector<store::Write> writes,
                                std::move_only_function<void(Result<bool>)> done) {
  step = records->commit(view->account, std::move(writes), now(),
                         [this, since = host.timers.now(), next = std::move(done)](
                             Result<RecordStore::Committed> committed) mutable {
                           host.counters.store_commit.observe(host.timers.now() - since);
                           if (committed) return next(committed->written);
                           host.counters.store_errors.add();
                           next(std::unexpected(committed.error()));
                         });
}

void AccountBook::State::complain(std::string_view what, const Error& error) {
  host.log.warning("retention_store", {{"id", account.session},
                                       {"policy", policy->config.name},
                                       {"at", what},
                                       {"reason", to_string(error.code)},
                                       {"error", error.detail}});
}

// ---- Opening

void AccountBook::State::read_ahead() {
  if (!names || !auditor || !records || !policy->needs_store()) return;
  view->account = names->account(account.pool, account.user, dry());
  reading = true;
  ahead = records->load(view->account, [this, since = host.timers.now()](auto entries) {
    host.counters.store_load.observe(host.timers.now() - since);
    if (!entries) host.counters.store_errors.add();
    reading = false;
    read.emplace(std::move(entries));
    if (waits_for_read) std::exchange(waits_for_read, nullptr)();
  });
}

void AccountBook::State::open(Done done) {
  view->policy = policy;
  if (!names || !auditor) {
    later([this, next = std::move(done)]() mutable {
      open_failed(without_stores(), std::move(next));
    });
    return;
  }
  view->account = names->account(account.pool, account.user, dry());
  if (!policy->needs_store()) {
    later([next = std::move(done)]() mutable { next({}); });
    return;
  }
  if (!inventory->has_uidls()) {
    later([this, next = std::move(done)]() mutable {
      open_failed(without_uidls(), std::move(next));
    });
    return;
  }
  if (!account.device.empty()) {
    view->device = device_word(names->device(view->account, account.device));
  }
  compute([hasher = names, hashed = view->account,
           uidls = UidlTexts(*inventory)] { return MessageKeys(*hasher, hashed, uidls); },
          [this, next = std::move(done)](MessageKeys keys) mutable {
            view->keys = std::move(keys);
            look(std::move(next));
          });
}

void AccountBook::State::look(Done done) {
  if (read) return look_at(*std::exchange(read, std::nullopt), std::move(done));
  if (reading) {
    waits_for_read = [this, next = std::move(done)]() mutable { look(std::move(next)); };
    return;
  }
  load([this, next = std::move(done)](Result<std::vector<Entry>> entries) mutable {
    look_at(std::move(entries), std::move(next));
  });
}

void AccountBook::State::look_at(Result<std::vector<Entry>> entries, Done done) {
  if (!entries) return open_failed(entries.error(), std::move(done));
  opened_at = now();
  compute(
      [seen = view, known = *std::move(entries), at = opened_at,
       forget = host.forget_after]() mutable {
        return look_at_account(*seen, std::move(known), at, forget);
      },
      [this, after = std::move(done)](Opening opening) mutable {
        opened(std::move(opening), std::move(after));
      });
}

void AccountBook::State::opened(Opening opening, Done done) {
  marks = std::move(opening.marks);
  next_due = opening.next_due;
  host.counters.hidden_messages.add(opening.hidden);
  if (opening.unreadable > 0) {
    host.counters.store_errors.add();
    host.log.warning("retention_unreadable",
                     {{"id", account.session}, {"records", opening.unreadable}});
  }
  if (opening.writes.empty()) return done({});
  note_opening(std::move(opening), std::move(done));
}

void AccountBook::State::note_opening(Opening opening, Done done) {
  auto writes = std::move(opening.writes);
  commit(std::move(writes),
         [this, found = std::move(opening), next = std::move(done)](Result<bool> written) mutable {
           // Another session has noted the same: no harm. Neither is it, but for dates, if nobody
           // has.
           if (!written) complain("open", written.error());
           if (written && *written) {
             found.tally.add_to(*policy->counters);
             if (!dry()) {
               for (const HashedName& name : found.found_gone) {
                 audit(name, "removal had been asked for, found gone");
               }
             }
           }
           next({});
         });
}

void AccountBook::State::open_failed(const Error& error, Done done) {
  complain("open", error);
  if (!dry()) return done(std::unexpected(error));
  blind = true;
  done({});
}

// ---- Settling

void AccountBook::State::settle() {
  const bool idle =
      settling.facts.retrieved.empty() && settling.facts.deleted.empty() && now() < next_due;
  if (idle || blind) {
    if (account.page != nullptr && !blind) note_idle(*account.page, *policy, next_due);
    later([this] { settled(); });
    return;
  }
  if (!policy->needs_store()) return decide({});
  load([this](Result<std::vector<Entry>> entries) {
    if (!entries) return settle_failed(entries.error());
    decide(*std::move(entries));
  });
}

void AccountBook::State::decide(std::vector<Entry> entries) {
  const SettlementMoment moment{now(), opened_at, held()};
  // The facts are lent: nothing but this touches them meanwhile, and a copy is small.
  compute(
      [seen = view, records = std::move(entries), facts = settling.facts,
       messages = inventory->count(), moment]() mutable {
        return plan_settlement(*seen, std::move(records), facts, messages, moment);
      },
      [this](SettlementPlan plan) {
        settling.plan = std::move(plan);
        decided();
      });
}

void AccountBook::State::decided() {
  if (settling.plan.writes.empty()) return settled();
  ++settling.attempts;
  commit(std::exchange(settling.plan.writes, {}), [this](Result<bool> written) {
    if (!written) return settle_failed(written.error());
    if (*written) return settled();
    if (settling.attempts >= kMaxAttempts) return settle_failed(conflicting());
    policy->counters->add(RetentionGuard::changed);
    settle();
  });
}

void AccountBook::State::settled() {
  Settling end = std::exchange(settling, {});
  end.plan.tally.add_to(*policy->counters);
  if (account.page != nullptr) note_findings(*account.page, *policy, marks, end.plan.findings);
  Settlement settlement;
  if (dry()) {
    report_dry_run(end);
    settlement.remove = std::move(end.facts.deleted);
  } else {
    for (const Removal& removal : end.plan.removals) settlement.remove.push_back(removal.index);
    settlement.refused = end.plan.refused;
    asked = std::move(end.plan.removals);
  }
  end.done(std::move(settlement));
}

void AccountBook::State::settle_failed(Error error) {
  complain("settle", error);
  Settling end = std::exchange(settling, {});
  if (dry()) return end.done(Settlement{std::move(end.facts.deleted), 0});
  policy->counters->add(RetentionDecision::failed,
                        std::max(end.facts.deleted.size(), end.plan.removals.size()));
  end.done(std::unexpected(std::move(error)));
}

void AccountBook::State::report_dry_run(const Settling& end) {
  const SettlementPlan& plan = end.plan;
  const auto of = [&plan](RetentionDecision decision) { return plan.tally.of(decision); };
  for (const Removal& removal : plan.removals) audit(removal);
  const std::uint64_t hidden = of(RetentionDecision::hidden);
  const std::uint64_t kept = of(RetentionDecision::kept);
  if (hidden + kept + plan.refused + plan.removals.size() == 0) return;
  host.log.info("retention_dry_run", {{"id", account.session},
                                      {"policy", policy->config.name},
                                      {"deleted", end.facts.deleted.size()},
                                      {"would_hide", hidden},
                                      {"would_keep", kept},
                                      {"would_refuse", plan.refused},
                                      {"would_remove", plan.removals.size()}});
}

// ---- After QUIT

void AccountBook::State::note_removed(Done done, std::size_t attempts) {
  load([this, attempts, next = std::move(done)](Result<std::vector<Entry>> entries) mutable {
    if (!entries) {
      complain("removed", entries.error());
      return next(std::unexpected(entries.error()));
    }
    auto writes = plan_removed(*view, *std::move(entries), gone, now());
    if (writes.empty()) return next({});
    commit(std::move(writes),
           [this, attempts, after = std::move(next)](Result<bool> written) mutable {
             if (written && !*written && attempts < kMaxAttempts) {
               return note_removed(std::move(after), attempts + 1);
             }
             if (written && *written) return after({});
             Error error = written ? conflicting() : written.error();
             complain("removed", error);
             after(std::unexpected(std::move(error)));
           });
  });
}

void AccountBook::State::audit(const Removal& removal) {
  audit(names->uidl(view->account, inventory->uidl(removal.index)),
        removal_reason(policy->config, removal.cause));
}

void AccountBook::State::audit(const HashedName& uidl, std::string_view reason) {
  auditor->removed({.session = account.session,
                    .account = view->account,
                    .uidl = uidl,
                    .policy = policy->config.name,
                    .reason = reason,
                    .dry_run = dry()});
}

}  // namespace gatepost::filters
