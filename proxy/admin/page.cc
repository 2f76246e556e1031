#include "proxy/admin/page.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "proxy/admin/words.h"
#include "proxy/http/form.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::admin {

namespace {

struct Place {
  std::string_view path;
  std::string_view name;
};
constexpr std::array<Place, 8> kPlaces = {{{"/", "Overview"},
                                           {"/sessions", "Sessions"},
                                           {"/upstreams", "Upstream"},
                                           {"/scanning", "Scanning"},
                                           {"/quarantine", "Quarantine"},
                                           {"/retention", "Retention"},
                                           {"/certificates", "Certificates"},
                                           {"/configuration", "Configuration"}}};

void write_navigation(Html& html, std::string_view path) {
  const auto navigation = html.in("nav", {{"aria-label", "Pages"}});
  const auto list = html.in("ul");
  for (const Place& place : kPlaces) {
    const auto item = html.in("li");
    const bool here = place.path == path;
    html.element("a", {{"href", place.path}, {"aria-current", "page", here}}, place.name);
  }
}

void write_login(Html& html, const Viewer& viewer) {
  if (viewer.acts && !viewer.program) {
    const auto box = html.in("div", {{"class", "login"}});
    html.element("span", "Logged in");
    button_form(html, viewer, "/logout", "Log out", {});
  } else if (viewer.token) {
    html.element("a", {{"class", "login"}, {"href", "/login"}}, "Log in to act");
  } else {
    html.element("span", {{"class", "login"}}, "Read-only");
  }
}

void write_head(Html& html, std::string_view title) {
  const auto head = html.in("head");
  html.empty("meta", {{"charset", "utf-8"}});
  html.empty("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
  html.empty("meta", {{"name", "robots"}, {"content", "noindex"}});
  html.element("title", fmt::format("{} · Gatepost", title));
  html.empty("link", {{"rel", "stylesheet"}, {"href", "/style.css"}});
  html.empty("link", {{"rel", "icon"}, {"href", "/icon.svg"}});
  html.element("script", {{"src", "/script.js"}, {"defer", ""}}, "");
}

void write_body(Html& html, const Viewer& viewer, std::string_view path, std::string_view title,
                const Html& body) {
  const auto element = html.in("body");
  html.element("a", {{"class", "skip"}, {"href", "#content"}}, "Skip to content");
  {
    const auto header = html.in("header");
    html.element("a", {{"class", "brand"}, {"href", "/"}}, "Gatepost");
    write_navigation(html, path);
    write_login(html, viewer);
  }
  const auto main = html.in("main", {{"id", "content"}, {"tabindex", "-1"}});
  html.element("h1", title);
  if (!viewer.message.empty()) {
    html.element("p", {{"class", viewer.bad_news ? "news bad" : "news good"}, {"role", "status"}},
                 viewer.message);
  }
  html.add(body);
}

Html::Scope begin_body(Html& html, std::string_view caption, Table::Heads heads,
                       std::size_t columns) {
  html.element("caption", caption);
  {
    const auto head = html.in("thead");
    const auto row = html.in("tr");
    for (const std::string_view name : heads) {
      if (columns-- == 0) break;
      html.element("th", {{"scope", "col"}}, name);
    }
  }
  return html.in("tbody");
}

}  // namespace

void protect(http::Response& response) {
  auto& headers = response.headers;
  headers.emplace_back("Content-Security-Policy",
                       "default-src 'none'; style-src 'self'; script-src 'self'; "
                       "connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
                       "frame-ancestors 'none'");
  // Not no-referrer: with it browsers say "Origin: null" in our own forms.
  headers.emplace_back("Referrer-Policy", "same-origin");
  headers.emplace_back("X-Frame-Options", "DENY");
  headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
  headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
  headers.emplace_back("Permissions-Policy", "camera=(), geolocation=(), microphone=()");
}

http::Response page(const Viewer& viewer, std::string_view path, std::string_view title,
                    const Html& body, std::uint16_t status) {
  http::Response response;
  response.status = status;
  response.content_type = "text/html; charset=utf-8";
  protect(response);
  Html html;
  {
    const auto document = html.in("html", {{"lang", "en"}});
    write_head(html, title);
    write_body(html, viewer, path, title, body);
  }
  response.body = "<!doctype html>" + html.str();
  return response;
}

http::Response problem_page(const Viewer& viewer, std::uint16_t status, std::string_view text) {
  if (viewer.program) {
    http::Response response = http::plain_status(status);
    response.body = fmt::format("{}\n", text);
    return response;
  }
  Html body;
  body.element("p", text);
  {
    const auto line = body.in("p");
    body.element("a", {{"href", "/"}}, "To the overview");
  }
  return page(viewer, "", fmt::format("{} {}", status, http::reason_phrase(status)), body, status);
}

// Whoever has no mouse scrolls what has the focus.
Table::Table(Html& html, std::string_view caption, Heads heads, std::size_t columns,
             std::string_view kind)
    : box_(html.in(
          "div",
          {{"class", "scroll"}, {"role", "region"}, {"aria-label", caption}, {"tabindex", "0"}})),
      table_(html.in("table", {{"class", kind, !kind.empty()}})),
      body_(begin_body(html, caption, heads, columns)) {}

void two_columns(Html& html, std::string_view caption, std::string_view head,
                 const Numbers& numbers, std::string_view prefix) {
  if (numbers.empty()) return;
  const Table table(html, caption, {head, "Number"}, 2, "numbers");
  for (const auto& [name, number] : numbers) {
    const auto row = html.in("tr");
    html.element("th", {{"scope", "row"}}, name);
    const std::string id = id_of(prefix, name);
    html.element("td", {{"class", "n"}, {"id", id, !prefix.empty()}}, count(number));
  }
}

void fact_table(Html& html, std::string_view caption,
                const std::vector<std::pair<std::string, std::string>>& rows) {
  const Table table(html, caption, {"Fact", "Value"}, 2, "facts");
  for (const auto& [name, value] : rows) {
    const auto row = html.in("tr");
    html.element("th", {{"scope", "row"}}, name);
    html.element("td", value);
  }
}

void button_form(Html& html, const Viewer& viewer, std::string_view action, std::string_view button,
                 std::initializer_list<Html::Attribute> fields, bool dangerous) {
  const auto form = html.in("form", {{"method", "post"}, {"action", action}});
  html.empty("input", {{"type", "hidden"}, {"name", "secret"}, {"value", viewer.secret}});
  for (const Html::Attribute& field : fields) {
    html.empty("input", {{"type", "hidden"}, {"name", field.name.text()}, {"value", field.value}});
  }
  html.element("button", {{"class", "danger", dangerous}}, button);
}

void pager(Html& html, std::string_view path, std::string_view user, std::size_t skip,
           std::size_t shown, std::uint64_t matching, std::string_view rest) {
  if (skip == 0 && shown >= matching) return;
  const auto box = html.in("p", {{"class", "pager"}});
  const auto link = [&](std::size_t to, std::string_view text) {
    const std::string target =
        fmt::format("{}?user={}&skip={}{}", path, http::percent_encode(user), to, rest);
    html.element("a", {{"href", target}}, text);
  };
  if (skip > 0) link(skip > kMaxRows ? skip - kMaxRows : 0, "‹ Back");
  if (shown > 0) {
    html.element("span", fmt::format("{} to {} of {}", count(skip + 1), count(skip + shown),
                                     count(matching)));
  }
  if (shown > 0 && skip + shown < matching) link(skip + shown, "Further ›");
}

void user_search(Html& html, std::string_view path, std::string_view user) {
  const auto form = html.in("form", {{"method", "get"}, {"action", path}, {"role", "search"}});
  html.element("label", {{"for", "user"}}, "User (* and ? are patterns)");
  html.empty("input", {{"id", "user"},
                       {"name", "user"},
                       {"value", user},
                       {"maxlength", "320"},
                       {"autocapitalize", "off"},
                       {"spellcheck", "false"}});
  html.element("button", "Show");
}

std::string id_of(std::string_view prefix, std::string_view name) {
  std::string id(prefix);
  id += '-';
  for (const char c : name) {
    const char lower = pop3::to_lower(c);
    const bool plain = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
    id += plain ? lower : '-';
  }
  return id;
}

}  // namespace gatepost::admin
