#include "filters/rewrite/quoted_splices.h"

#include <algorithm>

#include "filters/message/content_coding.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::filters {

namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kSoftBreak = "=\r\n";

/// A piece of the raw text that stands for so many octets.
struct Unit {
  std::size_t raw;
  std::size_t decoded;
};

Unit unit_at(std::string_view rest) {
  if (rest.front() == '=') {
    if (rest.size() > 2 && pop3::hex_value(rest[1]) >= 0 && pop3::hex_value(rest[2]) >= 0)
      return {3, 1};
    const std::size_t end = rest.find_first_not_of(" \t", 1);
    if (end != std::string_view::npos && rest.substr(end).starts_with(kLineEnd)) {
      return {end + kLineEnd.size(), 0};
    }
    return {1, 1};
  }
  if (rest.front() == ' ' || rest.front() == '\t') {
    const std::size_t end = rest.find_first_not_of(" \t");
    if (end == std::string_view::npos) return {rest.size(), 0};
    if (rest.substr(end).starts_with(kLineEnd)) return {end, 0};
  }
  return {1, 1};
}

/// `text` for a place behind `before` and in front of `after`.
std::string written(std::string_view before, std::string_view text, std::string_view after) {
  std::string written;
  if (!before.empty() && !before.ends_with('\n')) written += kSoftBreak;
  written += encode_quoted_printable(text);
  const bool line_goes_on = !after.empty() && !after.starts_with(kLineEnd);
  if (line_goes_on && !text.ends_with(kLineEnd)) written += kSoftBreak;
  return written;
}

}  // namespace

std::optional<std::vector<Splice>> quoted_splices(std::string_view raw, std::size_t decoded,
                                                  const std::vector<Insertion>& insertions) {
  std::vector<Splice> splices;
  auto next = insertions.begin();
  std::size_t at = 0;
  std::size_t seen = 0;
  std::size_t line_of_blanks =
      0;  // up to where unit_at() need not look for the end of blanks again
  for (;;) {
    for (; next != insertions.end() && next->offset == seen; ++next) {
      splices.push_back({at, 0, written(raw.substr(0, at), next->text, raw.substr(at))});
    }
    if (at == raw.size()) break;
    const bool plain = at < line_of_blanks;
    const Unit unit = plain ? Unit{1, 1} : unit_at(raw.substr(at));
    if (!plain && unit.decoded == 1 && unit.raw == 1) {
      // Blanks in the middle of a line: the whole run is text.
      line_of_blanks = std::max(at + 1, std::min(raw.find_first_not_of(" \t", at), raw.size()));
    }
    at += unit.raw;
    seen += unit.decoded;
  }
  if (next != insertions.end() || seen != decoded) return std::nullopt;
  return splices;
}

}  // namespace gatepost::filters
