#include "filters/message/mime_boundaries.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace gatepost::filters {

namespace {

std::string_view without_end(std::string_view line) {
  return line.substr(0, line.find_last_not_of(" \t\r\n") + 1);
}

std::size_t common_size(std::string_view one, std::string_view other) {
  const auto found = std::ranges::mismatch(one, other);
  return static_cast<std::size_t>(found.in1 - one.begin());
}

}  // namespace

std::optional<MimeBoundaries::Match> MimeBoundaries::find(std::string_view line) const {
  const std::string_view text = without_end(line);
  const bool possible =
      has_empty_ || (!text.empty() && first_.test(static_cast<unsigned char>(text.front())));
  if (!possible) return std::nullopt;
  // All that `text` begins with are also what the last entry before it begins with.
  const auto behind = std::ranges::upper_bound(
      entries_, text, {}, [](const Entry& entry) { return std::string_view(entry.text); });
  if (behind == entries_.begin()) return std::nullopt;
  auto at = static_cast<std::size_t>(behind - entries_.begin()) - 1;
  const std::size_t common = common_size(entries_[at].text, text);

  std::optional<Match> over;   // an exact one of a multipart that is over
  std::optional<Match> begun;  // the text goes on behind it
  for (; at != kNone; at = entries_[at].shorter) {
    const Entry& entry = entries_[at];
    if (entry.text.size() > common) continue;
    const std::string_view rest = text.substr(entry.text.size());
    const Match match{entry.level, rest.starts_with("--"), rest.empty() || rest == "--"};
    if (match.exact && !entry.over) return match;
    if (match.exact && !over) over = match;
    // What every line of dashes begins with is no beginning.
    if (!match.exact && !begun && !entry.text.empty()) begun = match;
  }
  return over ? over : begun;
}

bool MimeBoundaries::add(std::string text, std::size_t level) {
  const auto key = [](const Entry& entry) { return std::tie(entry.text, entry.level); };
  const auto place = std::ranges::lower_bound(entries_, std::tie(text, level), {}, key);
  if (place != entries_.end() && place->text == text && place->level == level) return true;
  if (entries_.size() == most_) return false;
  entries_.insert(place, Entry{std::move(text), level, false, kNone});
  connect();
  return true;
}

void MimeBoundaries::set_over(std::size_t level) {
  for (Entry& entry : entries_) {
    if (entry.level == level) entry.over = true;
  }
}

void MimeBoundaries::remove_from(std::size_t level) {
  if (std::erase_if(entries_, [level](const Entry& entry) { return entry.level >= level; }) > 0) {
    connect();
  }
}

std::size_t MimeBoundaries::held() const {
  std::size_t octets = entries_.capacity() * sizeof(Entry);
  for (const Entry& entry : entries_) octets += entry.text.capacity();
  return octets;
}

void MimeBoundaries::connect() {
  first_.reset();
  has_empty_ = false;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    if (entry.text.empty()) {
      has_empty_ = true;
    } else {
      first_.set(static_cast<unsigned char>(entry.text.front()));
    }
    std::size_t shorter = i == 0 ? kNone : i - 1;
    while (shorter != kNone && !entry.text.starts_with(entries_[shorter].text)) {
      shorter = entries_[shorter].shorter;
    }
    entry.shorter = shorter;
  }
}

}  // namespace gatepost::filters
