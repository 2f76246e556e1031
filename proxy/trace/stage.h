#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/log.h"
#include "proxy/net/connector.h"
#include "proxy/net/tap.h"
#include "proxy/net/transport.h"

namespace gatepost::trace {

/// A log that nobody reads.
class NoLog final : public Log {
 public:
  void write(LogLevel /*level*/, std::string_view /*event*/,
             std::initializer_list<LogField> /*fields*/) override {}
};

class StageTransport;

/// Hears what the session does on its connections.
class StageEar {
 public:
  virtual net::Tap::Leg connecting(const Endpoint& server) = 0;
  virtual void said(net::Tap::Leg leg, std::string_view text) = 0;
  virtual void closed(net::Tap::Leg leg, net::CloseMode mode) = 0;

 protected:
  ~StageEar() = default;
};

/// The replay's end of one connection; outlives the transport.
class StageWire {
 public:
  StageWire(net::Tap::Leg leg, StageEar& ear) : leg_(leg), ear_(ear) {}
  [[nodiscard]] std::unique_ptr<net::Transport> make_transport(BlockPool& pool);

  /// Text arrives, TLS comes to stand, the peer ends: the session hears of it at once.
  void deliver(std::string_view text);
  void secure(std::string_view version);
  void end(ErrorCode code);
  /// Whether the session would see what is delivered.
  [[nodiscard]] bool listens() const;
  [[nodiscard]] bool awaits_tls() const;

 private:
  friend class StageTransport;
  void tell();
  const net::Tap::Leg leg_;
  StageEar& ear_;
  StageTransport* transport_ = nullptr;
};

/// TLS without TLS: a trace was written inside it. The handshake ends when the wire says so.
class StageTls final : public net::TlsLayer {
 public:
  [[nodiscard]] Result<std::unique_ptr<net::Transport>> wrap(
      std::unique_ptr<net::Transport>&& plain, BlockPool& pool) const override;
};

/// Connections succeed or fail when the replay says so.
class StageConnector final : public net::Connector {
 public:
  StageConnector(BlockPool& pool, StageEar& ear) : pool_(pool), ear_(ear) {}
  [[nodiscard]] Ticket connect(const Endpoint& target, Duration limit, Done done) override;

  [[nodiscard]] bool awaits(net::Tap::Leg leg) const { return attempts_.contains(leg); }
  /// awaits(leg) must be true. Null: the session gave up at once.
  void accept(net::Tap::Leg leg);
  void fail(net::Tap::Leg leg, ErrorCode code);
  /// The wire of a connection that was accepted; null before.
  [[nodiscard]] StageWire* wire(net::Tap::Leg leg);

 private:
  BlockPool& pool_;
  StageEar& ear_;
  std::map<net::Tap::Leg, Done> attempts_;
  std::map<net::Tap::Leg, std::unique_ptr<StageWire>> wires_;
};

}  // namespace gatepost::trace
