#include "proxy/admin/admin_service.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "proxy/admin/assets.h"
#include "proxy/admin/pages.h"
#include "proxy/admin/words.h"
#include "proxy/metrics/exporter.h"

namespace gatepost::admin {

namespace {

http::Response text(std::string body) {
  http::Response response;
  response.body = std::move(body);
  return response;
}

http::Response asset(std::string_view type, std::string_view body) {
  http::Response response = text(std::string(body));
  response.content_type = type;
  protect(response);
  return response;
}

http::Response method_not_allowed(std::string allowed) {
  http::Response response = http::plain_status(405);
  response.headers.emplace_back("Allow", std::move(allowed));
  return response;
}

bool reads(const http::Request& request) {
  return request.method == "GET" || request.method == "HEAD";
}

/// Whether a browser asks, and not a program that wants what was always at "/".
bool wants_html(const http::Request& request) {
  return request.header("Accept").find("text/html") != std::string_view::npos;
}

}  // namespace

/// What there is at a path.
struct AdminService::Route {
  using Answer = void (AdminService::*)(Asked&);

  std::string_view path;
  Answer get = nullptr;
  Answer post = nullptr;
  bool names_people = false;   ///< for who may see that
  bool for_everybody = false;  ///< post: for who has not shown the token
  bool is_page = true;         ///< for people
};

const AdminService::Route* AdminService::find_route(std::string_view path) {
  using Self = AdminService;
  static constexpr std::array<Route, 21> kRoutes = {{
      {.path = "/", .get = &Self::overview},
      {.path = "/sessions", .get = &Self::sessions, .names_people = true},
      {.path = "/upstreams", .get = &Self::upstreams},
      {.path = "/scanning", .get = &Self::scanning},
      {.path = "/quarantine", .get = &Self::quarantine, .names_people = true},
      {.path = "/retention", .get = &Self::retention},
      {.path = "/certificates", .get = &Self::certificates},
      {.path = "/configuration", .get = &Self::configuration, .names_people = true},
      {.path = "/events", .get = &Self::events, .is_page = false},
      {.path = "/style.css", .get = &Self::style, .is_page = false},
      {.path = "/script.js", .get = &Self::script, .is_page = false},
      {.path = "/icon.svg", .get = &Self::icon, .is_page = false},
      {.path = "/login", .get = &Self::login_form, .post = &Self::log_in, .for_everybody = true},
      {.path = "/logout", .post = &Self::log_out},
      {.path = "/sessions/end", .post = &Self::end_session},
      {.path = "/sessions/end-user", .post = &Self::end_user},
      {.path = "/reload", .post = &Self::reload},
      {.path = "/drain", .post = &Self::drain},
      {.path = "/quarantine/release", .post = &Self::release},
      {.path = "/quarantine/delete", .post = &Self::remove},
      {.path = "/favicon.ico", .get = &Self::icon, .is_page = false},
  }};
  const auto* const at = std::ranges::find(kRoutes, path, &Route::path);
  return at == kRoutes.end() ? nullptr : &*at;
}

AdminService::AdminService(Sources sources, TimerService& clock, Place place)
    : sources_(std::move(sources)),
      place_(std::move(place)),
      access_(clock),
      events_(sources_.office, clock) {}

AdminService::Asked::Asked(const http::Request& what, http::Responder& owed,
                           const PeerAddress& peer)
    : request(what),
      responder(owed),
      by(fmt::format("status page {}", peer.to_string())),
      network(peer.ip.network()) {}

void AdminService::handle(const http::Request& request, const PeerAddress& peer,
                          http::Responder responder) {
  if (answer_programs(request, responder)) return;
  const Route* const route = find_route(request.path);
  if (route == nullptr) return responder.answer(http::plain_status(404));
  const bool allowed =
      reads(request) ? route->get != nullptr : request.method == "POST" && route->post != nullptr;
  if (!allowed) {
    std::string methods = route->get != nullptr ? "GET, HEAD" : "";
    if (route->post != nullptr) methods += methods.empty() ? "POST" : ", POST";
    return responder.answer(method_not_allowed(std::move(methods)));
  }
  Asked asked(request, responder, peer);
  if (place_.local && !names_us(request, place_.host)) {
    return asked.answer(problem_page(
        asked.viewer, 403,
        "This host name is not one of the gateway's. Use its address, localhost, or the name in "
        "admin.address."));
  }
  if (!recognise(asked)) return;
  reads(request) ? get(asked, *route) : post(asked, *route);
}

/// What programs ask for: the same for everybody, whatever else they send.
bool AdminService::answer_programs(const http::Request& request, http::Responder& responder) const {
  const std::string& path = request.path;
  const bool list = path == "/" && !wants_html(request);
  if (path != "/metrics" && path != "/healthz" && path != "/readyz" && !list) return false;
  if (!reads(request)) {
    responder.answer(method_not_allowed("GET, HEAD"));
    return true;
  }
  http::Response response;
  if (path == "/metrics") {
    response = text(sources_.metrics());
    response.content_type = metrics::Exporter::kContentType;
  } else if (path == "/healthz") {
    response = text("ok\n");
  } else if (path == "/readyz") {
    const std::vector<std::string> reasons = sources_.not_ready();
    response = text(reasons.empty() ? "ready\n" : "");
    response.status = reasons.empty() ? 200 : 503;
    for (const std::string& reason : reasons) response.body += reason + '\n';
  } else {
    response = text(
        "Gatepost\n\n"
        "/         status page, for browsers\n"
        "/metrics  metrics for Prometheus\n"
        "/healthz  whether the process lives\n"
        "/readyz   whether it takes new sessions\n");
  }
  responder.answer(response);
  return true;
}

/// Fills in who asks. False: answered already.
bool AdminService::recognise(Asked& asked) {
  Viewer& viewer = asked.viewer;
  viewer.token = access_.has_token();
  viewer.sees_people = place_.local;
  if (const auto token = bearer_token(asked.request)) {
    viewer.program = true;
    switch (access_.ask(*token, asked.network)) {
      case Access::Answer::right:
        viewer.acts = viewer.sees_people = true;
        return true;
      case Access::Answer::wait:
        asked.answer(too_many_guesses(asked));
        return false;
      case Access::Answer::wrong:
        break;
    }
    sources_.log.warning("admin_login_failed", {{"by", asked.by}});
    http::Response response = problem_page(viewer, 401, "This is not the token.");
    response.headers.emplace_back("WWW-Authenticate", "Bearer");
    asked.answer(response);
    return false;
  }
  const Login* const login = access_.find(asked.request);
  if (login == nullptr) return true;
  viewer.acts = viewer.sees_people = true;
  viewer.secret = login->secret;
  asked.cookie = login->cookie;
  return true;
}

http::Response AdminService::too_many_guesses(const Asked& asked) const {
  const auto time = std::chrono::ceil<std::chrono::seconds>(access_.wait_for(asked.network));
  http::Response response = problem_page(
      asked.viewer, 429, fmt::format("Too many wrong tokens. Try again in {}.", span(time)));
  response.headers.emplace_back("Retry-After", std::to_string(time.count()));
  return response;
}

void AdminService::get(Asked& asked, const Route& route) {
  auto form = Form::parse(asked.request.query);
  if (!form) {
    return asked.answer(problem_page(asked.viewer, 400, "The query: " + form.error().detail));
  }
  asked.form = *std::move(form);
  if (route.names_people && !asked.viewer.sees_people) {
    if (asked.viewer.token) {
      return asked.answer(
          page(asked.viewer, route.path, "Log in", login_page(asked.viewer, route.path), 403));
    }
    return asked.answer(problem_page(
        asked.viewer, 403,
        "What names people is not shown here: other machines can reach this listener, and the "
        "configuration has no admin.token_file."));
  }
  // What the last action came to is told once, with the next page.
  if (Login* const login = asked.cookie && route.is_page ? access_.find(*asked.cookie) : nullptr) {
    asked.viewer.message = std::exchange(login->message, {});
    asked.viewer.bad_news = login->bad_news;
  }
  (this->*route.get)(asked);
}

void AdminService::post(Asked& asked, const Route& route) {
  const Viewer& viewer = asked.viewer;
  if (!viewer.token) {
    return asked.answer(problem_page(
        viewer, 403, "This page is read-only: the configuration has no admin.token_file."));
  }
  if (!viewer.program && !from_own_page(asked.request)) {
    return asked.answer(problem_page(viewer, 403, "This form does not come from this page."));
  }
  if (!viewer.acts && !route.for_everybody) {
    return asked.answer(problem_page(viewer, 403, "Log in first."));
  }
  auto form = Form::of_body(asked.request);
  if (!form) return asked.answer(problem_page(viewer, 400, "The form: " + form.error().detail));
  asked.form = *std::move(form);
  const bool bound = viewer.program || route.for_everybody ||
                     same(sha256(asked.form.get("secret")), sha256(viewer.secret));
  if (!bound) {
    return asked.answer(
        problem_page(viewer, 403, "This form is of another login: load its page again."));
  }
  (this->*route.post)(asked);
}

// Pages, all of the type that routes have.
// NOLINTBEGIN(readability-*member-function*)

void AdminService::overview(Asked& asked) {
  asked.answer(page(
      asked.viewer, "/", "Overview",
      overview_page(sources_.office.status(), asked.viewer, std::chrono::system_clock::now())));
}

void AdminService::upstreams(Asked& asked) {
  asked.answer(
      page(asked.viewer, "/upstreams", "Upstream", upstreams_page(sources_.office.status())));
}

void AdminService::scanning(Asked& asked) {
  asked.answer(
      page(asked.viewer, "/scanning", "Scanning", scanning_page(sources_.office.status())));
}

void AdminService::certificates(Asked& asked) {
  asked.answer(page(asked.viewer, "/certificates", "Certificates",
                    certificates_page(sources_.office.status(), std::chrono::system_clock::now())));
}

void AdminService::configuration(Asked& asked) {
  asked.answer(page(asked.viewer, "/configuration", "Configuration",
                    configuration_page(sources_.office.status(), sources_.configuration())));
}

void AdminService::events(Asked& asked) { events_.watch(std::move(asked.responder)); }

void AdminService::style(Asked& asked) {
  asked.answer(asset("text/css; charset=utf-8", assets::style_css()));
}

void AdminService::script(Asked& asked) {
  asked.answer(asset("text/javascript; charset=utf-8", assets::script_js()));
}

void AdminService::icon(Asked& asked) { asked.answer(asset("image/svg+xml", assets::icon_svg())); }

void AdminService::login_form(Asked& asked) {
  const std::string_view next = asked.form.get("next");
  asked.answer(page(asked.viewer, "", "Log in", login_page(asked.viewer, next)));
}

// NOLINTEND(readability-*member-function*)

}  // namespace gatepost::admin
