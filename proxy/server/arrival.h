#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/timer.h"
#include "proxy/net/client_facts.h"
#include "proxy/net/proxy_protocol.h"
#include "proxy/net/transport.h"

namespace gatepost::server {

/// What the socket alone says: both addresses. For listeners without PROXY protocol.
[[nodiscard]] net::ClientFacts facts_of(const net::Transport& client);

/// A connection that was accepted by a listener that demands a PROXY header: nothing is said before
/// the header is there.
///
/// How a worker uses it:
/// - accept(): count the connection; without PROXY protocol start the session with facts_of(). Else
///   keep a new arrival in a map, together with the listener's settings (a reload may end the
///   listener meanwhile).
/// - on_arrival_finished(): look at outcome(). `arrived`: let the guard judge facts().address, then
///   start the session with take_client() and facts(). Otherwise count and log outcome(), peer()
///   and problem(). In both cases erase the arrival from the map: that is allowed inside the call.
/// - stop: clear the map. drain: likewise, nobody in it has logged in.
///
/// What arrived behind the header stays in received(): of a listener with implicit TLS it is the
/// client's hello, which net::wrap_from_start() takes.
class Arrival final : net::TransportObserver {
 public:
  enum class Outcome : std::uint8_t {
    arrived,
    untrusted,  ///< the peer is outside the trusted networks
    malformed,  ///< no PROXY header, or a wrong one
    timeout,    ///< the header was not there in time
    closed,     ///< the peer left before; a load balancer that only looks whether we are there does
    count_,
  };

  class Owner {
   public:
    /// outcome() has a value now. Called once, from the loop, never from inside the constructor or
    /// the transport. The owner may destroy the arrival during the call.
    virtual void on_arrival_finished(Arrival& arrival) = 0;

   protected:
    ~Owner() = default;
  };

  /// Reads the header within `limit` (config::Timeouts::handshake). A peer outside `trusted` that
  /// is no Unix socket is dropped at once. `trusted` is not needed later; `timers` and `owner`
  /// outlive this.
  Arrival(TimerService& timers, std::unique_ptr<net::Transport> client,
          const std::vector<IpNetwork>& trusted, Duration limit, Owner& owner);
  /// Drops the connection unless it was taken; the owner is not told.
  ~Arrival() = default;
  Arrival(const Arrival&) = delete;
  Arrival& operator=(const Arrival&) = delete;

  /// Nothing while the header is read.
  [[nodiscard]] std::optional<Outcome> outcome() const { return outcome_; }
  /// What went wrong, for the log; holds nothing of what the peer sent. "" after `arrived`.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  /// Who connected: the peer in front, whatever its header says.
  [[nodiscard]] const PeerAddress& peer() const { return peer_; }

  /// After `arrived`, once: the connection, without observer. It may have ended already.
  [[nodiscard]] std::unique_ptr<net::Transport> take_client() { return std::move(client_); }
  /// After `arrived`: what the header says, and what the socket says where the header is silent.
  [[nodiscard]] const net::ClientFacts& facts() const { return facts_; }

 private:
  void on_activity() override { read(); }
  void read();
  void decide(Outcome outcome, std::string problem);
  void timer_expired();

  Owner& owner_;
  std::unique_ptr<net::Transport> client_;
  const PeerAddress peer_;
  net::ProxyHeaderReader reader_;
  net::ClientFacts facts_;
  std::optional<Outcome> outcome_;
  std::string problem_;
  std::unique_ptr<Timer> timer_;  // first the deadline, then to tell the owner
};
/// "arrived", "untrusted", …: for logs and metric labels.
[[nodiscard]] std::string_view to_string(Arrival::Outcome outcome);

}  // namespace gatepost::server
