#include "filters/retention/account_book.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "filters/retention/account_book_state.h"
#include "filters/retention/findings.h"

namespace gatepost::filters {

using config::RetentionType;
using config::RetentionView;

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
