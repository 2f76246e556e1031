#include "filters/shadow.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace gatepost::filters {

namespace {

Shadows::Result result_of(const Inspection& inspection) {
  Shadows::Result result;
  result.outcome = inspection.outcome();
  result.action = inspection.action();
  result.cause = inspection.cause();
  result.trail = inspection.judgement().to_string();
  result.rules = fmt::format("{}", fmt::join(inspection.notes(), "; "));
  return result;
}

/// What is delivered, as it goes by.
class Output {
 public:
  void see(const ByteChain& text) {
    for (const Slice& slice : text.slices()) sha_.update(slice.view());
    octets_ += text.size();
  }
  void finish(Shadows::Result& result) {
    result.octets = octets_;
    result.digest = sha_.finish();
  }

 private:
  Sha256 sha_;
  std::uint64_t octets_ = 0;
};

}  // namespace

bool Shadows::Result::same_as(const Result& other) const {
  return outcome == other.outcome && action == other.action && cause == other.cause &&
         octets == other.octets && digest == other.digest;
}

/// The shadow at work on one message.
class Shadows::Watched final : Inspection::Owner {
 public:
  Watched(Shadows& shadows, std::shared_ptr<const Chain> chain, MessageFacts facts, Duration limit,
          Inspection::Owner& main_owner)
      : shadows_(shadows),
        chain_(std::move(chain)),
        facts_(facts),
        main_owner_(&main_owner),
        inspection_(make_inspection(shadows.dry_, chain_->shadow, std::move(facts), limit, *this)) {
  }

  void feed(ByteChain text) {
    inspection_->feed(std::move(text));
    drain();
  }
  void end() {
    inspection_->end();
    drain();
  }
  [[nodiscard]] bool congested() const { return !result_ && inspection_->congested(); }
  /// The message has come to its end, with this result, or without one.
  void main_done(std::optional<Result> result) {
    main_owner_ = nullptr;
    main_result_ = std::move(result);
    if (!main_result_) return shadows_.let_go(*this);
    finish();
  }
  [[nodiscard]] const Chain& chain() const { return *chain_; }
  [[nodiscard]] const MessageFacts& facts() const { return facts_; }
  [[nodiscard]] const Result& main_result() const { return *main_result_; }
  [[nodiscard]] const Result& result() const { return *result_; }

 private:
  void on_inspection_activity() override {
    drain();
    if (main_owner_ != nullptr) main_owner_->on_inspection_activity();
  }

  /// Nobody wants what it delivers: it is counted, and goes.
  void drain() {
    if (result_ || inspection_->outcome() == Inspection::Outcome::undecided) return;
    bool over = inspection_->outcome() == Inspection::Outcome::refused;
    while (!over) {
      ByteChain text;
      const Inspection::Progress progress = inspection_->take(text);
      output_.see(text);
      if (progress == Inspection::Progress::wait) return;
      over = progress != Inspection::Progress::data;
    }
    result_ = result_of(*inspection_);
    output_.finish(*result_);
    finish();
  }

  void finish() {
    if (!result_ || !main_result_) return;
    shadows_.compare(*this);
    shadows_.let_go(*this);
  }

  Shadows& shadows_;
  const std::shared_ptr<const Chain> chain_;
  const MessageFacts facts_;
  Inspection::Owner* main_owner_;
  const std::unique_ptr<Inspection> inspection_;
  Output output_;
  std::optional<Result> result_;
  std::optional<Result> main_result_;
};

/// The inspection that counts; lets the other one see what it sees.
class Shadows::Seen final : public Inspection {
 public:
  Seen(std::unique_ptr<Inspection> main, Watched& watched)
      : main_(std::move(main)), watched_(&watched) {}
  ~Seen() override { done(std::nullopt); }

