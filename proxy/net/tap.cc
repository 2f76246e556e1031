#include "proxy/net/tap.h"

#include <cassert>
#include <utility>

namespace gatepost::net {

namespace {

/// Takes what the connection inside receives into a chain of its own as it comes: only so can it be
/// told from what was there before.
class TappedTransport final : public Transport, private TransportObserver {
 public:
  TappedTransport(std::unique_ptr<Transport> inner, Tap& tap, Tap::Leg leg)
      : inner_(std::move(inner)), tap_(tap), leg_(leg) {
    inner_->set_observer(nullptr);
  }

  void set_observer(TransportObserver* observer) override {
    observer_ = observer;
    TransportObserver* const self = this;
    inner_->set_observer(observer != nullptr ? self : nullptr);
  }
  ByteChain& received() override {
    take_in();
    return received_;
  }
  void send(ByteChain&& bytes) override {
    tap_.said(leg_, bytes);
    inner_->send(std::move(bytes));
  }
  bool send_descriptor(UniqueFd descriptor) override {
    return inner_->send_descriptor(std::move(descriptor));
  }
  [[nodiscard]] std::size_t unsent() const override { return inner_->unsent(); }
  bool settle() override {
    const bool news = inner_->settle();
    return take_in() || news;
  }
  void close(CloseMode mode) override {
    tap_.closed(leg_, mode);
    aborted_ = mode == CloseMode::abort;
    received_.clear();
    inner_->close(mode);
  }
  [[nodiscard]] const std::optional<Error>& end() const override { return inner_->end(); }
  [[nodiscard]] bool established() const override { return inner_->established(); }
  [[nodiscard]] const TlsFacts* tls() const override { return inner_->tls(); }
  [[nodiscard]] const PeerAddress& peer() const override { return inner_->peer(); }
  [[nodiscard]] PeerAddress local() const override { return inner_->local(); }

  [[nodiscard]] std::unique_ptr<Transport> release() {
    assert(received_.empty());
    inner_->set_observer(nullptr);
    return std::move(inner_);
  }

 private:
  void on_activity() override {
    take_in();
    // Nothing after this: the observer may release the connection, which destroys this object.
    if (observer_ != nullptr) observer_->on_activity();
  }

  /// Whether there was something new. All of it once the peer has ended: nobody looks again then.
  bool take_in() {
    bool news = false;
    ByteChain& arrived = inner_->received();
    if (!arrived.empty() && (received_.size() < kMaxTapped || inner_->end())) {
      tap_.heard(leg_, arrived);
      received_.append(std::move(arrived));
      arrived.clear();
      news = true;
    }
    if (inner_->end() && arrived.empty() && !told_end_) {
      told_end_ = true;
      if (!aborted_) tap_.ended(leg_, *inner_->end());
    }
    return news;
  }

  std::unique_ptr<Transport> inner_;
  Tap& tap_;
  const Tap::Leg leg_;
  TransportObserver* observer_ = nullptr;
  ByteChain received_;
  bool told_end_ = false;
  bool aborted_ = false;
};

}  // namespace

std::unique_ptr<Transport> listen_to(std::unique_ptr<Transport> transport, Tap* tap, Tap::Leg leg) {
  if (tap == nullptr) return transport;
  return std::make_unique<TappedTransport>(std::move(transport), *tap, leg);
}

std::unique_ptr<Transport> without_tap(std::unique_ptr<Transport> transport) {
  auto* const tapped = dynamic_cast<TappedTransport*>(transport.get());
  return tapped != nullptr ? tapped->release() : std::move(transport);
}

}  // namespace gatepost::net
