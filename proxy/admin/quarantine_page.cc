#include <fmt/format.h>

#include "proxy/admin/pages.h"
#include "proxy/admin/words.h"

namespace gatepost::admin {

namespace {

using store::QuarantineRecord;

/// Characters of a sender's text: in a table, and on a page of its own.
constexpr std::size_t kMaxText = 120;
constexpr std::size_t kMaxField = 2'000;

std::string_view state_of(const QuarantineRecord& record) {
  if (record.released_at == 0) return "held";
  return record.delivered_at == 0 ? "released" : "delivered";
}

std::string link_to(std::uint64_t number) { return fmt::format("/quarantine?number={}", number); }

void write_actions(Html& html, const QuarantineRecord& record, const Viewer& viewer) {
  const std::string number = std::to_string(record.number);
  if (record.released_at == 0) {
    button_form(html, viewer, "/quarantine/release", "Release", {{"number", number}});
  }
  button_form(html, viewer, "/quarantine/delete", "Delete …", {{"number", number}}, true);
}

void write_record(Html& html, const QuarantineRecord& record) {
  const auto row = html.in("tr");
  {
    const auto cell = html.in("th", {{"scope", "row"}});
    const std::string target = link_to(record.number);
    html.element("a", {{"href", target}}, std::to_string(record.number));
  }
  html.element("td", {{"class", "nowrap"}}, utc(record.stored_at));
  {
    const auto cell = html.in("td", {{"class", "text"}});
    html.text(cut(record.user, kMaxText));
    html.element("small", cut(record.route, kMaxText));
  }
  {
    const auto cell = html.in("td", {{"class", "text"}});
    html.text(record.cause);
    if (!record.threat.empty()) html.element("small", cut(record.threat, kMaxText));
  }
  {
    const auto cell = html.in("td", {{"class", "text"}});
    html.text(record.subject.empty() ? "no subject" : cut(record.subject, kMaxText));
    html.element("small", fmt::format("from {}", cut(record.from, kMaxText)));
  }
  html.element("td", {{"class", "n"}}, octets(record.size));
  html.element("td", state_of(record));
}

}  // namespace

Html quarantine_page(const QuarantineRoom::Page& messages, const QuarantineRoom::Query& query,
                     const Viewer& /*viewer*/) {
  Html html;
  user_search(html, "/quarantine", query.user);
  html.element("p", fmt::format("{}, the newest first. All files together have {}.",
                                count(messages.matching, "message"), octets(messages.octets)));
  if (!messages.records.empty()) {
    const Table table(
        html, "Messages that were kept back",
        {"Number", "Stored (UTC)", "User and route", "Cause", "Subject", "Size", "State"});
    for (const QuarantineRecord& record : messages.records) write_record(html, record);
  }
  pager(html, "/quarantine", query.user, query.skip, messages.records.size(), messages.matching);
  return html;
}

Html message_page(const QuarantineRoom::Message& message, const Viewer& viewer) {
  const QuarantineRecord& record = message.record;
  Html html;
  if (viewer.acts) {
    const auto actions = html.in("div", {{"class", "actions"}});
    write_actions(html, record, viewer);
  }
  two_columns(html, "What is known of it", "Fact",
              {{"state", std::string(state_of(record))},
               {"stored (UTC)", utc(record.stored_at)},
               {"released (UTC)", utc(record.released_at)},
               {"delivered (UTC)", utc(record.delivered_at)},
               {"user", cut(record.user, kMaxText)},
               {"route", cut(record.route, kMaxText)},
               {"cause", record.cause},
               {"threat", cut(record.threat, kMaxText)},
               {"scanner", cut(record.scanner, kMaxText)},
               {"size", fmt::format("{} ({} in its file)", octets(record.size),
                                    octets(record.stored_size))},
               {"SHA-256", record.digest}});
  if (!message.problem.empty()) {
    html.element("p", {{"class", "news warn"}},
                 fmt::format("Its header cannot be shown: {}", message.problem));
    return html;
  }
  {
    const Table table(html, "Its header, decoded", {"Field", "Text"});
    for (const auto& [name, value] : message.fields) {
      const auto row = html.in("tr");
      html.element("th", {{"scope", "row"}}, cut(name, kMaxText));
      html.element("td", {{"class", "text"}}, cut(value, kMaxField));
    }
    const auto row = html.in("tr");
    html.element("th", {{"scope", "row"}}, "Received");
    html.element("td", {{"class", "text"}}, count(message.received, "station"));
  }
  html.element("p", {{"class", "faint"}},
               fmt::format("The message itself is never shown here: gatepost quarantine show --raw "
                           "{} writes it to a file.",
                           record.number));
  return html;
}

}  // namespace gatepost::admin
