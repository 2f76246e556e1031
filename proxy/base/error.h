#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace gatepost {

/// Whose fault a failure is, and so what the caller may do next.
enum class ErrorCode : std::uint8_t {
  protocol,   ///< the peer broke the protocol
  closed,     ///< the peer ended the connection, orderly but too early
  truncated,  ///< the peer's stream was cut (TLS without close_notify)
  refused,    ///< the peer said no: connection refused, -ERR
  network,    ///< unreachable, reset, name not found
  tls,        ///< handshake failed or certificate not acceptable
  timeout,    ///< a deadline passed
  limit,      ///< one of our limits was reached
  config,     ///< the configuration is wrong
  system,     ///< this machine: descriptors, memory, files
};

/// The name used in logs and metric labels: "protocol", "closed", …
std::string_view to_string(ErrorCode code);

/// A failure. `detail` is for the administrator: one line, no secrets; peer's text in it must be
/// escaped before it is logged (Log does that).
struct Error {
  ErrorCode code;
  std::string detail;

  /// Whether the same attempt may succeed later without anyone changing anything.
  [[nodiscard]] bool retryable() const {
    return code == ErrorCode::network || code == ErrorCode::timeout || code == ErrorCode::closed ||
           code == ErrorCode::system || code == ErrorCode::limit;
  }
};

/// The outcome of everything that can fail. Progress ("need more data") is never an Error.
template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, std::string detail) {
  return std::unexpected<Error>(Error{code, std::move(detail)});
}

/// "WHAT: No such file or directory", for `code`, a value of errno.
[[nodiscard]] std::unexpected<Error> system_failure(std::string_view what, int code);

}  // namespace gatepost
