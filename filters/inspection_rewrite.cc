#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "filters/chain_inspection.h"
#include "filters/message/header_scanner.h"
#include "filters/policy_text.h"
#include "filters/rewrite/external.h"

// What the rules of a chain do with the messages of an inspection.

namespace gatepost::filters {

namespace {

/// What a thread in the background is given, and what it gives back.
struct Work {
  std::shared_ptr<const Chain> chain;
  std::shared_ptr<const Spool> spool;
  RuleInput input;
  std::string header;  // input.header
  Result<Rewritten> result;
};

/// All up to the empty line; what follows it, which may be much, is not copied.
std::string header_of(ByteChain beginning) {
  std::string header;
  HeaderScanner scanner;
  while (scanner.next(beginning, true) != HeaderScanner::Event::end) {
    header += scanner.take_field().to_string();
  }
  return header;
}

}  // namespace

/// The header is known, or there is nothing to be known: what comes in goes out.
void ChainInspection::stream() {
  if (chain_->rules) {
    auto result = rewrite_header(*chain_->rules, rule_input());
    if (!result) return input_failed(result.error());
    keep_rewritten(*std::move(result));
  }
  std::vector<HeaderEdit> edits;
  if (chain_->rules) edits = header_edits(Action::deliver);
  delivery_.emplace(host_.pool, nullptr, std::vector<Splice>{}, std::move(edits), [] {});
  if (head_.empty()) return;
  delivery_->append(std::move(head_));
  settle(Outcome::pass, Action::deliver);
}

/// Whether a chain that waits for its rules alone has none that waits for this message.
bool ChainInspection::wants_no_more() {
  if (chain_->scans() || !intake_.header_known() || rules_asked_) return false;
  if (must_be_whole_) return false;
  must_be_whole_ = chain_->rules->needs_whole(rule_input());
  return !must_be_whole_;
}

/// Once, when it is known: the blocks that it came in are not kept.
void ChainInspection::read_header() {
  if (std::exchange(header_read_, true)) return;
  const ByteChain beginning = intake_.take_beginning();
  header_ = header_of(beginning);
  external_ =
      chain_->rules->asks_for_origin() && is_external(header_, beginning, chain_->config.internal);
}

RuleInput ChainInspection::rule_input() {
  read_header();
  RuleInput input;
  input.user = facts_.user;
  input.client_address = facts_.client;
  input.route = facts_.route;
  if (chain_->scans() && !judgement_.trail.empty()) {
    input.verdict = to_string(worst_.verdict.cause);
    for (const Opinion& opinion : judgement_.trail) {
      const auto score = opinion.verdict.score;
      if (score) input.score = std::max(*score, input.score.value_or(*score));
    }
  }
  input.header = header_;
  if (complete_) input.size = intake_.octets();
  input.external = external_;
  return input;
}

/// Before a message is delivered: what the rules want with it.
void ChainInspection::rewrite(Action action) {
  rules_asked_ = true;
  RuleInput input = rule_input();
  if (!complete_ || !chain_->waits() || !chain_->rules->needs_whole(input)) {
    return rewritten(action, rewrite_header(*chain_->rules, std::move(input)));
  }
  stage_ = Stage::rewriting;
  limit_->start(left());
  auto work = std::make_shared<Work>(chain_, spool_, std::move(input), header_, Rewritten());
  work->input.header = work->header;
  rewriting_ = host_.background.run(
      [work] {
        work->result = rewrite_message(*work->chain->rules, work->input, SpoolText(*work->spool));
      },
      [this, action, work] { rewritten(action, std::move(work->result)); });
}

void ChainInspection::keep_rewritten(Rewritten rewritten) {
  rewritten_ = std::move(rewritten);
  host_.counters.rewrite_held.add(rewritten_.held);
}

/// What the policy, the scanners and then the rules want with the header.
std::vector<HeaderEdit> ChainInspection::header_edits(Action action) {
  std::vector<HeaderEdit> edits = delivery_edits(chain_->config, action, judgement_, worst_);
  for (HeaderEdit& edit : rewritten_.header) add_edit(edits, std::move(edit));
  return edits;
}

void ChainInspection::rewritten(Action action, Result<Rewritten> result) {
  rewriting_.reset();
  if (!result) {
    judgement_.trail.push_back(our_opinion(Cause::unscannable, result.error().detail));
    return decide(std::move(judgement_));
  }
  keep_rewritten(*std::move(result));
  if (!rewritten_.stop) return deliver(action);
  worst_ = our_opinion(rewritten_.stop->verdict.cause, rewritten_.stop->verdict.detail);
  judgement_.trail.push_back(worst_);
  act(rewritten_.stop->action);
}

Inspection::Reasons ChainInspection::reasons() const {
  Reasons reasons;
  reasons.key = rewritten_.stop ? fmt::format("/rewrite/{}", rewritten_.stop->rule)
                                : fmt::format("/policy/{}", to_string(worst_.verdict.cause));
  for (const RewritePlan::PassedBy& rule : rewritten_.passed_by) {
    reasons.passed_by.push_back(fmt::format("/rewrite/{}/{}", rule.rule, rule.why));
  }
  return reasons;
}

ChainInspection::~ChainInspection() { host_.counters.rewrite_held.subtract(rewritten_.held); }

}  // namespace gatepost::filters
