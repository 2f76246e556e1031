#pragma once

#include <functional>
#include <memory>

#include "proxy/base/address.h"
#include "proxy/base/error.h"
#include "proxy/base/ticket.h"
#include "proxy/base/timer.h"
#include "proxy/net/transport.h"

namespace gatepost::net {

/// Makes connections to servers.
class Connector {
 public:
  using Done = std::move_only_function<void(Result<std::unique_ptr<Transport>>)>;

  virtual ~Connector() = default;
  /// Resolves the name and tries every address in turn until one answers or `limit` is over.
  /// `done` is called once, later, never from inside this call; not at all once the ticket is gone.
  [[nodiscard]] virtual Ticket connect(const Endpoint& target, Duration limit, Done done) = 0;
};

}  // namespace gatepost::net