  void feed(ByteChain&& text) override {
    if (watched_ != nullptr) watched_->feed(ByteChain(text));
    main_->feed(std::move(text));
  }
  void end() override {
    complete_ = true;
    if (watched_ != nullptr) watched_->end();
    main_->end();
  }
  [[nodiscard]] bool congested() const override {
    return main_->congested() || (watched_ != nullptr && watched_->congested());
  }
  [[nodiscard]] Outcome outcome() const override { return main_->outcome(); }
  [[nodiscard]] std::string_view refusal() const override {
    refused_ = true;
    return main_->refusal();
  }
  [[nodiscard]] Progress take(ByteChain& out) override {
    ByteChain text;
    const Progress progress = main_->take(text);
    if (watched_ != nullptr) output_.see(text);
    out.append(std::move(text));
    if (progress == Progress::end && complete_) {
      Result result = result_of(*main_);
      output_.finish(result);
      done(std::move(result));
    }
    return progress;
  }
  [[nodiscard]] const std::string& problem() const override { return main_->problem(); }
  [[nodiscard]] Cause cause() const override { return main_->cause(); }
  [[nodiscard]] Action action() const override { return main_->action(); }
  [[nodiscard]] const Judgement& judgement() const override { return main_->judgement(); }
  [[nodiscard]] std::uint64_t octets() const override { return main_->octets(); }
  [[nodiscard]] std::uint64_t quarantine_number() const override {
    return main_->quarantine_number();
  }
  [[nodiscard]] const std::vector<std::string>& notes() const override { return main_->notes(); }
  [[nodiscard]] bool keeps_all() const override { return main_->keeps_all(); }
  [[nodiscard]] Reasons reasons() const override { return main_->reasons(); }
  void note_timeout_after_ok() override { main_->note_timeout_after_ok(); }

 private:
  void done(std::optional<Result> result) {
    Watched* const watched = std::exchange(watched_, nullptr);
    if (watched == nullptr) return;
    // Refused, and the whole message was there to be looked at.
    if (!result && refused_ && complete_) {
      result = result_of(*main_);
      Output().finish(*result);
    }
    watched->main_done(std::move(result));
  }

  const std::unique_ptr<Inspection> main_;
  Watched* watched_;  // null: it is over, or the shadow is on its own now
  Output output_;
  bool complete_ = false;
  mutable bool refused_ = false;
};

Shadows::Shadows(const Host& host, Log& log)
    : host_(host),
      log_(log),
      dry_{host.timers, host.pool, host.background, counters_,
           host.desk,   nullptr,   nullptr,         nullptr},
      sweeper_(host.timers.make_timer([this] { over_.clear(); })) {}

Shadows::~Shadows() = default;

void Shadows::renew_host() {
  dry_.room = host_.room;
  dry_.memory = host_.memory;
  dry_.dry = true;
}

std::unique_ptr<Inspection> Shadows::make(std::shared_ptr<const Chain> chain,
                                          const MessageFacts& facts, Duration limit,
                                          Inspection::Owner& owner) {
  auto main = make_inspection(host_, chain, facts, limit, owner);
  if (running_.size() >= kMost) {
    host_.counters.shadow_left_out.add();
    return main;
  }
  renew_host();
  running_.push_back(std::make_unique<Watched>(*this, std::move(chain), facts, limit, owner));
  return std::make_unique<Seen>(std::move(main), *running_.back());
}

void Shadows::compare(const Watched& watched) {
  const Result& main = watched.main_result();
  const Result& shadow = watched.result();
  if (main.same_as(shadow)) return host_.counters.shadow_same.add();
  host_.counters.shadow_differs.add();
  const MessageFacts& facts = watched.facts();
  log_.info("shadow", {{"id", facts.session},
                       {"user", facts.user},
                       {"route", facts.route},
                       {"number", facts.number},
                       {"chain", watched.chain().config.name},
                       {"action", to_string(main.action)},
                       {"cause", to_string(main.cause)},
                       {"trail", main.trail},
                       {"rules", main.rules},
                       {"octets", main.octets},
                       {"shadow", watched.chain().config.shadow},
                       {"shadow_action", to_string(shadow.action)},
                       {"shadow_cause", to_string(shadow.cause)},
                       {"shadow_trail", shadow.trail},
                       {"shadow_rules", shadow.rules},
                       {"shadow_octets", shadow.octets}});
}

void Shadows::let_go(Watched& watched) {
  const auto found =
      std::ranges::find(running_, &watched, [](const auto& one) { return one.get(); });
  if (found == running_.end()) return;
  over_.push_back(std::move(*found));
  running_.erase(found);
  sweeper_->start(Duration(0));
}

}  // namespace gatepost::filters
