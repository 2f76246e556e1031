#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <vector>

#include "proxy/base/error.h"

namespace gatepost::tls {

/// What protects session tickets (RFC 5077 section 4). Every copy is wiped when it goes.
struct TicketKey {
  static constexpr std::size_t kNameSize = 16;
  std::array<std::uint8_t, kNameSize> name{};  ///< public, stands in front of each ticket
  std::array<std::uint8_t, 32> cipher{};       ///< AES-256
  std::array<std::uint8_t, 32> mac{};          ///< HMAC-SHA-256

  TicketKey() = default;
  TicketKey(const TicketKey&) = default;
  TicketKey& operator=(const TicketKey&) = default;
  ~TicketKey();
};

/// More keys in one file are a mistake.
inline constexpr std::size_t kMaxTicketKeys = 16;

/// Larger files hold no ticket keys.
inline constexpr std::size_t kMaxTicketKeyFile = std::size_t{16} * 1024;

/// Reads keys that replicas share: a key a line, base64 or hex of 80 octets (16 of the name, 32 of
/// AES, 32 of HMAC), the current one first; empty lines and what follows a # do not count. Fails
/// with `config`, naming file and line but never what it says.
[[nodiscard]] Result<std::vector<TicketKey>> read_ticket_keys(const std::string& file);

/// The ticket keys of the process, shared by all workers and by every configuration loaded, so that
/// a client may resume anywhere. Thread-safe.
///
/// The first key makes tickets, the others still open them. Either rotate() is called regularly: a
/// key makes tickets until the next rotate() and opens them until the one after that, so rotating
/// every `t` makes a ticket good for `t` at least, for two `t` at most. Or replace() is called
/// whenever the file with the shared keys has changed.
class TicketKeys {
 public:
  struct Found {
    TicketKey key;
    bool renew;  ///< not the current one: give the client a new ticket
  };

  /// Starts with one random key.
  TicketKeys();
  /// Starts with these keys, at least one.
  explicit TicketKeys(std::vector<TicketKey> keys);

  /// Makes a new random key the current one; only the one that was current is kept beside it.
  void rotate();
  /// Uses these keys, at least one, and forgets those that are not among them.
  void replace(std::vector<TicketKey> keys);

  [[nodiscard]] TicketKey current() const;
  /// The current one first.
  [[nodiscard]] std::vector<TicketKey> all() const;
  /// The key called `name`, nullopt for a ticket that is too old or not from here.
  [[nodiscard]] std::optional<Found> find(
      std::span<const std::uint8_t, TicketKey::kNameSize> name) const;

 private:
  mutable std::shared_mutex mutex_;
  std::vector<TicketKey> keys_;  // never empty
};

}  // namespace gatepost::tls
