#include <algorithm>

#include <fmt/format.h>

#include "proxy/admin/pages.h"
#include "proxy/admin/words.h"

namespace gatepost::admin {

namespace {

using session::SessionFacts;

/// Characters of a peer's text in a table.
constexpr std::size_t kMaxText = 120;

std::chrono::seconds whole(Duration time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time);
}

/// A line in small print, unless there is nothing to say.
void small(Html& html, std::string_view label, std::string_view text) {
  if (!text.empty()) html.element("small", fmt::format("{}{}", label, cut(text, kMaxText)));
}

void write_who(Html& html, const SessionFacts& one) {
  const auto cell = html.in("th", {{"scope", "row"}, {"class", "text"}});
  html.text(one.user.empty() ? "–" : cut(one.user, kMaxText));
  if (!one.user.empty() && !one.logged_in) html.element("small", "not logged in");
  small(html, "device ", one.device);
  small(html, "", one.id);
}

void write_from(Html& html, const SessionFacts& one) {
  const auto cell = html.in("td", {{"class", "text"}});
  html.text(one.client);
  small(html, "via ", one.via);
  small(html, "at ", one.listener);
  small(html, "asked for ", one.server_name);
}

void write_state(Html& html, const SessionFacts& one) {
  const auto cell = html.in("td", {{"class", "text"}});
  html.text(one.state);
  small(html, "does ", one.doing);
  small(html, "waits for ", one.waits_for);
  if (one.failed_logins > 0) html.element("small", count(one.failed_logins, "failed login"));
}

void write_way(Html& html, const SessionFacts& one) {
  const auto cell = html.in("td", {{"class", "text"}});
  html.text(one.upstream.empty() ? "–" : one.upstream);
  small(html, "pool ", one.pool);
  small(html, "route ", one.route);
  small(html, "chain ", one.chain);
  small(html, "policy ", one.policy);
}

void write_tls(Html& html, const SessionFacts& one) {
  const auto cell = html.in("td", {{"class", "text"}});
  html.text(one.tls);
  small(html, "", one.cipher);
  small(html, "", one.mechanism);
}

void write_time(Html& html, const SessionFacts& one) {
  const auto cell = html.in("td", {{"class", "nowrap"}});
  html.text(span(whole(one.age)));
  html.element("small", fmt::format("idle {}", span(whole(one.idle))));
}

void write_amount(Html& html, const SessionFacts& one) {
  const auto cell = html.in("td", {{"class", "nowrap"}});
  html.text(count(one.messages, "message"));
  html.element("small", fmt::format("{} out", octets(one.octets_out)));
  html.element("small", count(one.commands, "command"));
}

void write_session(Html& html, const SessionFacts& one, std::string_view user,
                   const Viewer& viewer) {
  const auto row = html.in("tr");
  write_who(html, one);
  write_from(html, one);
  write_state(html, one);
  write_way(html, one);
  write_tls(html, one);
  write_time(html, one);
  write_amount(html, one);
  if (!viewer.acts) return;
  const auto cell = html.in("td");
  button_form(html, viewer, "/sessions/end", "End", {{"id", one.id}, {"user", user}}, true);
}

}  // namespace

Html sessions_page(const SessionList& list, std::string_view user, std::size_t skip,
                   const Viewer& viewer) {
  Html html;
  user_search(html, "/sessions", user);
  const std::size_t begin = std::min(skip, list.sessions.size());
  const std::size_t end = std::min(begin + kMaxRows, list.sessions.size());
  html.element(
      "p", user.empty()
               ? fmt::format("{}, the oldest first.", count(list.matching, "session"))
               : fmt::format("{} of {}, the oldest first.", count(list.matching, "session"), user));
  if (list.silent_workers > 0) {
    html.element("p", {{"class", "news warn"}},
                 fmt::format("{} did not answer in time: sessions of theirs are missing here.",
                             count(list.silent_workers, "worker")));
  }
  if (viewer.acts && !user.empty() && list.matching > 0) {
    const auto actions = html.in("div", {{"class", "actions"}});
    button_form(html, viewer, "/sessions/end-user", "End all of these …", {{"user", user}}, true);
  }
  if (begin < end) {
    const Table table(html, "Sessions",
                      {"User", "Client", "State", "Upstream", "TLS", "Since", "So far", "Action"},
                      viewer.acts ? 8 : 7);
    for (std::size_t i = begin; i < end; ++i) write_session(html, list.sessions[i], user, viewer);
  }
  pager(html, "/sessions", user, skip, end - begin, list.matching);
  return html;
}

}  // namespace gatepost::admin
