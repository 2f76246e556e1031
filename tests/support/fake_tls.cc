#include "tests/support/fake_tls.h"

#include <utility>

namespace gatepost::testing {

class FakeTlsTransport : public net::Transport, private net::TransportObserver {
 public:
  FakeTlsTransport(const FakeTlsLayer& layer, std::unique_ptr<net::Transport> plain)
      : layer_(layer), plain_(std::move(plain)) {
    plain_->set_observer(this);
    layer_.pending_.push_back(this);
  }
  ~FakeTlsTransport() override { std::erase(layer_.pending_, this); }
  FakeTlsTransport(const FakeTlsTransport&) = delete;
  FakeTlsTransport& operator=(const FakeTlsTransport&) = delete;

  void set_observer(net::TransportObserver* observer) override { observer_ = observer; }
  // What comes during the handshake is for TLS; in this fake it shows up afterwards.
  ByteChain& received() override { return facts_ ? plain_->received() : nothing_; }
  void send(ByteChain&& bytes) override {
    if (facts_) {
      plain_->send(std::move(bytes));
    } else {
      early_.append(std::move(bytes));
    }
  }
  std::size_t unsent() const override { return early_.size() + plain_->unsent(); }
  bool settle() override { return plain_->settle(); }
  void close(net::CloseMode mode) override {
    early_.clear();
    plain_->close(mode);
  }
  const std::optional<Error>& end() const override { return failure_ ? failure_ : plain_->end(); }
  bool established() const override { return facts_.has_value(); }
  const net::TlsFacts* tls() const override { return facts_ ? &*facts_ : nullptr; }
  const PeerAddress& peer() const override { return plain_->peer(); }
  [[nodiscard]] PeerAddress local() const override { return plain_->local(); }

  void finish(std::optional<Error> failure) {
    if (failure) {
      failure_ = std::move(failure);
    } else {
      facts_ = layer_.facts;
      if (!early_.empty()) plain_->send(std::move(early_));
      early_.clear();
    }
    if (observer_ != nullptr) observer_->on_activity();
  }

 private:
  void on_activity() override {
    if (observer_ != nullptr) observer_->on_activity();
  }

  const FakeTlsLayer& layer_;
  std::unique_ptr<net::Transport> plain_;
  net::TransportObserver* observer_ = nullptr;
  ByteChain nothing_;
  ByteChain early_;
  std::optional<net::TlsFacts> facts_;
  std::optional<Error> failure_;
  LiveCount live_{"FakeTlsTransport"};
};

Result<std::unique_ptr<net::Transport>> FakeTlsLayer::wrap(std::unique_ptr<net::Transport>&& plain,
                                                           BlockPool& /*pool*/) const {
  if (!plain->received().empty()) {
    ++refused_;
    return gatepost::fail(ErrorCode::protocol, "plain text before TLS");
  }
  ++started_;
  return std::make_unique<FakeTlsTransport>(*this, std::move(plain));
}

void FakeTlsLayer::establish() {
  FakeTlsTransport* const transport = pending_.front();
  pending_.erase(pending_.begin());
  transport->finish(std::nullopt);
}

void FakeTlsLayer::fail(ErrorCode code) {
  FakeTlsTransport* const transport = pending_.front();
  pending_.erase(pending_.begin());
  transport->finish(Error{code, "the test failed the handshake"});
}

}  // namespace gatepost::testing
