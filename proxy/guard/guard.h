#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

#include "config/config.h"
#include "proxy/base/address.h"
#include "proxy/base/timer.h"

namespace gatepost::guard {

/// Keeps single networks and guessers of passwords from taking what is there for all: connections
/// of one network at once, connections a second, failed logins of a network and for a user. One for
/// the process, shared by all workers; every table has a bound, and what is forgotten first is
/// what happened longest ago. Thread-safe.
///
/// A network is what the first network_prefix_v4 or _v6 bits of an address make. Users are told
/// apart by their names without regard to upper and lower case (ASCII).
///
/// What a good login changes. It makes the place (IPv4 address, IPv6 /64) a *known* one of this
/// user for kKnownFor: there the user is never delayed, so a guesser can lock nobody out. A good
/// login at a place that was not known clears the user's failures, because whoever mistyped has
/// found the password; one at a known place leaves them, so that the owner's mail program, which
/// logs in every few minutes, gives a guesser elsewhere no new tries. Failures of the network are
/// only forgotten with time: one account behind an address does not buy guesses at others.
/// Failures of a user at a known place count for neither, but after kMaxKnownFailures in a row
/// it is known no more. Known places have a table of their own: no number of failures with
/// invented names or addresses pushes one out.
class Guard {
 public:
  /// Networks with failures, users with failures, and known places remembered at most, each.
  /// Connections are not forgotten: there are as many entries as addresses connected.
  static constexpr std::size_t kMaxRemembered = 65'536;
  /// Since the last good login there.
  static constexpr std::chrono::hours kKnownFor{30 * 24};
  /// Failures in a row at a known place, then it is as any other.
  static constexpr std::uint32_t kMaxKnownFailures = 50;
  /// What follows in a longer user name does not tell users apart.
  static constexpr std::size_t kMaxNameLooked = 512;

  Guard();
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  /// From now on; what was counted stays. Connections are counted anew by the new prefixes and
  /// exempt networks; failures of networks under other prefixes are not looked at any more.
  void configure(const config::Limits& limits);

  enum class Verdict : std::uint8_t {
    welcome,
    network_full,  ///< connections_per_network
    too_fast,      ///< accept_rate: a second's worth may come at once
  };
  /// One more connection. `welcome` must be given back with left(), by the same address. Exempt
  /// networks and Unix sockets are always welcome and use up nothing.
  [[nodiscard]] Verdict admit(const PeerAddress& client, Instant now);
  void left(const PeerAddress& client);

  /// How long the next attempt of `client` to log in as `user` has to wait from now; 0 almost
  /// always. The longer of what the network and the user have earned, counted from the last
  /// failure; nothing for exempt networks, for Unix sockets, and at a known place of the user.
  [[nodiscard]] Duration delay(const PeerAddress& client, std::string_view user, Instant now) const;
  /// The same for an attempt that is to be made now if the answer is 0; otherwise ask again after
  /// the delay. Where failures make attempts wait, one that may be made keeps the others waiting
  /// from now on, as if it had failed already: guesses made at once do not go on at once.
  [[nodiscard]] Duration take_turn(const PeerAddress& client, std::string_view user, Instant now);
  /// A wrong password or an unknown user; not an upstream that could not say.
  void login_failed(const PeerAddress& client, std::string_view user, Instant now);
  void login_succeeded(const PeerAddress& client, std::string_view user, Instant now);

  struct Facts {
    std::size_t networks = 0;  ///< with connections or failed logins
    std::size_t users = 0;     ///< with failed logins
  };
  [[nodiscard]] Facts facts() const;

 private:
  struct Tables;
  mutable std::mutex mutex_;
  std::unique_ptr<Tables> tables_;
};

}  // namespace gatepost::guard
