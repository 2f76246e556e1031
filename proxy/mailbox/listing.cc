#include "proxy/mailbox/listing.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

namespace gatepost::mailbox {

namespace {

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (problem != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace

std::optional<ListingLine> ListingLine::parse(std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  const std::size_t blank = line.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  const auto first = gatepost::mailbox::number(line.substr(0, blank));
  const std::size_t begin = line.find_first_not_of(' ', blank);
  if (!first || begin == std::string_view::npos) return std::nullopt;
  const std::size_t end = std::min(line.find(' ', begin), line.size());
  return ListingLine{*first, line.substr(begin, end - begin)};
}

std::optional<std::uint64_t> ListingLine::octets() const {
  return gatepost::mailbox::number(value);
}

void ListingReader::feed(const ByteChain& in) {
  for (const Slice& slice : in.slices()) feed(slice.view());
}

void ListingReader::feed(std::string_view piece) {
  while (!piece.empty()) {
    // CRLF ends a line, nothing else: as for who found the end of the reply.
    const std::size_t lf = piece.find('\n');
    const bool found = lf != std::string_view::npos;
    const bool ends = found && (lf > 0 ? piece[lf - 1] == '\r' : after_cr_);
    const std::string_view part = piece.substr(0, found ? lf + 1 : piece.size());
    piece.remove_prefix(part.size());
    after_cr_ = part.back() == '\r';
    if (begun_.empty() && ends) {
      hand_on(part, true);
      continue;
    }
    begun_ += part;
    if (ends || begun_.size() > kMaxLine) {
      hand_on(begun_, ends);
      begun_.clear();
    }
  }
}

void ListingReader::hand_on(std::string_view line, bool ends) {
  const bool whole = ends && !too_long_ && line.size() <= kMaxLine;
  too_long_ = !ends;
  // The decoder ends the reply there, so no other line can be one.
  if (whole && line == ".\r\n") return;
  visit_(line, whole);
}

}  // namespace gatepost::mailbox
