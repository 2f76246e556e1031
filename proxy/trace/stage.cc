#include "proxy/trace/stage.h"

#include <optional>
#include <utility>

namespace gatepost::trace {

/// Takes everything at once.
class StageTransport final : public net::Transport {
 public:
  StageTransport(BlockPool& pool, StageWire& wire) : pool_(pool), wire_(&wire) {
    wire.transport_ = this;
  }
  ~StageTransport() override { wire_->transport_ = nullptr; }
  StageTransport(const StageTransport&) = delete;
  StageTransport& operator=(const StageTransport&) = delete;

  void set_observer(net::TransportObserver* observer) override { observer_ = observer; }
  ByteChain& received() override { return received_; }
  void send(ByteChain&& bytes) override {
    wire_->ear_.said(wire_->leg_, bytes.to_string());
    bytes.clear();
  }
  [[nodiscard]] std::size_t unsent() const override { return 0; }
  bool settle() override { return false; }
  void close(net::CloseMode mode) override {
    wire_->ear_.closed(wire_->leg_, mode);
    closed_ = true;
    received_.clear();
    if (mode == net::CloseMode::abort && !end_) end_ = Error{ErrorCode::closed, "aborted"};
  }
  [[nodiscard]] const std::optional<Error>& end() const override { return end_; }
  [[nodiscard]] bool established() const override { return established_; }
  [[nodiscard]] const net::TlsFacts* tls() const override { return facts_ ? &*facts_ : nullptr; }
  [[nodiscard]] const PeerAddress& peer() const override { return peer_; }
  [[nodiscard]] PeerAddress local() const override { return {}; }

  void start_tls() {
    established_ = false;
    observer_ = nullptr;
  }

 private:
  friend class StageWire;
  BlockPool& pool_;
  StageWire* wire_;
  net::TransportObserver* observer_ = nullptr;
  ByteChain received_;
  std::optional<Error> end_;
  bool established_ = true;
  bool closed_ = false;
  std::string version_;
  std::optional<net::TlsFacts> facts_;
  PeerAddress peer_;
};

std::unique_ptr<net::Transport> StageWire::make_transport(BlockPool& pool) {
  return std::make_unique<StageTransport>(pool, *this);
}

bool StageWire::listens() const {
  return transport_ != nullptr && transport_->established_ && !transport_->end_;
}

bool StageWire::awaits_tls() const { return transport_ != nullptr && !transport_->established_; }

void StageWire::tell() {
  if (transport_ != nullptr && transport_->observer_ != nullptr) {
    transport_->observer_->on_activity();
  }
}

void StageWire::deliver(std::string_view text) {
  if (transport_ == nullptr || transport_->closed_) return;
  transport_->received_.append(transport_->pool_, text);
  tell();
}

void StageWire::secure(std::string_view version) {
  if (transport_ == nullptr) return;
  transport_->version_ = version;
  transport_->facts_ =
      net::TlsFacts{.version = transport_->version_, .cipher = {}, .server_name = {}};
  transport_->established_ = true;
  tell();
}

void StageWire::end(ErrorCode code) {
  if (transport_ == nullptr || transport_->end_) return;
  transport_->end_ = Error{code, "as in the trace"};
  tell();
}

Result<std::unique_ptr<net::Transport>> StageTls::wrap(std::unique_ptr<net::Transport>&& plain,
                                                       BlockPool& /*pool*/) const {
  auto* const stage = dynamic_cast<StageTransport*>(plain.get());
  if (stage == nullptr || !plain->received().empty()) {
    return gatepost::fail(ErrorCode::protocol, "plain text before TLS");
  }
  stage->start_tls();
  return std::move(plain);
}

Ticket StageConnector::connect(const Endpoint& target, Duration /*limit*/, Done done) {
  const net::Tap::Leg leg = ear_.connecting(target);
  attempts_.emplace(leg, std::move(done));
  return Ticket([this, leg] { attempts_.erase(leg); });
}

void StageConnector::accept(net::Tap::Leg leg) {
  auto node = attempts_.extract(leg);
  StageWire& wire = *wires_.emplace(leg, std::make_unique<StageWire>(leg, ear_)).first->second;
  node.mapped()(wire.make_transport(pool_));
}

void StageConnector::fail(net::Tap::Leg leg, ErrorCode code) {
  auto node = attempts_.extract(leg);
  node.mapped()(gatepost::fail(code, "as in the trace"));
}

StageWire* StageConnector::wire(net::Tap::Leg leg) {
  const auto at = wires_.find(leg);
  return at != wires_.end() ? at->second.get() : nullptr;
}

}  // namespace gatepost::trace
