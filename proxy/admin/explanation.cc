#include "proxy/admin/explanation.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <map>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "proxy/admin/explanation_json.h"
#include "proxy/base/utf8.h"

namespace gatepost::admin {

using About = Decision::About;

namespace {

std::tm parts_of(std::int64_t milliseconds) {
  return fmt::gmtime(static_cast<std::time_t>(milliseconds / 1000));
}

std::string date(std::int64_t at) { return fmt::format("{:%Y-%m-%d}", parts_of(at)); }

/// "14:05:02.113"
std::string time_of_day(std::int64_t at) {
  return fmt::format("{:%H:%M:%S}.{:03}", parts_of(at), at % 1000);
}

/// Without what a terminal would act upon.
std::string harmless(std::string_view text) {
  std::string safe;
  while (!text.empty()) {
    const utf8::Character c = utf8::first_character(text);
    if (c.valid && !utf8::is_active(c.value)) {
      safe.append(text.substr(0, c.size));
    } else if (c.valid) {
      safe += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(c.value));
    } else {
      safe += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
    }
    text.remove_prefix(c.size);
  }
  return safe;
}

/// Where a decision stands in the text.
std::string group_of(const Decision& decision) {
  if (decision.message > 0) return fmt::format("message {}", decision.message);
  switch (decision.about) {
    case About::arrival:
    case About::tls:
      return "client";
    case About::user:
    case About::login:
      return "login";
    case About::route:
    case About::upstream:
      return "route";
    case About::end:
      return "end";
    case About::rules:
    case About::mailbox:
    case About::message:
    case About::quarantined:
    case About::retention:
    case About::count_:
      break;
  }
  return "mailbox";
}

std::string_view introduction(const Decision& decision) {
  if (decision.about == About::quarantined) return "kept in quarantine as ";
  if (decision.about != About::user) return "";
  return decision.rule.empty() ? "user " : "known as ";
}

/// Lines of details stand under the decision, then its rule.
void add_decision(std::string& to, const Decision& decision) {
  constexpr std::string_view kIndent = "                ";
  std::string_view rest = decision.text;
  to += fmt::format("  {}  {}", time_of_day(decision.at), introduction(decision));
  for (bool first = true; first || !rest.empty(); first = false) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (!first) to += kIndent;
    to += harmless(rest.substr(0, end)) + '\n';
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (!decision.rule.empty()) {
    to += fmt::format("{}because of {}\n", kIndent, harmless(decision.rule));
  }
}

constexpr std::string_view kNothing =
    "Nothing is known of it: it was in another process, or so long ago that it was forgotten.\n";

std::string as_text(const Explanation& explanation) {
  if (explanation.decisions.empty()) return std::string(kNothing);
  const std::int64_t begin = explanation.decisions.front().at;
  std::string text =
      fmt::format("session {}, {} UTC\n", harmless(explanation.session), date(begin));
  if (explanation.begins_later) text += "older decisions were forgotten\n";
  // A pipelining client is answered about several messages at once: each has its own group, in the
  // order in which it was dealt with first.
  std::vector<std::string> order;
  std::map<std::string, std::string> groups;
  for (const Decision& decision : explanation.decisions) {
    const std::string name = group_of(decision);
    if (!groups.contains(name)) order.push_back(name);
    add_decision(groups[name], decision);
  }
  for (const std::string& name : order) text += fmt::format("\n{}\n{}", name, groups[name]);
  return text;
}

std::string as_text(std::string_view user, const std::vector<SessionOfUser>& sessions) {
  if (sessions.empty()) {
    return fmt::format("No session of {} is known.\n", harmless(user));
  }
  std::string text;
  for (const SessionOfUser& one : sessions) {
    const std::string end = harmless(one.end.substr(0, one.end.find('\n')));
    text += fmt::format("{}  {} {} UTC  {}  {}\n", harmless(one.session), date(one.at),
                        time_of_day(one.at), harmless(one.user), end.empty() ? "goes on" : end);
  }
  return text;
}

}  // namespace

std::string render(const Explanation& explanation, ExplanationForm form) {
  return form == ExplanationForm::json ? as_json(explanation) : as_text(explanation);
}

std::string render(std::string_view user, std::vector<SessionOfUser> sessions,
                   ExplanationForm form) {
  std::ranges::stable_sort(sessions, std::ranges::greater(), &SessionOfUser::at);
  if (sessions.size() > Journal::kMaxSessionsOfUser) sessions.resize(Journal::kMaxSessionsOfUser);
  return form == ExplanationForm::json ? as_json(user, sessions) : as_text(user, sessions);
}

std::optional<unsigned> worker_of(std::string_view id) {
  const std::size_t dash = id.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view number = id.substr(0, dash);
  const char* const end = number.data() + number.size();
  unsigned worker = 0;
  // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): the end is the next argument
  const auto read = std::from_chars(number.data(), end, worker);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return worker;
}

}  // namespace gatepost::admin
