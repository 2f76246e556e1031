#include "filters/retention/account_book.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include <fmt/format.h>

#include "filters/retention/account_records.h"
#include "filters/retention/findings.h"
#include "filters/retention/judge.h"
#include "filters/retention/opening.h"
#include "filters/retention/settlement.h"
#include "proxy/base/compute.h"

namespace gatepost::filters {

using config::RetentionType;
using config::RetentionView;
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

// Asynchronous steps capture `this`: `step` stands for the one under way, and goes with the State.
struct AccountBook::State {
  State(RetentionHost& h, std::shared_ptr<const RetentionPolicy> p, Account a)
      : host(h),
        records(h.store),
        names(h.names),
        auditor(h.audit),
        policy(std::move(p)),
        account(std::move(a)) {}
  ~State() { policy->counters->add(RetentionDecision::failed, asked.size()); }

  [[nodiscard]] bool dry() const { return policy->config.dry_run; }
  [[nodiscard]] bool uses_store() const { return policy->needs_store() && !blind; }
  [[nodiscard]] std::int64_t now() const { return std::max<std::int64_t>(host.clock(), 1); }
  [[nodiscard]] bool held() const { return policy->held || is_held(host.hold, account.user); }

  /// Runs `work` in the background, which returns something for `then`.
  template <class Work, class Then>
  void compute(Work work, Then then) {
    step = gatepost::compute(host.background, std::move(work), std::move(then));
  }
  /// Calls `then` from the loop.
  template <class Then>
  void later(Then then) {
    step = host.background.run([] {}, std::move(then));
  }
  void load(RecordStore::Loaded done);
  /// False: there are conflicts.
  void commit(std::vector<store::Write> writes, std::move_only_function<void(Result<bool>)> done);
  void complain(std::string_view what, const Error& error);

  void read_ahead();
  void open(Done done);
  void look(Done done);
  void look_at(Result<std::vector<Entry>> entries, Done done);
  void opened(Opening opening, Done done);
  void note_opening(Opening opening, Done done);
  void open_failed(const Error& error, Done done);

  struct Settling {
    Facts facts;
    Settled done;
    std::size_t attempts = 0;
    SettlementPlan plan;
  };
  void settle();
  void decide(std::vector<Entry> entries);
  void decided();
  void settled();
  void settle_failed(Error error);
  void report_dry_run(const Settling& end);

  void note_removed(Done done, std::size_t attempts);
  void audit(const Removal& removal);
  void audit(const HashedName& uidl, std::string_view reason);

  RetentionHost& host;
  // As they were with the login: a reload may give the host others.
  const std::shared_ptr<RecordStore> records;
  const std::shared_ptr<const NameHasher> names;
  const std::shared_ptr<Audit> auditor;
  const std::shared_ptr<const RetentionPolicy> policy;
  const Account account;
  const mailbox::Inventory* inventory = nullptr;
  std::shared_ptr<BookView> view = std::make_shared<BookView>();
  std::vector<std::uint8_t> marks;  // see MessageMark; empty: nothing is known
  std::int64_t next_due = Opening::kNever;
  std::int64_t opened_at = 0;
  bool blind = false;  // a dry run whose store failed
  Settling settling;
  std::vector<Removal> asked;  // by settle(), until removed() says more
  std::vector<Removal> gone;   // what removed() said
  Ticket step;
  // read_ahead(): the load, what came of it, and who waits for that.
  Ticket ahead;
  bool reading = false;
  std::optional<Result<std::vector<Entry>>> read;
  std::move_only_function<void()> waits_for_read;
  std::uint64_t operation = 0;  // the number of the last one, so that old tickets stop no new one
};

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

// ---- The book

AccountBook::AccountBook(RetentionHost& host, std::shared_ptr<const RetentionPolicy> policy,
                         Account account)
    : state_(std::make_shared<State>(host, std::move(policy), std::move(account))) {}

AccountBook::~AccountBook() = default;

Ticket AccountBook::ticket() {
  return Ticket([weak = std::weak_ptr(state_), operation = ++state_->operation] {
    const auto state = weak.lock();
    if (!state || state->operation != operation) return;
    state->step.reset();
    state->waits_for_read = nullptr;
  });
}

void AccountBook::read_ahead() { state_->read_ahead(); }

Ticket AccountBook::open(const mailbox::Inventory& inventory, Done done) {
  state_->inventory = &inventory;
  state_->open(std::move(done));
  return ticket();
}

bool AccountBook::hidden(std::size_t index) const {
  return index < state_->marks.size() && (state_->marks[index] & MessageMark::kHidden) != 0;
}

std::optional<std::string> AccountBook::refuse_dele(std::size_t index, bool retrieved,
                                                    std::size_t marked) const {
  if (state_->dry()) return std::nullopt;
  const config::RetentionPolicy& policy = state_->policy->config;
  PolicyCounters& counters = *state_->policy->counters;
  const auto refuse = [&counters](std::optional<RetentionGuard> guard, std::string reason) {
    counters.add(RetentionDecision::refused);
    if (guard) counters.add(*guard);
    return std::optional(std::move(reason));
  };
  const bool keeps = policy.type == RetentionType::keep || policy.type == RetentionType::keep_for;
  if (keeps && policy.view == RetentionView::show) return std::nullopt;
  if (policy.type == RetentionType::read_only) {
    return refuse(std::nullopt, "this mailbox is read-only: nothing can be deleted");
  }
  if (!keeps && marked >= brake_limit(policy.brake, state_->inventory->count())) {
    return refuse(RetentionGuard::brake, "too many deletions in one session, so it is kept");
  }
  if (policy.type == RetentionType::client) return std::nullopt;

  const std::uint8_t mark = state_->marks[index];
  if ((mark & MessageMark::kAmbiguous) != 0) {
    return refuse(RetentionGuard::ambiguous, "another message has the same UIDL, so it is kept");
  }
  if ((mark & MessageMark::kUnreadable) != 0) {
    return refuse(std::nullopt, "what is known of this message cannot be read, so it is kept");
  }
  if (keeps || retrieved) return std::nullopt;
  if ((mark & MessageMark::kNotAllowed) != 0) {
    return refuse(RetentionGuard::not_allowed,
                  "this message was not delivered as it is, so it is kept");
  }
  if ((mark & MessageMark::kRetrieved) == 0) {
    return refuse(RetentionGuard::not_retrieved, "this message was never retrieved, so it is kept");
  }
  return std::nullopt;
}

Ticket AccountBook::settle(Facts facts, Settled done) {
  assert(std::ranges::all_of(facts.deleted,
                             [this](std::size_t i) { return i < state_->inventory->count(); }));
  state_->settling = {};
  state_->settling.facts = std::move(facts);
  state_->settling.done = std::move(done);
  state_->settle();
  return ticket();
}

Ticket AccountBook::removed(const std::vector<std::size_t>& indexes, Done done) {
  State& state = *state_;
  state.gone.clear();
  std::vector<bool> named(state.inventory->count());
  for (const std::size_t index : indexes) named[index] = true;
  std::erase_if(state.asked, [&](const Removal& removal) {
    if (!named[removal.index]) return false;
    state.gone.push_back(removal);
    state.audit(removal);
    return true;
  });
  state.policy->counters->add(RetentionDecision::removed, state.gone.size());
  if (state.account.page != nullptr) {
    note_gone(*state.account.page, *state.policy, state.marks, state.gone);
  }
  if (state.gone.empty() || !state.uses_store()) {
    state.later([next = std::move(done)]() mutable { next({}); });
  } else {
    state.note_removed(std::move(done), 1);
  }
  return ticket();
}

}  // namespace gatepost::filters
