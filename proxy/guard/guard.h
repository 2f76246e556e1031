#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

#include "config/config.h"
#include "proxy/base/address.h"
#include "proxy/base/timer.h"

namespace gatepost::guard {

/// Keeps single networks and guessers of passwords from taking what is there for all: connections
/// of one network at once, connections a second, failed logins of a network and for a user. One for
/// the process, shared by all workers; every table has a bound, and what is forgotten first is
/// what happened longest ago. Thread-safe.
class Guard {
 public:
  /// Networks and users remembered at most, each.
  static constexpr std::size_t kMaxRemembered = 65'536;

  Guard();
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  /// From now on; what was counted stays.
  void configure(const config::Limits& limits);

  enum class Verdict : std::uint8_t {
    welcome,
    network_full,  ///< connections_per_network
    too_fast,      ///< accept_rate
  };
  /// One more connection. `welcome` must be given back with left().
  [[nodiscard]] Verdict admit(const PeerAddress& client, Instant now);
  void left(const PeerAddress& client);

  /// How long the next attempt of `client` to log in as `user` has to wait; 0 almost always. The
  /// longer of what the network and the user have earned; nothing for exempt networks, for Unix
  /// sockets, and for an address from which this user logged in well not long ago.
  [[nodiscard]] Duration delay(const PeerAddress& client, std::string_view user, Instant now) const;
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
