#pragma once

// Internal to proxy/tls.

#include <cstddef>
#include <deque>
#include <mutex>

#include "proxy/tls/openssl.h"

namespace gatepost::tls {

/// The sessions that a client may resume (RFC 8446 section 2.2, RFC 5077), the newest first.
/// Thread-safe.
class SessionStore {
 public:
  /// Sessions that are kept; the oldest makes room.
  static constexpr std::size_t kMaxSessions = 8;

  void add(bssl::UniquePtr<SSL_SESSION> session);
  /// The newest session, null if there is none. One that is good for a single use goes from here.
  [[nodiscard]] bssl::UniquePtr<SSL_SESSION> take();
  /// Forgets a session that the server did not resume.
  void drop(const SSL_SESSION& session);
  [[nodiscard]] std::size_t size() const;

 private:
  mutable std::mutex mutex_;
  std::deque<bssl::UniquePtr<SSL_SESSION>> sessions_;
};

}  // namespace gatepost::tls
