#pragma once

#include <functional>
#include <string>
#include <vector>

#include "proxy/http/responder.h"

namespace gatepost::admin {

/// What the admin listener shows; read-only, without sockets. Called by one thread at a time.
///   /metrics  all metrics, Prometheus text format
///   /healthz  200 while the process lives
///   /readyz   200 when sessions are welcome, otherwise 503 with one reason a line
///   /         the list of these
class AdminService {
 public:
  struct Sources {
    /// The text of /metrics: metrics::Exporter::render().
    std::function<std::string()> metrics;
    /// Why no session should come here now; empty when ready. One line each, for administrators.
    std::function<std::vector<std::string>()> not_ready;
  };

  explicit AdminService(Sources sources);

  /// GET and HEAD (whose body the connection leaves out); 404 for other paths, 405 for other
  /// methods.
  [[nodiscard]] http::Response handle(const http::Request& request) const;

 private:
  Sources sources_;
};

}  // namespace gatepost::admin
