#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/net/transport.h"
#include "tests/support/leak_check.h"

namespace gatepost::testing {

/// How the wire of a MemoryTransport behaves; may be changed at any time.
struct WireOptions {
  static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

  std::size_t deliver_per_turn = 64 * 1024;         ///< octets that arrive in one turn
  std::function<std::size_t()> deliver_sizes = {};  ///< if set: asked before each turn instead
  std::size_t accept_per_turn = kUnlimited;         ///< octets that "the kernel" takes in one turn
  std::size_t fail_send_at = kUnlimited;            ///< sending octet N fails: `network`
  std::size_t receive_limit = 64 * 1024;            ///< no turn delivers while so much is unread
  bool read_in_settle = false;  ///< settle() itself delivers, and so returns true
  std::function<void(std::string_view)> on_send = {};  ///< if set: hears all that is queued
  PeerAddress address{.ip = IpAddress(), .port = 4711};
  PeerAddress local{.ip = IpAddress(), .port = 110};  ///< our end
};

class MemoryTransport;

/// The test's end of a MemoryTransport; outlives it. Nothing reaches the transport before turn(),
/// which stands for one round of the event loop.
class MemoryPeer {
 public:
  explicit MemoryPeer(WireOptions wire = {}) : options(std::move(wire)) {}

  /// Puts text on the wire towards the transport.
  void deliver(std::string_view text) { inbound_ += text; }
  /// Ends the wire towards the transport behind all that was delivered: `closed` for FIN.
  void end(ErrorCode code = ErrorCode::closed) { pending_end_ = code; }
  /// The connection breaks at once; what is on the wire is lost.
  void break_now(ErrorCode code = ErrorCode::network) {
    drop_undelivered();
    pending_end_ = code;
  }
  /// One round of the event loop: delivers, takes and tells the observer if there is news.
  /// Returns whether there was.
  bool turn();

  /// The observer is called although there is no news.
  void nudge();

  /// Everything that the transport sent so far, and that nobody took.
  [[nodiscard]] const std::string& sent() const { return outbound_; }
  [[nodiscard]] std::string take_sent() { return std::exchange(outbound_, {}); }
  /// Gives back the rest of what take_sent() returned.
  void put_back(std::string_view text) { outbound_.insert(0, text); }
  [[nodiscard]] std::size_t total_sent() const { return total_sent_; }
  /// What was passed last; -1: nothing.
  [[nodiscard]] int descriptor() const { return descriptor_.get(); }
  /// Octets on the wire that the transport has not read.
  [[nodiscard]] std::size_t undelivered() const { return inbound_.size() - delivered_; }
  /// How the transport was closed; destroying it unclosed counts as abort.
  [[nodiscard]] std::optional<net::CloseMode> closed() const { return closed_; }
  /// Closed with flush, and everything was sent: the peer would see FIN.
  [[nodiscard]] bool saw_fin() const;
  /// The peer would see a reset.
  [[nodiscard]] bool saw_reset() const { return reset_; }
  [[nodiscard]] bool destroyed() const { return transport_ == nullptr; }
  [[nodiscard]] MemoryTransport* transport() const { return transport_; }

  WireOptions options;

 private:
  friend class MemoryTransport;
  void drop_undelivered() {
    inbound_.clear();
    delivered_ = 0;
  }
  std::string inbound_;  // from delivered_ on its way to the transport
  std::size_t delivered_ = 0;
  std::string outbound_;  // taken from the transport
  UniqueFd descriptor_;
  std::size_t total_sent_ = 0;
  std::optional<ErrorCode> pending_end_;
  std::optional<net::CloseMode> closed_;
  bool reset_ = false;
  MemoryTransport* transport_ = nullptr;
};

/// A transport without sockets, as net/transport.h promises; what breaks the contract fails the
/// test: sending after close, destroying inside on_activity().
class MemoryTransport : public net::Transport {
 public:
  MemoryTransport(BlockPool& pool, std::shared_ptr<MemoryPeer> peer);
  ~MemoryTransport() override;
  MemoryTransport(const MemoryTransport&) = delete;
  MemoryTransport& operator=(const MemoryTransport&) = delete;

  void set_observer(net::TransportObserver* observer) override { observer_ = observer; }
  ByteChain& received() override { return received_; }
  void send(ByteChain&& bytes) override;
  /// Over a Unix socket, as `options.address` says.
  [[nodiscard]] bool send_descriptor(UniqueFd descriptor) override;
  std::size_t unsent() const override { return unsent_.size(); }
  bool settle() override;
  void close(net::CloseMode mode) override;
  const std::optional<Error>& end() const override { return end_; }
  bool established() const override { return true; }
  const net::TlsFacts* tls() const override { return nullptr; }
  const PeerAddress& peer() const override { return peer_->options.address; }
  [[nodiscard]] PeerAddress local() const override { return peer_->options.local; }

 private:
  friend class MemoryPeer;
  [[nodiscard]] bool read(std::size_t most);
  [[nodiscard]] bool write();
  void end_with(ErrorCode code, std::string detail);

  BlockPool& pool_;
  std::shared_ptr<MemoryPeer> peer_;
  net::TransportObserver* observer_ = nullptr;
  ByteChain received_;
  ByteChain unsent_;
  std::optional<Error> end_;
  std::size_t allowance_;  // octets that may still leave in this turn
  bool in_activity_ = false;
  LiveCount live_{"MemoryTransport"};
};

struct MemoryConnection {
  std::unique_ptr<net::Transport> transport;
  std::shared_ptr<MemoryPeer> peer;
};
/// A transport whose peer is the test.
[[nodiscard]] MemoryConnection make_memory_transport(BlockPool& pool, WireOptions options = {});

/// Two transports connected with each other, for handshakes: what one sends, the other receives.
struct MemoryPair {
  std::unique_ptr<net::Transport> a;
  std::unique_ptr<net::Transport> b;
  std::shared_ptr<MemoryPeer> at_a;
  std::shared_ptr<MemoryPeer> at_b;

  /// Carries what was sent (FIN and reset too) and turns both ends once. False: nothing moved.
  bool turn();
  /// Turns until nothing moves, at most `rounds` times.
  void run(std::size_t rounds = 100'000);
};
[[nodiscard]] MemoryPair make_memory_pair(BlockPool& pool, WireOptions options = {});

}  // namespace gatepost::testing
