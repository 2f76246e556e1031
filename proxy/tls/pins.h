#pragma once

// Internal to proxy/tls.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/tls/openssl.h"

namespace gatepost::tls {

/// Public keys of which one must stand in a chain (RFC 7469 section 2.4). Immutable.
class Pins {
 public:
  /// Fails with `config`, naming the text that is none.
  [[nodiscard]] static Result<Pins> parse(const std::vector<std::string>& texts);

  [[nodiscard]] bool empty() const { return digests_.empty(); }
  /// Whether a pinned key stands in `chain`, which was verified.
  [[nodiscard]] bool match_verified(const STACK_OF(X509) * chain) const;
  /// The same for certificates as the peer presented them. Only those count that the leaf leads to,
  /// each signed by the next: anybody can append a certificate of another.
  [[nodiscard]] bool match_presented(X509* leaf, const STACK_OF(X509) * presented) const;

 private:
  using Digest = std::array<std::uint8_t, 32>;
  [[nodiscard]] bool match(const X509& certificate) const;
  std::vector<Digest> digests_;
};

}  // namespace gatepost::tls
