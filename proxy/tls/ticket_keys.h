#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <span>

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

/// The ticket keys of the process, shared by all workers and by every configuration loaded, so that
/// a client may resume anywhere. Thread-safe.
///
/// A key makes tickets until the next rotate() and opens them until the one after that: rotating
/// every `t` makes a ticket good for `t` at least, for two `t` at most.
class TicketKeys {
 public:
  struct Found {
    TicketKey key;
    bool renew;  ///< from before the last rotation: give the client a new ticket
  };

  /// Starts with one random key.
  TicketKeys();

  /// Makes a new random key the current one; the one before the current is wiped.
  void rotate();

  [[nodiscard]] TicketKey current() const;
  /// The key called `name`, nullopt for a ticket that is too old or not from here.
  [[nodiscard]] std::optional<Found> find(
      std::span<const std::uint8_t, TicketKey::kNameSize> name) const;

 private:
  mutable std::shared_mutex mutex_;
  TicketKey current_;
  std::optional<TicketKey> previous_;
};

}  // namespace gatepost::tls
