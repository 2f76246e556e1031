#pragma once

#include <cstdint>
#include <memory>

#include "proxy/base/address.h"
#include "proxy/base/bytes.h"
#include "proxy/base/error.h"
#include "proxy/net/transport.h"

namespace gatepost::net {

/// Listens to the connections of one session, above TLS. It sees passwords: whoever implements it
/// keeps none. Called in the order in which things happen; must not call back.
class Tap {
 public:
  /// Which connection: 0 is the client's; those to upstream are 1, 2, … as they were begun.
  using Leg = std::uint32_t;
  static constexpr Leg kClient = 0;

  virtual ~Tap() = default;
  /// A connection to upstream is being made: its leg from now on.
  virtual Leg connecting(const Endpoint& server) = 0;
  virtual void connected(Leg leg) = 0;
  /// It could not be made, or TLS did not come to stand.
  virtual void failed(Leg leg, const Error& why) = 0;
  virtual void secured(Leg leg, const TlsFacts& facts) = 0;
  /// What arrived since the last call. The bytes may be read, not kept: they are overwritten later.
  virtual void heard(Leg leg, const ByteChain& bytes) = 0;
  virtual void said(Leg leg, const ByteChain& bytes) = 0;
  /// The peer sends nothing more.
  virtual void ended(Leg leg, const Error& why) = 0;
  /// We closed it.
  virtual void closed(Leg leg, CloseMode mode) = 0;
};

/// What has arrived and nobody consumed; beyond it a tapped connection is not read.
inline constexpr std::size_t kMaxTapped = 64 * 1024;

/// `transport` as before, but `tap` hears what goes over it. Null `tap`: `transport` itself. What
/// was received and not consumed yet is heard, too. `tap` outlives the result.
[[nodiscard]] std::unique_ptr<Transport> listen_to(std::unique_ptr<Transport> transport, Tap* tap,
                                                   Tap::Leg leg);
/// Undoes that, so that TLS can take the connection over; the observer is to be set anew. May be
/// called inside on_activity(). Nothing of what was heard may be unconsumed.
[[nodiscard]] std::unique_ptr<Transport> without_tap(std::unique_ptr<Transport> transport);

}  // namespace gatepost::net
