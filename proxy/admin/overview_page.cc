#include <fmt/format.h>

#include "proxy/admin/figures.h"
#include "proxy/admin/pages.h"
#include "proxy/admin/words.h"

namespace gatepost::admin {

namespace {

void write_readiness(Html& html, const Status& status) {
  const bool running = status.state.empty() || status.state == "running";
  if (status.not_ready.empty()) {
    html.element("p", {{"class", "news good"}}, "Ready: sessions are welcome.");
    return;
  }
  const auto box = html.in("div", {{"class", "news bad"}});
  html.element("strong", running ? "Not ready" : fmt::format("Not ready: {}", status.state));
  const auto list = html.in("ul");
  for (const std::string& reason : status.not_ready) html.element("li", reason);
}

void write_stale_files(Html& html, const Status& status) {
  if (status.stale_files.empty()) return;
  const auto box = html.in("div", {{"class", "news warn"}});
  html.element("strong", "Files that cannot be used; what they held before stays in force");
  const auto list = html.in("ul");
  for (const std::string& file : status.stale_files) html.element("li", file);
}

struct Tile {
  std::string_view name;
  std::string_view id;
  bool live = false;  ///< says nothing without the script
};

void write_tiles(Html& html, const Figures& figures) {
  static constexpr auto kTiles =
      std::to_array<Tile>({{"State", "state"},
                           {"Sessions", "sessions-now"},
                           {"Connections", "connections-now"},
                           {"To clients", "octets-rate", true},
                           {"Messages", "messages-rate", true},
                           {"Logins", "logins-rate", true},
                           {"Upstream servers up", "upstreams-up"},
                           {"Scanners effective", "scanners-effective"},
                           {"Spool", "spool-now"},
                           {"Messages since the start", "messages-total"},
                           {"To clients since the start", "octets-out"},
                           {"From clients since the start", "octets-in"}});
  const auto tiles = html.in("dl", {{"class", "tiles"}});
  for (const Tile& tile : kTiles) {
    const auto box = html.in("div", {{"class", tile.live ? "tile live" : "tile"}});
    html.element("dt", tile.name);
    html.element("dd", {{"id", tile.id}}, figures.at(std::string(tile.id)));
  }
}

void write_curve(Html& html, std::string_view name, std::string_view title) {
  const auto figure = html.in("figure", {{"class", "curve"}});
  html.element("figcaption", title);
  const auto picture = html.in("svg", {{"viewBox", "0 0 100 30"},
                                       {"preserveAspectRatio", "none"},
                                       {"role", "img"},
                                       {"aria-label", title}});
  const std::string id = fmt::format("line-{}", name);
  html.element("polyline", {{"id", id}}, "");
}

void write_curves(Html& html) {
  html.element("p", {{"class", "faint"}, {"id", "live-state"}, {"role", "status"}},
               "Figures as of when this page was loaded.");
  const auto curves = html.in("div", {{"class", "curves live"}});
  write_curve(html, "octets", "To clients a second, the last five minutes");
  write_curve(html, "sessions", "Sessions, the last five minutes");
}

void write_listeners(Html& html, const Status& status) {
  const Table table(html, "Listeners", {"Name", "Address", "TLS"});
  for (const ListenerFacts& listener : status.listeners) {
    const auto row = html.in("tr");
    html.element("th", {{"scope", "row"}}, listener.name);
    html.element("td", listener.address);
    html.element("td", listener.tls);
  }
}

void write_workers(Html& html, const Status& status) {
  const Table table(html, "Workers", {"Worker", "Sessions", "I/O blocks", "State"});
  std::size_t number = 0;
  for (const WorkerFacts& worker : status.workers) {
    const auto row = html.in("tr");
    html.element("th", {{"scope", "row"}}, std::to_string(number++));
    html.element("td", {{"class", "n"}}, count(worker.sessions));
    html.element("td", {{"class", "n"}}, octets(worker.io_octets));
    const bool silent = worker.silent_seconds > 0;
    const auto cell = html.in("td");
    if (silent) {
      const std::string text =
          fmt::format("silent for {}", span(std::chrono::seconds(worker.silent_seconds)));
      html.element("span", {{"class", "mark bad"}}, text);
    } else if (worker.accept_paused) {
      html.element("span", {{"class", "mark warn"}}, "out of memory for new sessions");
    } else {
      html.element("span", {{"class", "mark good"}}, "well");
    }
  }
}

void write_process(Html& html, const Status& status, Now now) {
  const auto running = std::chrono::duration_cast<std::chrono::seconds>(now - status.started);
  fact_table(
      html, "Process",
      {{"version", status.version},
       {"TLS library", status.tls_library},
       {"process", std::to_string(status.pid)},
       {"started (UTC)", fmt::format("{}, {} ago", utc(status.started), span(running))},
       {"configuration", status.config_file.empty() ? "flags and environment" : status.config_file},
       {"log level", status.log_level},
       {"reloads", fmt::format("{}, {} refused", count(status.reloads_succeeded),
                               count(status.reloads_failed))},
       {"log lines lost", count(status.log_lines_lost)}});
}

}  // namespace

Html overview_page(const Status& status, const Viewer& viewer, Now now) {
  Html html;
  write_readiness(html, status);
  write_stale_files(html, status);
  write_tiles(html, figures(status, nullptr));
  write_curves(html);
  if (viewer.acts) {
    const auto actions = html.in("div", {{"class", "actions"}});
    button_form(html, viewer, "/reload", "Read the configuration again", {});
    button_form(html, viewer, "/drain", "Drain and stop …", {}, true);
  }
  {
    const auto columns = html.in("div", {{"class", "columns"}});
    two_columns(html, "Logins", "Result", status.logins, "login");
    two_columns(html, "Sessions by TLS", "Version", status.tls, "tls");
    two_columns(html, "Ended sessions", "Reason", status.ended, "ended");
  }
  const auto columns = html.in("div", {{"class", "columns"}});
  write_listeners(html, status);
  write_workers(html, status);
  write_process(html, status, now);
  return html;
}

Html login_page(const Viewer& viewer, std::string_view next) {
  Html html;
  if (!viewer.token) {
    html.element("p", "This page is read-only: the configuration has no admin.token_file.");
    return html;
  }
  html.element("p", "Show the token that stands in the file which admin.token_file names.");
  const auto form = html.in("form", {{"method", "post"}, {"action", "/login"}});
  html.empty("input", {{"type", "hidden"}, {"name", "next"}, {"value", next}});
  // Nobody has a name here; this is for programs that keep passwords.
  html.empty("input", {{"type", "text"},
                       {"name", "account"},
                       {"value", "gatepost"},
                       {"autocomplete", "username"},
                       {"hidden", ""}});
  html.element("label", {{"for", "token"}}, "Token");
  html.empty("input", {{"type", "password"},
                       {"id", "token"},
                       {"name", "token"},
                       {"required", ""},
                       {"maxlength", "256"},
                       {"autocomplete", "current-password"}});
  html.element("button", "Log in");
  return html;
}

Html confirm_page(const Viewer& viewer, std::string_view question, std::string_view action,
                  std::string_view button, std::string_view field, std::string_view value) {
  Html html;
  html.element("p", question);
  const auto actions = html.in("div", {{"class", "actions"}});
  const auto form = html.in("form", {{"method", "post"}, {"action", action}});
  html.empty("input", {{"type", "hidden"}, {"name", "secret"}, {"value", viewer.secret}});
  html.empty("input", {{"type", "hidden"}, {"name", "confirmed"}, {"value", "yes"}});
  if (!field.empty()) {
    html.empty("input", {{"type", "hidden"}, {"name", field}, {"value", value}});
  }
  html.element("button", {{"class", "danger"}}, button);
  html.element("a", {{"href", "/"}}, "No, back to the overview");
  return html;
}

}  // namespace gatepost::admin
