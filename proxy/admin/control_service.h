#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "proxy/admin/office.h"
#include "proxy/http/responder.h"

namespace gatepost::admin {

/// What `gatepost ctl` talks to: HTTP with JSON, for those who may open the control socket.
///   GET  /status                       Status
///   GET  /sessions?user=PATTERN&limit=N  SessionList
///   GET  /explain?id=ID or ?user=NAME, &json=1   what `gatepost explain` prints
///   GET  /upstreams                    the servers of Status
///   GET  /log-level
///   POST /kick       {"ids": […]} or {"user": "PATTERN"}   → {"ended": N}
///   POST /drain, /reload, /upgrade     → {} or 409, 422 with {"error": "…"}
///   POST /log-level  {"level": "debug"}
///   POST /trace      {"user": "PATTERN", "seconds": N, "full": false}   → a trace, as it comes, or
///                    409 with {"error": "…"}
/// An unknown path is a 404, a wrong method a 405, a wrong request a 400 with {"error": "…"}.
class ControlService {
 public:
  /// Names and ids in one request.
  static constexpr std::size_t kMaxIds = 1'000;
  /// Octets of a pattern for user names.
  static constexpr std::size_t kMaxPattern = 1'024;
  /// Of one trace.
  static constexpr std::uint64_t kMaxTraceSeconds = 24 * 3600;

  /// `office` outlives the service.
  explicit ControlService(Office& office) : office_(office) {}

  /// `by` is who asks, for the log: "uid 1000".
  void handle(const http::Request& request, http::Responder responder, std::string_view by);

 private:
  Office& office_;
};

}  // namespace gatepost::admin
