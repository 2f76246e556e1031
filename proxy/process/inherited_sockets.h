#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/base/unique_fd.h"

namespace gatepost::process {

/// Listening sockets that this process has from the one that it follows, each under a key: that
/// says where it listens as the configuration did. Whoever listens somewhere asks here first:
/// what it takes goes on as if nothing had happened, connections that wait in it included.
class InheritedSockets {
 public:
  /// More are not from a gateway: 64 listeners of 256 workers.
  static constexpr std::size_t kMaxSockets = 16384;
  /// Octets of a key, the same.
  static constexpr std::size_t kMaxKey = 256;

  /// The keys of sockets that are not a listener's begin with whose they are.
  static constexpr const char* kAdmin = "admin ";
  static constexpr const char* kControl = "control ";

  InheritedSockets() = default;
  InheritedSockets(InheritedSockets&&) = default;
  InheritedSockets& operator=(InheritedSockets&&) = default;

  /// Fails with `protocol` when one of them does not listen to streams, or beyond the limits.
  [[nodiscard]] Result<void> add(const std::string& key, std::vector<UniqueFd> sockets);

  /// All sockets of that key, without an order; none if there are none, or they are taken.
  [[nodiscard]] std::vector<UniqueFd> take(const std::string& key);
  /// Whether one of them, taken or not, listens at that TCP port.
  [[nodiscard]] bool has_port(std::uint16_t port) const;
  [[nodiscard]] bool empty() const { return count_ == 0; }

  /// Closes what nobody took, and removes the paths of Unix sockets among it. Without that the
  /// paths stay: they may be somebody's still.
  void close_rest();

 private:
  std::map<std::string, std::vector<UniqueFd>> sockets_;
  std::vector<std::uint16_t> ports_;
  std::size_t count_ = 0;
};

}  // namespace gatepost::process
