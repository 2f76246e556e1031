#include "proxy/trace/comparison.h"

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/trace/names.h"

namespace gatepost::trace {

namespace {

bool fits(char expected, char got) { return expected == '*' || expected == got; }

/// Where they part; npos: nowhere. `shorter_fits`: `got` may go on.
std::size_t parting(std::string_view expected, std::string_view got, bool may_go_on) {
  const std::size_t both = std::min(expected.size(), got.size());
  for (std::size_t i = 0; i < both; ++i) {
    if (!fits(expected[i], got[i])) return i;
  }
  if (got.size() < expected.size() || (got.size() > expected.size() && !may_go_on)) return both;
  return std::string_view::npos;
}

std::string line_at(std::string_view text, std::size_t at) {
  constexpr std::size_t kMaxShown = 512;
  if (at >= text.size()) {
    // The octets that are missing begin a line, or are the rest of one.
    const std::size_t begin = text.empty() ? 0 : text.rfind('\n', text.size() - 1) + 1;
    const std::string rest(text.substr(begin, kMaxShown));
    return rest.empty() ? "nothing" : rest;
  }
  const std::size_t before = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
  const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
  const std::size_t end = text.find('\n', at);
  return std::string(text.substr(
      begin,
      std::min(kMaxShown, end == std::string_view::npos ? text.size() - begin : end + 1 - begin)));
}

std::uint64_t time_at(const Deeds::OnLeg& deeds, std::size_t at) {
  std::uint64_t ms = 0;
  for (const auto& [from, when] : deeds.times) {
    if (from > at) break;
    ms = when;
  }
  return ms;
}

std::string joined(const std::vector<std::string>& words) {
  std::string result;
  for (const std::string& word : words) result += result.empty() ? word : ", " + word;
  return result.empty() ? "not closed" : "closed: " + result;
}

/// What of a leg is compared where messages are not.
Deeds::OnLeg without_messages(const Deeds::OnLeg& deeds, const std::vector<Answer>& answers,
                              bool client) {
  Deeds::OnLeg left{.said = {}, .times = {}, .closings = deeds.closings};
  const auto keep = [&](std::string_view piece) {
    const auto at = static_cast<std::size_t>(piece.data() - deeds.said.data());
    left.say(time_at(deeds, at), piece);
  };
  if (!client) {
    for (const std::string_view line : cut_lines(deeds.said)) {
      if (!is_about_messages(line)) keep(line);
    }
    return left;
  }
  const auto replies = cut_replies(deeds.said, answers);
  for (std::size_t i = 0; i < replies.size(); ++i) {
    const bool message = i > 0 && i <= answers.size() && answers[i - 1] == Answer::message;
    if (!message) keep(replies[i]);
  }
  return left;
}

}  // namespace

void Deeds::OnLeg::say(std::uint64_t ms, std::string_view text) {
  if (times.empty() || times.back().second != ms) times.emplace_back(said.size(), ms);
  said += text;
}

Deeds Deeds::of(const std::vector<Event>& events) {
  Deeds deeds;
  for (const Event& event : events) {
    switch (event.kind) {
      case Event::Kind::said:
        deeds.legs[event.leg].say(event.ms, event.text);
        break;
      case Event::Kind::closed:
        deeds.legs[event.leg].closings.push_back(event.text);
        break;
      case Event::Kind::connecting:
        deeds.connects.push_back(event.number);
        break;
      case Event::Kind::over:
        deeds.over = event.text;
        break;
      default:
        break;
    }
  }
  return deeds;
}

std::vector<std::string_view> cut_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

bool is_about_messages(std::string_view command) {
  constexpr std::array<std::string_view, 4> kVerbs = {"RETR ", "TOP ", "NOOP\r", "UTF8\r"};
  return std::ranges::any_of(
      kVerbs, [command](std::string_view verb) { return command.starts_with(verb); });
}

std::vector<Answer> answers_to(std::string_view commands) {
  const Names names({}, true);
  Confidences nobody;
  CommandMask mask(names, nobody);
  std::vector<Answer> answers;
  for (const std::string_view line : cut_lines(commands)) {
    static_cast<void>(mask.mask(line));
    answers.push_back(mask.answer());
  }
  return answers;
}

std::vector<std::string_view> cut_replies(std::string_view said,
                                          const std::vector<Answer>& answers) {
  constexpr std::string_view kEnd = "\r\n.\r\n";
  std::vector<std::string_view> replies;
  while (!said.empty()) {
    const std::size_t number = replies.size();
    const Answer answer =
        number == 0 || number > answers.size() ? Answer::line : answers[number - 1];
    std::size_t end = std::min(said.find('\n'), said.size() - 1) + 1;
    if (answer != Answer::line && said.starts_with("+OK")) {
      // The end may follow the first line at once.
      const std::size_t from = end >= 2 ? end - 2 : 0;
      const std::size_t at = said.find(kEnd, from);
      end = at == std::string_view::npos ? said.size() : at + kEnd.size();
    }
    replies.push_back(said.substr(0, end));
    said.remove_prefix(end);
  }
  return replies;
}

std::optional<Difference> compare(const Deeds& trace, const Deeds& replay,
                                  std::string_view client_said, Scope scope) {
  std::optional<Difference> first;
  const auto note = [&first](Difference difference) {
    if (!first || difference.ms < first->ms) first = std::move(difference);
  };
  const std::vector<Answer> answers =
      scope.messages ? std::vector<Answer>() : answers_to(client_said);
  Deeds::OnLeg nothing;
  std::map<net::Tap::Leg, std::pair<const Deeds::OnLeg*, const Deeds::OnLeg*>> legs;
  for (const auto& [leg, deeds] : trace.legs) legs[leg] = {&deeds, &nothing};
  for (const auto& [leg, deeds] : replay.legs) {
    legs.try_emplace(leg, &nothing, &nothing).first->second.second = &deeds;
  }
  for (const auto& [leg, both] : legs) {
    Deeds::OnLeg expected = *both.first;
    Deeds::OnLeg got = *both.second;
    if (!scope.messages) {
      expected = without_messages(expected, answers, leg == net::Tap::kClient);
      got = without_messages(got, answers, leg == net::Tap::kClient);
    }
    const std::size_t at = parting(expected.said, got.said, !scope.to_the_end);
    if (at != std::string_view::npos) {
      const std::string wanted = line_at(expected.said, at);
      std::string said = line_at(got.said, at);
      note({time_at(at < expected.said.size() ? expected : got, at), leg,
            at < expected.said.size() ? wanted : "nothing more", std::move(said)});
    } else if (scope.to_the_end && expected.closings != got.closings) {
      note({time_at(expected, expected.said.size()), leg, joined(expected.closings),
            joined(got.closings)});
    }
  }
  if (!first && scope.to_the_end && trace.over != replay.over) {
    std::uint64_t last = 0;
    for (const auto& [leg, deeds] : trace.legs)
      last = std::max(last, time_at(deeds, deeds.said.size()));
    const auto ending = [](const std::string& why) {
      return why.empty() ? std::string("the session goes on") : "the session ends: " + why;
    };
    note({last, net::Tap::kClient, ending(trace.over), ending(replay.over)});
  }
  return first;
}

}  // namespace gatepost::trace
