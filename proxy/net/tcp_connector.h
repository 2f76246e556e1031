#pragma once

#include <list>
#include <memory>

#include "proxy/net/connector.h"
#include "proxy/net/loop.h"
#include "proxy/net/resolver.h"

namespace gatepost::net {

/// Connects over TCP or to a Unix socket.
class TcpConnector final : public Connector {
 public:
  TcpConnector(Loop& loop, BlockPool& pool, Resolver& resolver);
  ~TcpConnector() override;

  [[nodiscard]] Ticket connect(const Endpoint& target, Duration limit, Done done) override;

 private:
  class Attempt;
  void remove(Attempt* attempt);

  Loop& loop_;
  BlockPool& pool_;
  Resolver& resolver_;
  std::list<std::unique_ptr<Attempt>> attempts_;
};

}  // namespace gatepost::net
