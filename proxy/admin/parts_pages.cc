#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "proxy/admin/figures.h"
#include "proxy/admin/pages.h"
#include "proxy/admin/words.h"

// Pages of parts of the gateway: what stands behind it, beside it, and in its configuration.

namespace gatepost::admin {

namespace {

/// Characters of a peer's text in a table.
constexpr std::size_t kMaxText = 300;

void mark(Html& html, std::string_view kind, std::string_view text) {
  const auto cell = html.in("td");
  const std::string name = fmt::format("mark {}", kind);
  html.element("span", {{"class", name}}, text);
}

void number(Html& html, std::uint64_t value) { html.element("td", {{"class", "n"}}, count(value)); }

std::string_view kind_of(const std::string& health) {
  return health == "up" ? "good" : health == "down" ? "bad" : "warn";
}

void write_scanners(Html& html, const Status& status) {
  const Table table(html, "Scanners",
                    {"Name", "Effective", "Type and address", "Self-tests", "Running", "Waiting",
                     "Breakers open", "Verdicts"});
  for (const ScannerFacts& scanner : status.scanners) {
    const auto row = html.in("tr");
    html.element("th", {{"scope", "row"}}, scanner.name);
    mark(html,
         scanner.effective  ? "good"
         : scanner.required ? "bad"
                            : "warn",
         scanner.effective ? "effective" : "not effective");
    {
      const auto cell = html.in("td", {{"class", "text"}});
      html.text(scanner.type);
      html.element("small", scanner.address);
      if (!scanner.required) html.element("small", "not required");
    }
    html.element("td", fmt::format("{} passed, {} failed", count(scanner.self_tests_passed),
                                   count(scanner.self_tests_failed)));
    number(html, scanner.running);
    number(html, scanner.waiting);
    number(html, scanner.breaker_open);
    const auto cell = html.in("td", {{"class", "text"}});
    for (const auto& [cause, times] : scanner.verdicts) {
      html.element("small", fmt::format("{} {}", cause, count(times)));
    }
  }
}

}  // namespace

Html upstreams_page(const Status& status) {
  Html html;
  const Share share = upstreams_up(status);
  html.element("p", fmt::format("{} of {} up.", share.good, count(share.all, "server")));
  const Table table(html, "Servers",
                    {"Pool", "Server", "Health", "Sessions", "Limit", "Weight", "Priority"});
  for (const UpstreamFacts& server : status.upstreams) {
    const auto row = html.in("tr");
    html.element("th", {{"scope", "row"}}, server.pool);
    html.element("td", {{"class", "text"}}, server.server);
    {
      const auto cell = html.in("td", {{"class", "text"}});
      const std::string name = fmt::format("mark {}", kind_of(server.health));
      html.element("span", {{"class", name}}, server.health);
      if (!server.problem.empty()) html.element("small", cut(server.problem, kMaxText));
    }
    number(html, server.sessions);
    html.element("td", {{"class", "n"}},
                 server.max_connections == 0 ? "none" : count(server.max_connections));
    number(html, server.weight);
    number(html, server.priority);
  }
  return html;
}

Html scanning_page(const Status& status) {
  Html html;
  if (status.scanners.empty()) {
    html.element("p", "No scanner is configured.");
  } else {
    const Share share = scanners_effective(status);
    html.element("p", fmt::format("{} of {} effective: the last self-test found the test virus, in "
                                  "every worker.",
                                  share.good, count(share.all, "scanner")));
    write_scanners(html, status);
  }
  html.element("p", fmt::format("Spool: {} of {}.", octets(status.spool_octets),
                                octets(status.spool_limit)));
  const auto columns = html.in("div", {{"class", "columns"}});
  two_columns(html, "Messages by the worst verdict", "Cause", status.verdicts, "verdict");
  two_columns(html, "Messages by what was done", "Action", status.actions, "action");
  return html;
}

Html certificates_page(const Status& status, Now now) {
  Html html;
  if (status.certificates.empty()) {
    html.element("p", "No listener needs a certificate.");
    return html;
  }
  constexpr std::size_t kMaxNames = 20;
  const Table table(html, "Certificates, the default one first",
                    {"Names", "Expires (UTC)", "Days left", "Subject", "File"});
  for (const CertificateFacts& one : status.certificates) {
    const auto row = html.in("tr");
    {
      const auto cell = html.in("th", {{"scope", "row"}, {"class", "text"}});
      const std::size_t shown = std::min(one.names.size(), kMaxNames);
      for (std::size_t i = 0; i < shown; ++i) html.element("div", cut(one.names[i], kMaxText));
      if (shown < one.names.size()) {
        html.element("small", fmt::format("and {} more", one.names.size() - shown));
      }
      if (one.names.empty()) html.text("no DNS name");
    }
    html.element("td", {{"class", "nowrap"}}, utc(one.not_after));
    const auto left = std::chrono::floor<std::chrono::days>(one.not_after - now);
    if (one.not_after < now) {
      mark(html, "bad", "expired");
    } else {
      mark(html, left < kExpiryWarning ? "warn" : "good",
           count(static_cast<std::uint64_t>(left.count()), "day"));
    }
    html.element("td", {{"class", "text"}}, cut(one.subject, kMaxText));
    const auto cell = html.in("td", {{"class", "text"}});
    html.element("code", one.file);
  }
  return html;
}

Html configuration_page(const Status& status, std::string_view document) {
  Html html;
  html.element("p", fmt::format("What is in force, from {}, flags and environment. What is not "
                                "here has its default. Secrets stand in files of their own; what "
                                "looks like one here is shown as ***.",
                                status.config_file.empty() ? "no file" : status.config_file));
  const auto box = html.in("pre", {{"tabindex", "0"}, {"aria-label", "Configuration"}});
  html.lines(document);
  return html;
}

}  // namespace gatepost::admin
