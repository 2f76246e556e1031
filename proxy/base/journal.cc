#include "proxy/base/journal.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

namespace gatepost {

namespace {

using About = Decision::About;

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, to_lower, to_lower);
}

/// What stands behind "0-1f": nothing, or a message's number.
struct Wanted {
  std::string_view session;
  std::uint32_t message = 0;
};

std::optional<Wanted> parse(std::string_view id) {
  const std::size_t slash = id.find('/');
  if (slash == std::string_view::npos) return Wanted{id};
  Wanted wanted{id.substr(0, slash)};
  const std::string_view number = id.substr(slash + 1);
  const char* const end = number.data() + number.size();
  const auto read = std::from_chars(number.data(), end, wanted.message);
  if (read.ec != std::errc() || read.ptr != end || wanted.message == 0) return std::nullopt;
  return wanted;
}

}  // namespace

std::string_view to_string(Decision::About about) {
  switch (about) {
    case About::arrival:
      return "arrival";
    case About::tls:
      return "tls";
    case About::user:
      return "user";
    case About::login:
      return "login";
    case About::route:
      return "route";
    case About::upstream:
      return "upstream";
    case About::rules:
      return "rules";
    case About::mailbox:
      return "mailbox";
    case About::message:
      return "message";
    case About::quarantined:
      return "quarantined";
    case About::retention:
      return "retention";
    case About::end:
      return "end";
    case About::count_:
      break;
  }
  return "";
}

std::int64_t Journal::wall_clock() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::floor<std::chrono::milliseconds>(now).count();
}

// ---- Noting

void Journal::note(std::string_view session, About about, std::string_view text,
                   std::string_view rule, std::uint32_t message) {
  static_assert(kMaxId <= std::numeric_limits<std::uint8_t>::max());
  static_assert(std::max(kMaxText, kMaxRule) <= std::numeric_limits<std::uint16_t>::max());
  static_assert(kMaxId + kMaxText + kMaxRule <= kMaxOctets);
  if (session.empty() || session.size() > kMaxId) return;
  text = text.substr(0, kMaxText);
  rule = rule.substr(0, kMaxRule);
  if (!entries_) {
    entries_ = std::make_unique_for_overwrite<Entry[]>(kMaxDecisions);
    octets_ = std::make_unique_for_overwrite<char[]>(kMaxOctets);
  }
  make_room(session.size() + text.size() + rule.size());
  entries_[next_++ % kMaxDecisions] = {.at = clock_(),
                                       .begin = written_,
                                       .message = message,
                                       .text = static_cast<std::uint16_t>(text.size()),
                                       .rule = static_cast<std::uint16_t>(rule.size()),
                                       .id = static_cast<std::uint8_t>(session.size()),
                                       .about = about};
  write(session);
  write(text);
  write(rule);
}

void Journal::make_room(std::size_t octets) {
  if (size() == kMaxDecisions) ++oldest_;
  while (size() > 0 && written_ + octets - entry(oldest_).begin > kMaxOctets) ++oldest_;
}

/// Around the end of the memory, if need be.
void Journal::write(std::string_view text) {
  const std::size_t at = written_ % kMaxOctets;
  const std::size_t first = std::min(text.size(), kMaxOctets - at);
  if (first > 0) std::memcpy(&octets_[at], text.data(), first);
  if (first < text.size()) std::memcpy(&octets_[0], text.data() + first, text.size() - first);
  written_ += text.size();
}

// ---- Reading

std::string Journal::read(std::uint64_t begin, std::size_t size) const {
  const std::size_t at = begin % kMaxOctets;
  const std::size_t first = std::min(size, kMaxOctets - at);
  std::string text(&octets_[at], first);
  return text.append(&octets_[0], size - first);
}

const Journal::Entry& Journal::entry(std::uint64_t number) const {
  return entries_[number % kMaxDecisions];
}

std::string Journal::id_of(const Entry& entry) const { return read(entry.begin, entry.id); }

std::string Journal::text_of(const Entry& entry) const {
  return read(entry.begin + entry.id, entry.text);
}

Decision Journal::decision(const Entry& entry) const {
  return {.at = entry.at,
          .about = entry.about,
          .message = entry.message,
          .text = text_of(entry),
          .rule = read(entry.begin + entry.id + entry.text, entry.rule)};
}

/// "0-1f/3", or "" where nothing is known under this number.
std::string Journal::quarantined_as(std::string_view number) const {
  for (std::uint64_t n = next_; n > oldest_; --n) {
    const Entry& one = entry(n - 1);
    if (one.about != About::quarantined || text_of(one) != number) continue;
    return id_of(one) + '/' + std::to_string(one.message);
  }
  return {};
}

Explanation Journal::about(std::string_view id) const {
  std::string found;
  if (id.starts_with('q')) id = found = quarantined_as(id.substr(1));
  const std::optional<Wanted> wanted = parse(id);
  if (!wanted || wanted->session.empty()) return {};
  Explanation explanation;
  explanation.session = wanted->session;
  explanation.message = wanted->message;
  bool first = true;
  for (std::uint64_t n = oldest_; n < next_; ++n) {
    const Entry& one = entry(n);
    if (one.id != wanted->session.size() || id_of(one) != wanted->session) continue;
    if (std::exchange(first, false)) explanation.begins_later = one.about != About::arrival;
    if (wanted->message != 0 && one.message != wanted->message) continue;
    explanation.decisions.push_back(decision(one));
  }
  return explanation;
}

std::vector<SessionOfUser> Journal::sessions_of(std::string_view user) const {
  std::vector<SessionOfUser> sessions;
  const auto find = [&sessions](const std::string& id) {
    return std::ranges::find(sessions, id, &SessionOfUser::session);
  };
  for (std::uint64_t n = next_; n > oldest_ && sessions.size() < kMaxSessionsOfUser; --n) {
    const Entry& one = entry(n - 1);
    if (one.about != About::user || one.text != user.size()) continue;
    std::string name = text_of(one);
    std::string id = id_of(one);
    if (!same_name(name, user) || find(id) != sessions.end()) continue;
    sessions.push_back(
        {.session = std::move(id), .at = one.at, .user = std::move(name), .end = {}});
  }
  if (sessions.empty()) return sessions;
  for (std::uint64_t n = oldest_; n < next_; ++n) {
    const Entry& one = entry(n);
    if (one.about != About::arrival && one.about != About::end) continue;
    const auto session = find(id_of(one));
    if (session == sessions.end()) continue;
    session->at = std::min(session->at, one.at);
    if (one.about == About::end) session->end = text_of(one);
  }
  return sessions;
}

// ---- A page

void Journal::Page::note(About about, std::string_view text, std::string_view rule,
                         std::uint32_t message) {
  ++noted_;
  if (noted_ > kMaxOfSession && about != About::end) return;
  journal_.note(session_, about, text, rule, message);
}

}  // namespace gatepost
