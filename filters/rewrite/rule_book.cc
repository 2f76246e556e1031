#include "filters/rewrite/rule_book.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace gatepost::filters {

namespace {

std::unexpected<Error> below(const std::string& path, const Error& error) {
  return fail(error.code, path + error.detail);
}

}  // namespace

bool RuleBook::Entry::needs_whole() const {
  return rule->needs_body() || when.asks_for_size() || unless.asks_for_size();
}

bool RuleBook::Entry::applies(const RuleInput& input) const {
  return when.holds(input) && (unless.empty() || !unless.holds(input, true));
}

/// "" if it applies.
std::string_view RuleBook::Entry::passed_by(const RuleInput& input, Which which) const {
  if (which == Which::header_only && needs_whole()) return "type needs the message complete";
  if (!when.holds(input)) return "when does not hold";
  return unless.empty() || !unless.holds(input, true) ? "" : "unless holds";
}

Result<RuleBook> RuleBook::create(const config::Chain& chain) {
  RuleBook book;
  for (std::size_t i = 0; i < chain.rewrite.size(); ++i) {
    const config::Rule& config = chain.rewrite[i];
    const std::string path = fmt::format("/rewrite/{}", i);
    auto rule = make_rule(config.filter);
    if (!rule) return below(path, rule.error());
    auto when = Condition::create(config.when);
    if (!when) return below(path + "/when", when.error());
    auto unless = Condition::create(config.unless);
    if (!unless) return below(path + "/unless", unless.error());
    auto counter = std::make_shared<RuleCounter>();
    counter->chain = chain.name;
    counter->rule = config.name.empty() ? config.filter.type : config.name;
    std::ranges::move((*rule)->own_fields(), std::back_inserter(book.own_fields_));
    book.entries_.push_back(
        {std::move(*rule), std::move(*when), std::move(*unless), std::move(counter)});
  }
  return book;
}

bool RuleBook::needs_whole() const { return std::ranges::any_of(entries_, &Entry::needs_whole); }

bool RuleBook::needs_whole(const RuleInput& input) const {
  return std::ranges::any_of(entries_, [&input](const Entry& entry) {
    if (!entry.needs_whole()) return false;
    const bool by_size = entry.when.asks_for_size() || entry.unless.asks_for_size();
    return by_size || entry.applies(input);
  });
}

bool RuleBook::protects() const {
  return std::ranges::any_of(entries_, [](const Entry& entry) { return entry.rule->protects(); });
}

bool RuleBook::asks_for_origin() const {
  return std::ranges::any_of(entries_, [](const Entry& entry) {
    return entry.when.asks_for_origin() || entry.unless.asks_for_origin();
  });
}

Result<void> RuleBook::apply(const RuleInput& input, Which which, RewritePlan& plan) const {
  for (const std::string& name : own_fields_) {
    plan.edit_header({.what = HeaderEdit::What::remove, .name = name, .value = {}});
  }
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    if (const std::string_view why = entry.passed_by(input, which); !why.empty()) {
      plan.pass_by({i, why});
      continue;
    }
    plan.begin_rule(i);
    const std::size_t notes = plan.notes().size();
    if (auto done = entry.rule->apply(input, plan); !done) {
      return fail(done.error().code,
                  fmt::format("rule {}: {}", entry.counter->rule, done.error().detail));
    }
    if (plan.notes().size() == notes) plan.note(entry.counter->rule);  // it has nothing else to say
    entry.counter->applied.fetch_add(1, std::memory_order_relaxed);
    if (plan.stopped()) break;
  }
  return {};
}

std::vector<std::shared_ptr<RuleCounter>> RuleBook::counters() const {
  std::vector<std::shared_ptr<RuleCounter>> counters;
  counters.reserve(entries_.size());
  for (const Entry& entry : entries_) counters.push_back(entry.counter);
  return counters;
}

}  // namespace gatepost::filters
