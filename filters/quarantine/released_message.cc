#include "filters/quarantine/released_message.h"

#include <optional>
#include <string>
#include <utility>

#include "filters/delivery.h"
#include "filters/quarantine/releases.h"

namespace gatepost::filters {

namespace {

class ReleasedMessage final : public Inspection {
 public:
  ReleasedMessage(const Host& host, std::shared_ptr<Quarantine> from, std::uint64_t number,
                  std::uint64_t octets, Duration limit, Owner& owner)
      : host_(host),
        number_(number),
        octets_(octets),
        owner_(owner),
        spool_(fetch_released(host, std::move(from), number, octets, [this] { on_spool(); })),
        limit_(host.timers.make_timer([this] { on_limit(); })) {
    if (spool_->failure()) {
      fail(spool_->failure()->detail);
    } else {
      limit_->start(limit);
    }
  }

  void feed(ByteChain&& text) override { static_cast<void>(ByteChain(std::move(text))); }
  void end() override {}
  [[nodiscard]] bool congested() const override { return false; }
  [[nodiscard]] Outcome outcome() const override { return outcome_; }
  [[nodiscard]] std::string_view refusal() const override {
    return "Released message is not available, try again later";
  }
  [[nodiscard]] Progress take(ByteChain& out) override;
  [[nodiscard]] const std::string& problem() const override { return problem_; }
  [[nodiscard]] Cause cause() const override { return Cause::clean; }
  [[nodiscard]] Action action() const override {
    return outcome_ == Outcome::refused ? Action::refuse : Action::deliver;
  }
  [[nodiscard]] const Judgement& judgement() const override { return judgement_; }
  [[nodiscard]] std::uint64_t octets() const override { return octets_; }
  [[nodiscard]] std::uint64_t quarantine_number() const override { return number_; }
  [[nodiscard]] bool keeps_all() const override { return true; }
  [[nodiscard]] Reasons reasons() const override { return {}; }
  void note_timeout_after_ok() override {}

 private:
  void on_spool();
  void on_limit();
  void fail(std::string problem);

  const Host& host_;
  const std::uint64_t number_;
  const std::uint64_t octets_;
  Owner& owner_;
  Outcome outcome_ = Outcome::undecided;
  std::shared_ptr<const Spool> spool_;
  std::unique_ptr<Timer> limit_;
  std::optional<Delivery> delivery_;
  std::string problem_;
  Judgement judgement_;
};

Inspection::Progress ReleasedMessage::take(ByteChain& out) {
  switch (delivery_->take(out)) {
    case Delivery::Progress::data:
      return Progress::data;
    case Delivery::Progress::wait:
      return Progress::wait;
    case Delivery::Progress::end:
      return Progress::end;
    case Delivery::Progress::broken:
      break;
  }
  problem_ = delivery_->problem();
  return Progress::broken;
}

void ReleasedMessage::on_spool() {
  if (outcome_ != Outcome::undecided) return;
  limit_->stop();
  if (spool_->failure()) {
    fail(spool_->failure()->detail);
  } else {
    outcome_ = Outcome::pass;
    delivery_.emplace(host_.pool, spool_, std::vector<Splice>(), std::vector<HeaderEdit>(),
                      [this] { owner_.on_inspection_activity(); });
    delivery_->end();
  }
  owner_.on_inspection_activity();
}

void ReleasedMessage::on_limit() {
  fail("not read in time");
  owner_.on_inspection_activity();
}

void ReleasedMessage::fail(std::string problem) {
  problem_ = std::move(problem);
  outcome_ = Outcome::refused;
  host_.counters.quarantine_failures.add();
}

}  // namespace

std::unique_ptr<Inspection> make_released_message(const Host& host,
                                                  std::shared_ptr<Quarantine> from,
                                                  std::uint64_t number, std::uint64_t octets,
                                                  Duration limit, Inspection::Owner& owner) {
  return std::make_unique<ReleasedMessage>(host, std::move(from), number, octets, limit, owner);
}

}  // namespace gatepost::filters
