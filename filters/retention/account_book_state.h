#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/retention/account_book.h"
#include "filters/retention/account_records.h"
#include "filters/retention/judge.h"
#include "filters/retention/opening.h"
#include "filters/retention/settlement.h"
#include "proxy/base/compute.h"

namespace gatepost::filters {

/// What a book knows, and its work with the store, step by step. Asynchronous steps capture `this`:
/// `step` stands for the one under way, and goes with the State.
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
  void load(store::RecordStore::Loaded done);
  /// False: there are conflicts.
  void commit(std::vector<store::Write> writes, std::move_only_function<void(Result<bool>)> done);
  void complain(std::string_view what, const Error& error);

  void read_ahead();
  void open(Done done);
  void look(Done done);
  void look_at(Result<std::vector<store::Entry>> entries, Done done);
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
  void decide(std::vector<store::Entry> entries);
  void decided();
  void settled();
  void settle_failed(Error error);
  void report_dry_run(const Settling& end);

  void note_removed(Done done, std::size_t attempts);
  void audit(const Removal& removal);
  void audit(const HashedName& uidl, std::string_view reason);

  RetentionHost& host;
  // As they were with the login: a reload may give the host others.
  const std::shared_ptr<store::RecordStore> records;
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
  std::optional<Result<std::vector<store::Entry>>> read;
  std::move_only_function<void()> waits_for_read;
  std::uint64_t operation = 0;  // the number of the last one, so that old tickets stop no new one
};

}  // namespace gatepost::filters
