#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "proxy/base/address.h"
#include "proxy/base/error.h"
#include "proxy/base/timer.h"

namespace gatepost::command {

/// One question to a running gateway, at its control socket or its admin listener.
struct CtlQuestion {
  Endpoint where;             ///< no host, or every address: this machine
  std::string method;         ///< "GET"
  std::string target;         ///< "/sessions?user=joe"
  std::string body;           ///< JSON, or empty
  Duration patience{30'000};  ///< for each silence
};

struct CtlAnswer {
  int status = 0;  ///< of HTTP
  std::string body;
};

/// Octets of an answer that is kept; a longer one fails with `limit`.
inline constexpr std::size_t kMaxCtlAnswer = 64 * 1024 * 1024;

/// Asks and waits. Fails with `network` when nobody is there, `timeout` when nothing comes,
/// `truncated` when the answer ends too early, and `protocol` when it is no HTTP.
[[nodiscard]] Result<CtlAnswer> ask_gateway(const CtlQuestion& question);

/// The same, but the body of a 200 goes to `sink` as it comes, without a limit; `sink` ends it by
/// returning false.
[[nodiscard]] Result<CtlAnswer> listen_to_gateway(
    const CtlQuestion& question, const std::function<bool(std::string_view)>& sink);

}  // namespace gatepost::command
