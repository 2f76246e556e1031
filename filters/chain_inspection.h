#pragma once

#include <memory>
#include <optional>
#include <string>

#include "filters/delivery.h"
#include "filters/inspection.h"
#include "filters/intake.h"
#include "filters/rewrite/rewriter.h"

namespace gatepost::filters {

/// The Inspection of a real chain: takes the message in (inspection.cc), comes to a verdict and
/// acts on it (inspection_verdict.cc).
class ChainInspection final : public Inspection {
 public:
  /// After the time is up for the scanners, until it is up for the desk that answers for them.
  static constexpr Duration kGrace{1'000};
  /// For the quarantine to take a message, if less is left of the time.
  static constexpr Duration kKeeping{10'000};

  ChainInspection(const Host& host, std::shared_ptr<const Chain> chain, MessageFacts facts,
                  Duration limit, Owner& owner);

  void feed(ByteChain&& text) override;
  void end() override;
  [[nodiscard]] bool congested() const override;
  [[nodiscard]] Outcome outcome() const override { return outcome_; }
  [[nodiscard]] std::string_view refusal() const override { return refusal_; }
  [[nodiscard]] Progress take(ByteChain& out) override;
  [[nodiscard]] const std::string& problem() const override;
  [[nodiscard]] Cause cause() const override { return worst_.verdict.cause; }
  [[nodiscard]] Action action() const override { return action_; }
  [[nodiscard]] const Judgement& judgement() const override { return judgement_; }
  [[nodiscard]] std::uint64_t octets() const override { return intake_.octets(); }
  [[nodiscard]] std::uint64_t quarantine_number() const override { return number_; }
  [[nodiscard]] const std::vector<std::string>& notes() const override { return rewritten_.notes; }
  [[nodiscard]] bool keeps_all() const override { return !rewritten_.loses; }
  [[nodiscard]] Reasons reasons() const override;
  ~ChainInspection() override;
  void note_timeout_after_ok() override;

 private:
  /// Where what comes in goes.
  enum class Sink : std::uint8_t { spool, delivery, nowhere };
  enum class Stage : std::uint8_t {
    taking,     ///< the message comes in
    sealing,    ///< it is complete, and on its way to the disk
    scanning,   ///< the scanners look at it
    rewriting,  ///< the rules look at it
    keeping,    ///< it is put into quarantine
    decided,
  };

  // Taking it in
  void pump();
  void store(ByteChain piece);
  void spool(ByteChain piece);
  void input_failed(const Error& error);
  void input_ended();
  void on_spool();
  [[nodiscard]] bool too_large();
  [[nodiscard]] Judgement oversize() const;

  // The verdict
  void look_up();
  void judged(Judgement judgement);
  void on_limit();
  [[nodiscard]] Duration left() const;
  void add_own_opinion(Judgement& judgement) const;

  // The rules (inspection_rewrite.cc)
  void stream();
  [[nodiscard]] bool wants_no_more();
  void read_header();
  [[nodiscard]] RuleInput rule_input();
  void rewrite(Action action);
  void rewritten(Action action, Result<Rewritten> result);
  void keep_rewritten(Rewritten rewritten);
  [[nodiscard]] std::vector<HeaderEdit> header_edits(Action action);

  // What becomes of it
  void decide(Judgement judgement);
  void act(Action action);
  void deliver(Action action);
  void give_notice(Action action);
  void keep();
  void kept(const Result<std::uint64_t>& number);
  void refuse(std::string_view text);
  void settle(Outcome outcome, Action action);
  void drop_the_rest();
  void tell() { teller_->start(Duration(0)); }

  const Host& host_;
  const std::shared_ptr<const Chain> chain_;
  const MessageFacts facts_;
  Owner& owner_;
  const Instant deadline_;
  Stage stage_ = Stage::taking;
  Sink sink_ = Sink::spool;
  Intake intake_;
  bool complete_ = false;       // all of it came through the intake
  bool must_be_whole_ = false;  // too large for the scanners, but somebody wants all of it
  bool rules_asked_ = false;
  bool header_read_ = false;
  std::string header_;     // of the message, for the rules
  bool external_ = false;  // if a rule asks for it
  Rewritten rewritten_;
  ByteChain head_;  // what streams, until the header is known
  Ticket rewriting_;
  std::shared_ptr<Spool> spool_;
  std::shared_ptr<Spool> retired_;  // until nobody is inside it
  std::optional<Digest> digest_;
  std::optional<Digest> key_;  // in the memory, of a message that is not there
  std::string versions_;
  Judgement judgement_;
  Opinion worst_;
  Action action_ = Action::deliver;
  Outcome outcome_ = Outcome::undecided;
  std::string refusal_;
  std::uint64_t number_ = 0;
  std::optional<Delivery> delivery_;
  Ticket scan_;
  Ticket put_;
  std::unique_ptr<Timer> limit_;
  std::unique_ptr<Timer> teller_;
};

/// What the chain itself has to say of a message.
[[nodiscard]] Opinion our_opinion(Cause cause, std::string_view detail);

}  // namespace gatepost::filters
