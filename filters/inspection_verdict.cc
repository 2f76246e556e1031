#include <algorithm>
#include <utility>

#include "filters/chain_inspection.h"
#include "filters/message/header_text.h"
#include "filters/policy_text.h"

namespace gatepost::filters {

namespace {

/// Under which name the chain itself speaks up.
constexpr std::string_view kOurselves = "gatepost";

}  // namespace

Opinion our_opinion(Cause cause, std::string_view detail) {
  return {.scanner = std::string(kOurselves), .verdict = Verdict::of(cause, detail)};
}

Duration ChainInspection::left() const {
  return std::max(deadline_ - host_.timers.now(), Duration(1));
}

void ChainInspection::look_up() {
  if (!chain_->scans()) return judged({});
  digest_ = spool_->digest();
  const Instant now = host_.timers.now();
  if (chain_->config.remember && host_.memory) {
    versions_ = host_.desk.versions(chain_->scanners);
    if (!versions_.empty()) {
      key_ = VerdictMemory::key(*digest_, chain_->fingerprint, versions_);
      if (auto known = host_.memory->find(*key_, now)) {
        host_.counters.remembered.add();
        key_.reset();
        return judged(std::move(*known));
      }
      host_.counters.not_remembered.add();
    }
  }
  if (host_.memory && host_.memory->timed_out_before(*digest_, now)) {
    host_.counters.refused_again.add();
    judgement_.trail.push_back(our_opinion(Cause::timeout, "the scan timed out before"));
    worst_ = judgement_.trail.back();
    return refuse(refusal_text(Cause::timeout));
  }
  stage_ = Stage::scanning;
  limit_->start(left() + kGrace);  // the desk keeps the time, and says who was late
  scan_ = host_.desk.judge(chain_->scanners, {.message = spool_, .facts = facts_}, left(),
                           [this](Judgement judgement) {
                             scan_.reset();
                             judged(std::move(judgement));
                           });
}

void ChainInspection::judged(Judgement judgement) {
  // Of which database the verdict is, nobody knows when it changed meanwhile.
  if (key_ && host_.desk.versions(chain_->scanners) == versions_) {
    host_.memory->remember(*key_, judgement, host_.timers.now());
  }
  add_own_opinion(judgement);
  decide(std::move(judgement));
}

void ChainInspection::add_own_opinion(Judgement& judgement) const {
  const HeaderFacts& header = intake_.header();
  if (!chain_->scans() && !(chain_->rules && chain_->rules->protects())) return;
  if (header.partial) judgement.trail.push_back(our_opinion(Cause::partial, "message/partial"));
  if (header.too_large) {
    judgement.trail.push_back(our_opinion(Cause::unscannable, "header too large"));
  }
}

void ChainInspection::on_limit() {
  if (stage_ == Stage::decided) return;
  if (stage_ == Stage::keeping) {
    put_.reset();
    return kept(fail(ErrorCode::timeout, "quarantine: no answer in time"));
  }
  scan_.reset();
  rewriting_.reset();
  rules_asked_ = true;  // no second time
  Judgement judgement;
  judgement.trail.push_back(
      our_opinion(Cause::timeout, complete_ ? "no verdict in time" : "not complete in time"));
  add_own_opinion(judgement);
  decide(std::move(judgement));
}

void ChainInspection::note_timeout_after_ok() {
  if (!digest_ || !host_.memory) return;
  host_.memory->note_timeout(*digest_, host_.timers.now() + chain_->config.waiting.refuse_again);
}

void ChainInspection::decide(Judgement judgement) {
  judgement_ = std::move(judgement);
  if (const Opinion* const worst = judgement_.worst(chain_->config.policy)) worst_ = *worst;
  act(config::action_for(chain_->config.policy, worst_.verdict.cause));
}

void ChainInspection::act(Action action) {
  switch (action) {
    case Action::deliver:
    case Action::tag:
      // What the spool or a filter lost cannot be delivered, whatever the policy says.
      if (!spool_) return refuse(refusal_text(worst_.verdict.cause));
      return chain_->rules && !rules_asked_ ? rewrite(action) : deliver(action);
    case Action::notice:
      return give_notice(action);
    case Action::quarantine:
      return spool_ && complete_ ? keep() : refuse(refusal_text(worst_.verdict.cause));
    case Action::refuse:
    case Action::count_:
      break;
  }
  refuse(refusal_text(worst_.verdict.cause));
}

void ChainInspection::deliver(Action action) {
  spool_->seal();
  delivery_.emplace(host_.pool, spool_, std::move(rewritten_.splices), header_edits(action),
                    [this] { tell(); });
  if (complete_) {
    delivery_->end();
    sink_ = Sink::nowhere;
  } else {
    sink_ = Sink::delivery;
  }
  settle(Outcome::pass, action);
}

void ChainInspection::give_notice(Action action) {
  if (!chain_->notice) return refuse(refusal_text(worst_.verdict.cause));
  const HeaderFacts& header = intake_.header();
  const std::string text =
      chain_->notice->write({.cause = worst_.verdict.cause,
                             .threat = worst_.verdict.detail,
                             .scanner = worst_.scanner,
                             .from = header.from,
                             .subject = header.subject,
                             .date = header.date,
                             .size = intake_.octets(),
                             .quarantine_number = number_ == 0 ? "" : std::to_string(number_)});
  drop_the_rest();
  delivery_.emplace(host_.pool, nullptr, std::vector<Splice>{}, std::vector<HeaderEdit>{}, [] {});
  delivery_->append(ByteChain(host_.pool, text));
  delivery_->end();
  settle(Outcome::pass, action);
}

void ChainInspection::keep() {
  if (host_.dry) return give_notice(Action::quarantine);
  if (!host_.quarantine) return kept(fail(ErrorCode::config, "there is no quarantine"));
  stage_ = Stage::keeping;
  limit_->start(std::max(left(), kKeeping));
  const HeaderFacts& header = intake_.header();
  QuarantineRecord record;
  record.user = facts_.user;
  record.route = facts_.route;
  record.from = readable_field(header.from, Quarantine::kMaxRecordText);
  record.subject = readable_field(header.subject, Quarantine::kMaxRecordText);
  record.date = readable_field(header.date, Quarantine::kMaxRecordText);
  record.cause = to_string(worst_.verdict.cause);
  record.threat = worst_.verdict.detail;
  record.scanner = worst_.scanner;
  put_ = host_.quarantine->put(host_.background, spool_, std::move(record),
                               [this](const Result<std::uint64_t>& number) { kept(number); });
}

void ChainInspection::kept(const Result<std::uint64_t>& number) {
  if (!number) {
    host_.counters.quarantine_failures.add();
    return refuse("Message held back: it could not be kept in quarantine, try again later");
  }
  number_ = *number;
  give_notice(Action::quarantine);
}

void ChainInspection::refuse(std::string_view text) {
  refusal_ = text;
  drop_the_rest();
  settle(Outcome::refused, Action::refuse);
}

/// Nobody wants the message any more.
void ChainInspection::drop_the_rest() {
  sink_ = Sink::nowhere;
  if (spool_) retired_ = std::exchange(spool_, nullptr);
}

void ChainInspection::settle(Outcome outcome, Action action) {
  stage_ = Stage::decided;
  limit_->stop();
  outcome_ = outcome;
  action_ = action;
  host_.counters.causes[worst_.verdict.cause].add();
  host_.counters.actions[action].add();
  tell();
}

}  // namespace gatepost::filters
