#include "proxy/admin/admin_service.h"

#include <array>
#include <string_view>
#include <utility>

#include "proxy/metrics/exporter.h"

namespace gatepost::admin {
namespace {

using Sources = AdminService::Sources;

http::Response text(std::string body) {
  http::Response response;
  response.body = std::move(body);
  return response;
}

http::Response metrics(const Sources& sources) {
  http::Response response = text(sources.metrics());
  response.content_type = metrics::Exporter::kContentType;
  return response;
}

http::Response health(const Sources& /*sources*/) { return text("ok\n"); }

http::Response readiness(const Sources& sources) {
  const std::vector<std::string> reasons = sources.not_ready();
  if (reasons.empty()) return text("ready\n");
  http::Response response;
  response.status = 503;
  for (const std::string& reason : reasons) response.body += reason + '\n';
  return response;
}

http::Response index(const Sources& /*sources*/) {
  return text(
      "Gatepost\n\n"
      "/metrics  metrics for Prometheus\n"
      "/healthz  whether the process lives\n"
      "/readyz   whether it takes new sessions\n");
}

struct Page {
  std::string_view path;
  http::Response (*make)(const Sources&);
};
constexpr std::array<Page, 4> kPages = {
    {{"/", index}, {"/metrics", metrics}, {"/healthz", health}, {"/readyz", readiness}}};

}  // namespace

AdminService::AdminService(Sources sources) : sources_(std::move(sources)) {}

http::Response AdminService::handle(const http::Request& request) const {
  for (const Page& page : kPages) {
    if (request.path != page.path) continue;
    if (request.method == "GET" || request.method == "HEAD") return page.make(sources_);
    http::Response response = http::plain_status(405);
    response.headers.emplace_back("Allow", "GET, HEAD");
    return response;
  }
  return http::plain_status(404);
}

}  // namespace gatepost::admin
