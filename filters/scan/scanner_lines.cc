#include "filters/scan/scanner_lines.h"

#include <utility>

namespace gatepost::filters {

/// Goes when anything happens to it: nobody has been asked, so nobody has anything to say. By a
/// timer, because a transport must not go in its own callback.
class ScannerLines::Kept final : public net::TransportObserver {
 public:
  Kept(ScannerLines& owner, Line line)
      : line_(std::move(line)),
        timer_(owner.tools_.timers.make_timer([this, &owner] { owner.drop(this); })) {
    line_->set_observer(this);
    timer_->start(kIdle);
  }
  Line release() {
    line_->set_observer(nullptr);
    return std::move(line_);
  }
  [[nodiscard]] bool good() const { return !line_->end() && line_->received().empty(); }

 private:
  void on_activity() override {
    line_->settle();
    if (!good()) timer_->start(Duration(0));
  }
  Line line_;
  std::unique_ptr<Timer> timer_;
};

ScannerLines::ScannerLines(config::Scanner config, const ScannerTools& tools,
                           std::shared_ptr<const net::TlsLayer> tls)
    : config_(std::move(config)),
      tools_(tools),
      tls_(std::move(tls)),
      filler_(tools.timers.make_timer([this] { fill_places(); })) {}

ScannerLines::~ScannerLines() = default;

ScannerLines::Line ScannerLines::take_kept() {
  while (!kept_.empty()) {
    const std::unique_ptr<Kept> kept = std::move(kept_.back());
    kept_.pop_back();
    if (kept->good()) return kept->release();
  }
  return nullptr;
}

Ticket ScannerLines::connect(Done done) {
  return tools_.connector.connect(config_.address, config_.timeout,
                                  [this, done = std::move(done)](auto made) mutable {
                                    if (!made || !config_.tls) return done(std::move(made));
                                    // A scanner that is to be spoken to in private is not spoken to
                                    // in clear.
                                    if (!tls_)
                                      return done(fail(ErrorCode::config, "no TLS for it"));
                                    done(tls_->wrap(std::move(*made), tools_.pool));
                                  });
}

void ScannerLines::keep(Line line) {
  if (line->end() || !line->received().empty() || kept_.size() >= config_.concurrency) return;
  kept_.push_back(std::make_unique<Kept>(*this, std::move(line)));
}

void ScannerLines::drop(const Kept* kept) {
  std::erase_if(kept_, [kept](const auto& one) { return one.get() == kept; });
}

Ticket ScannerLines::take_place(std::move_only_function<void()> go) {
  auto place = std::make_shared<Place>();
  place->go = std::move(go);
  waiting_.push_back(place);
  Ticket ticket([this, place] { leave(place); });
  fill_places();
  return ticket;
}

void ScannerLines::fill_places() {
  while (!waiting_.empty() && (limit_ == 0 || taken_ < limit_)) {
    const std::shared_ptr<Place> place = std::move(waiting_.front());
    waiting_.pop_front();
    ++taken_;
    auto go = std::exchange(place->go, nullptr);
    go();
  }
}

void ScannerLines::leave(const std::shared_ptr<Place>& place) {
  if (std::erase(waiting_, place) > 0) return;
  --taken_;
  // Later: whoever leaves may be in the middle of something.
  if (!waiting_.empty()) filler_->start(Duration(0));
}

}  // namespace gatepost::filters
