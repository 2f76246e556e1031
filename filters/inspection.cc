#include "filters/inspection.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "filters/chain_inspection.h"
#include "filters/shadow.h"

namespace gatepost::filters {

namespace {

/// Octets that are moved at a time.
constexpr std::size_t kPiece = 64 * 1024;

}  // namespace

ChainInspection::ChainInspection(const Host& host, std::shared_ptr<const Chain> chain,
                                 MessageFacts facts, Duration limit, Owner& owner)
    : host_(host),
      chain_(std::move(chain)),
      facts_(std::move(facts)),
      owner_(owner),
      deadline_(host.timers.now() + limit),
      intake_(*chain_, host.pool),
      limit_(host.timers.make_timer([this] { on_limit(); })),
      teller_(host.timers.make_timer([this] {
        retired_.reset();
        if (stage_ == Stage::decided) put_.reset();
        owner_.on_inspection_activity();
      })) {
  worst_.verdict = Verdict::clean();
  if (chain_->waits()) {
    spool_ = std::make_shared<Spool>(host.room, host.pool, host.background, [this] { on_spool(); });
    limit_->start(limit);
  } else {
    sink_ = Sink::delivery;
    if (!chain_->rules) stream();
  }
}

void ChainInspection::feed(ByteChain&& text) {
  if (sink_ == Sink::nowhere) {
    text.clear();
    return;
  }
  intake_.feed(std::move(text));
  pump();
}

void ChainInspection::end() {
  if (sink_ == Sink::nowhere) return;
  intake_.end();
  pump();
}

bool ChainInspection::congested() const {
  switch (sink_) {
    case Sink::spool:
      return intake_.full() || spool_->congested();
    case Sink::delivery:
      return intake_.full() || (delivery_ && delivery_->full());
    case Sink::nowhere:
      break;
  }
  return false;
}

/// Moves what came in to where it goes, as far as there is room.
void ChainInspection::pump() {
  while (sink_ != Sink::nowhere && !complete_) {
    const bool wait = sink_ == Sink::spool ? spool_->congested() : delivery_ && delivery_->full();
    if (wait) return;
    ByteChain piece;
    const auto status = intake_.run(piece, kPiece);
    if (!status) return input_failed(status.error());
    if (!piece.empty()) store(std::move(piece));  // may decide, while it is not complete
    complete_ = *status == FilterStatus::finished;
    if (complete_) return input_ended();
    if (*status == FilterStatus::need_input) return;
  }
}

void ChainInspection::store(ByteChain piece) {
  host_.counters.octets_scanned.add(piece.size());
  if (sink_ == Sink::spool) return spool(std::move(piece));
  if (!delivery_) {
    head_.append(std::move(piece));
    if (intake_.header_known()) stream();
    return;
  }
  delivery_->append(std::move(piece));
  if (outcome_ == Outcome::undecided) settle(Outcome::pass, Action::deliver);
  tell();
}

void ChainInspection::spool(ByteChain piece) {
  const bool fits = intake_.octets() <= host_.room->max_message();
  if (fits) {
    spool_->append(std::exchange(piece, ByteChain()));
    if (spool_->failure()) return on_spool();
    if (wants_no_more()) return decide({});
    if (!too_large()) return;
  }
  Judgement judgement = oversize();
  add_own_opinion(judgement);
  if (!intake_.header_known()) {
    judgement.trail.push_back(our_opinion(Cause::unscannable, "header too large"));
  }
  const Opinion* const worst = judgement.worst(chain_->config.policy);
  const Action action = config::action_for(chain_->config.policy, worst->verdict.cause);
  const bool ruled = chain_->rules && chain_->rules->needs_whole(rule_input());
  if (fits && (action == Action::quarantine || ruled)) {
    must_be_whole_ = true;
    return;
  }
  for (const auto& kind : chain_->scanners) {
    ++kind->counters->verdicts[static_cast<std::size_t>(Cause::oversize)];
  }
  decide(std::move(judgement));
  if (!fits && sink_ == Sink::delivery) delivery_->append(std::move(piece));
}

/// Whether no scanner takes it, and nothing of the header can change what becomes of it.
bool ChainInspection::too_large() {
  if (must_be_whole_ || !intake_.header_known() || !chain_->scans()) return false;
  return std::ranges::all_of(chain_->scanners, [this](const auto& kind) {
    return intake_.octets() > kind->config.max_size;
  });
}

Judgement ChainInspection::oversize() const {
  Judgement judgement;
  if (!chain_->scans()) {
    judgement.trail.push_back(our_opinion(
        Cause::oversize, fmt::format("larger than {} octets", host_.room->max_message())));
  }
  for (const auto& kind : chain_->scanners) {
    const std::uint64_t most = std::min(kind->config.max_size, host_.room->max_message());
    judgement.trail.push_back(
        {.scanner = kind->config.name,
         .verdict = Verdict::of(Cause::oversize, fmt::format("larger than {} octets", most))});
  }
  return judgement;
}

/// The rest is lost for good: an error of a filter.
void ChainInspection::input_failed(const Error& error) {
  if (delivery_ && (outcome_ != Outcome::undecided || sink_ == Sink::delivery)) {
    sink_ = Sink::nowhere;
    delivery_->fail(fmt::format("filter: {}", error.detail));
    return tell();
  }
  sink_ = Sink::nowhere;
  if (spool_) retired_ = std::exchange(spool_, nullptr);
  Judgement judgement;
  judgement.trail.push_back(our_opinion(Cause::unscannable, error.detail));
  decide(std::move(judgement));
}

void ChainInspection::input_ended() {
  if (sink_ == Sink::delivery) {
    if (!delivery_) stream();
    if (!delivery_) return;  // the rules have given it up
    delivery_->end();
    if (outcome_ == Outcome::undecided) settle(Outcome::pass, Action::deliver);
    return tell();
  }
  if (sink_ != Sink::spool || stage_ != Stage::taking) return;
  stage_ = Stage::sealing;
  spool_->seal();
  on_spool();
}

/// The spool has news, or had some while it was in use.
void ChainInspection::on_spool() {
  if (stage_ == Stage::decided || !spool_) return tell();
  if (spool_->failure()) {
    host_.counters.spool_failures.add();
    Judgement judgement;
    judgement.trail.push_back(our_opinion(Cause::spool_full, spool_->failure()->detail));
    retired_ = std::exchange(spool_, nullptr);
    sink_ = Sink::nowhere;
    return decide(std::move(judgement));
  }
  if (stage_ == Stage::sealing && spool_->ready()) return look_up();
  if (stage_ != Stage::taking) return;
  pump();
  tell();
}

Inspection::Progress ChainInspection::take(ByteChain& out) {
  if (!delivery_) return Progress::broken;  // refused: there is nothing to take
  const bool was_congested = congested();
  const auto progress = delivery_->take(out);
  if (sink_ == Sink::delivery) pump();
  if (was_congested && !congested()) tell();
  switch (progress) {
    case Delivery::Progress::data:
      return Progress::data;
    case Delivery::Progress::wait:
      return Progress::wait;
    case Delivery::Progress::end:
      return Progress::end;
    case Delivery::Progress::broken:
      break;
  }
  return Progress::broken;
}

const std::string& ChainInspection::problem() const {
  static const std::string none;
  return delivery_ ? delivery_->problem() : none;
}

InspectionMaker inspection_maker(const Host& host) {
  return [&host](std::shared_ptr<const Chain> chain, MessageFacts facts, Duration limit,
                 Inspection::Owner& owner) {
    if (host.shadows != nullptr && chain->shadow) {
      return host.shadows->make(std::move(chain), facts, limit, owner);
    }
    return make_inspection(host, std::move(chain), std::move(facts), limit, owner);
  };
}

std::unique_ptr<Inspection> make_inspection(const Host& host, std::shared_ptr<const Chain> chain,
                                            MessageFacts facts, Duration limit,
                                            Inspection::Owner& owner) {
  return std::make_unique<ChainInspection>(host, std::move(chain), std::move(facts), limit, owner);
}

}  // namespace gatepost::filters
