#include <fmt/format.h>

#include "proxy/admin/pages.h"
#include "proxy/admin/words.h"
#include "proxy/http/form.h"

namespace gatepost::admin {

namespace {

using Room = RetentionRoom;

/// Characters of a name.
constexpr std::size_t kMaxText = 120;

void write_policies(Html& html, const Room& room) {
  const Table table(html, "Policies", {"Policy", "What it does", "Decisions since the start"});
  for (const Room::Policy& policy : room.policies()) {
    const auto row = html.in("tr");
    {
      const auto cell = html.in("th", {{"scope", "row"}});
      html.text(policy.name);
      if (policy.dry_run) html.element("small", "dry run");
    }
    html.element("td", {{"class", "text"}}, policy.words);
    const auto cell = html.in("td", {{"class", "text"}});
    for (const auto& [name, number] : policy.decisions) {
      html.element("small", fmt::format("{} {}", name, count(number)));
    }
    if (policy.decisions.empty()) html.text("none");
  }
}

void write_question(Html& html, const Room& room) {
  const auto form = html.in("form", {{"method", "get"}, {"action", "/retention"}});
  html.element("label", {{"for", "user"}}, "User, as upstream knows the name");
  html.empty("input", {{"id", "user"},
                       {"name", "user"},
                       {"required", ""},
                       {"maxlength", "320"},
                       {"autocapitalize", "off"},
                       {"spellcheck", "false"}});
  html.element("label", {{"for", "pool"}}, "Pool");
  {
    const auto select = html.in("select", {{"id", "pool"}, {"name", "pool"}});
    for (const std::string& pool : room.pools()) {
      html.element("option", {{"value", pool}}, pool);
    }
  }
  html.element("button", "Show what goes when");
}

}  // namespace

Html retention_page(const RetentionRoom& room, const std::vector<RetentionRoom::Account>& accounts,
                    const Viewer& viewer) {
  Html html;
  write_policies(html, room);
  if (const auto holds = room.holds(); !holds.empty() && viewer.sees_people) {
    html.element("h2", "Legal holds");
    html.element("p", "Nobody removes mail of users that these patterns match.");
    const auto list = html.in("ul");
    for (const std::string& hold : holds) html.element("li", cut(hold, kMaxText));
  }
  if (!room.exists()) {
    html.element("p", "No policy in force notes anything: clients decide what is deleted.");
    return html;
  }
  html.element("h2", "What is kept, and when it goes");
  if (viewer.sees_people) {
    write_question(html, room);
  } else {
    html.element("p", "To ask for an account, log in.");
  }
  html.element("p", {{"class", "faint"}},
               "Names are hashed in the store, so accounts have no names here.");
  if (accounts.empty()) return html;
  const Table table(html, "Accounts, those not written to for the longest time first",
                    {"Account (hash)", "Records", "Last written (UTC)"});
  for (const RetentionRoom::Account& account : accounts) {
    const auto row = html.in("tr");
    {
      const auto cell = html.in("th", {{"scope", "row"}, {"class", "text"}});
      html.element("code", account.name);
    }
    html.element("td", {{"class", "n"}}, count(account.records));
    html.element("td", {{"class", "nowrap"}}, utc(account.written_at));
  }
  return html;
}

Html account_page(const RetentionRoom::Report& report, const RetentionRoom::Question& question) {
  Html html;
  html.element("p",
               fmt::format("{} of {} in pool {}, judged by {}.", count(report.records, "record"),
                           cut(question.user, kMaxText), report.pool,
                           report.policy.empty() ? "no policy" : "policy " + report.policy));
  if (report.held) {
    html.element("p", {{"class", "news warn"}}, "Under a legal hold: nothing of it goes.");
  }
  {
    const auto columns = html.in("div", {{"class", "columns"}});
    two_columns(html, "What clients see", "State", report.states);
    two_columns(html, "What will become of it", "Outlook", report.outlooks);
    two_columns(html, "What a dry run would have done", "Decision", report.dry_run);
  }
  if (!report.rows.empty()) {
    const Table table(html, "Messages, those that go first come first",
                      {"UIDL (hash)", "State", "Seen (UTC)", "Retrieved", "Deleted", "Outlook"});
    for (const RetentionRoom::Row& one : report.rows) {
      const auto row = html.in("tr");
      {
        const auto cell = html.in("th", {{"scope", "row"}});
        html.element("code", cut(one.uidl, 12));
      }
      html.element("td", {{"class", "nowrap"}}, one.state);
      html.element("td", {{"class", "nowrap"}}, utc(one.seen));
      html.element("td", {{"class", "nowrap"}}, utc(one.retrieved));
      html.element("td", {{"class", "nowrap"}}, utc(one.deleted));
      html.element("td", {{"class", "nowrap"}}, one.outlook);
    }
  }
  const std::string rest = fmt::format("&pool={}", http::percent_encode(report.pool));
  pager(html, "/retention", question.user, question.skip, report.rows.size(), report.records, rest);
  html.element("p", {{"class", "faint"}},
               "gatepost retention undelete and purge change what becomes of messages.");
  return html;
}

}  // namespace gatepost::admin
