#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "proxy/base/bytes.h"
#include "proxy/http/message.h"

namespace gatepost::http {

/// Bytes in, requests out (RFC 9112): no I/O, no clock. What is ambiguous is refused, not guessed.
class RequestReader {
 public:
  /// Octets of request line and header together, and of a chunk's header or the trailer.
  static constexpr std::size_t kMaxHeader = 8 * 1024;
  /// Octets of a body, without chunk framing.
  static constexpr std::size_t kMaxBody = 64 * 1024;
  /// Octets of a whole request, chunk framing included.
  static constexpr std::size_t kMaxRequest = kMaxHeader + 4 * kMaxBody;

  enum class Event : std::uint8_t {
    need_data,  ///< no whole request yet
    request,    ///< request() is the next one
    refused,    ///< answer with status(), interpret nothing more, close
  };

  RequestReader();
  ~RequestReader();
  RequestReader(RequestReader&&) noexcept;
  RequestReader& operator=(RequestReader&&) noexcept;

  /// Takes from `in` what belongs to at most one request, and perhaps some of the next.
  [[nodiscard]] Event next(ByteChain& in);

  /// Valid until the next call of next().
  [[nodiscard]] const Request& request() const;
  /// 400 (malformed), 413 (body), 431 (header), 501 (transfer coding) or 505 (version).
  [[nodiscard]] std::uint16_t status() const;

 private:
  class Impl;  // keeps Boost in one source file
  std::unique_ptr<Impl> impl_;
};

}  // namespace gatepost::http
