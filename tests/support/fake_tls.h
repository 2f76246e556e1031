#pragma once

#include <memory>
#include <vector>

#include "proxy/net/transport.h"
#include "tests/support/leak_check.h"

namespace gatepost::testing {

class FakeTlsTransport;

/// A TlsLayer without cryptography: bytes pass unchanged once the test lets the handshake end.
/// Outlives its transports.
class FakeTlsLayer : public net::TlsLayer {
 public:
  [[nodiscard]] Result<std::unique_ptr<net::Transport>> wrap(
      std::unique_ptr<net::Transport>&& plain, BlockPool& pool) const override;

  /// The oldest handshake under way succeeds; the observer hears of it.
  void establish();
  /// The oldest handshake under way fails.
  void fail(ErrorCode code = ErrorCode::tls);
  /// Handshakes under way.
  [[nodiscard]] std::size_t pending() const { return pending_.size(); }
  [[nodiscard]] std::size_t started() const { return started_; }
  /// wrap() refused because plain text had come first.
  [[nodiscard]] std::size_t refused() const { return refused_; }

  net::TlsFacts facts{.version = "TLSv1.3", .cipher = "TLS_AES_128_GCM_SHA256", .server_name = {}};

 private:
  friend class FakeTlsTransport;
  mutable std::vector<FakeTlsTransport*> pending_;
  mutable std::size_t started_ = 0;
  mutable std::size_t refused_ = 0;
};

}  // namespace gatepost::testing
