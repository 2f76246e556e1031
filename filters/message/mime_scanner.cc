#include "filters/message/mime_scanner.h"

#include <algorithm>
#include <utility>

#include "filters/message/header_scanner.h"

namespace gatepost::filters {

namespace {

/// Octets of a line that is no header: a boundary, and blanks behind it.
constexpr std::size_t kMaxLine = 2 * 1024;

/// Where LF "--" is, or npos. All mail runs through this loop: over blocks it becomes vector
/// instructions, whatever the text is made of.
std::size_t find_dashes(std::string_view text) {
  constexpr std::size_t kBlock = 64;
  const char* const data = text.data();
  std::size_t i = 0;
  for (; i + kBlock + 2 <= text.size(); i += kBlock) {
    const char* const block = data + i;
    unsigned char found = 0;
    for (std::size_t k = 0; k < kBlock; ++k) {
      found |= static_cast<unsigned char>((block[k] == '\n') & (block[k + 1] == '-') &
                                          (block[k + 2] == '-'));
    }
    if (found != 0) break;
  }
  return text.find("\n--", i);
}

/// How much of LF "--" `text`, which does not hold it, ends with.
unsigned dashes_at_end(std::string_view text) {
  if (text.ends_with('\n')) return 1;
  return text.ends_with("\n-") ? 2 : 0;
}

std::size_t octets_of(const std::vector<std::string>& texts) {
  std::size_t octets = 0;
  for (const std::string& text : texts) octets += sizeof(text) + text.capacity();
  return octets;
}

std::size_t octets_of(const MimePart& part) {
  return octets_of(part.types) + octets_of(part.names) + part.encodings.capacity() +
         part.charset.capacity() + part.protocol.capacity() + part.header.capacity();
}

bool starts_with_content(std::string_view line) {
  constexpr std::string_view kContent = "Content-";
  return same_name(line.substr(0, kContent.size()), kContent);
}

}  // namespace

bool is_message_type(std::string_view type) {
  return type == "message/rfc822" || type == "message/global" || type == "message/news";
}

bool MimePart::may_be(std::string_view wanted) const {
  return std::ranges::find(types, wanted) != types.end();
}

bool MimePart::is_multipart() const {
  return std::ranges::any_of(types,
                             [](const std::string& one) { return one.starts_with("multipart/"); });
}

bool MimePart::is_container() const {
  if (is_multipart()) return true;
  const bool plain = std::ranges::any_of(encodings, [](TransferEncoding encoding) {
    return encoding == TransferEncoding::identity || encoding == TransferEncoding::unknown;
  });
  return plain && std::ranges::any_of(types, is_message_type);
}

MimeScanner::MimeScanner() : boundaries_(kMaxBoundaries) { begin_part(0, true); }

void MimeScanner::feed(std::string_view piece) {
  while (!piece.empty()) {
    switch (state_) {
      case State::header:
      case State::preamble:
      case State::dashes:
        collect_line(piece);
        break;
      case State::body:
        search_body(piece);
        break;
      case State::stopped:
        offset_ += piece.size();
        return;
    }
  }
}

/// Takes the rest of a line, or all there is.
void MimeScanner::collect_line(std::string_view& piece) {
  const std::size_t line_end = piece.find('\n');
  const bool whole = line_end != std::string_view::npos;
  const std::string_view text = piece.substr(0, whole ? line_end + 1 : piece.size());
  if (line_.empty()) line_begin_ = offset_;
  piece.remove_prefix(text.size());
  offset_ += text.size();
  const std::size_t most = state_ == State::header ? kMaxField : kMaxLine;
  if (line_.empty() && whole && text.size() <= most) return on_line(text, offset_, false);
  const std::string_view held = text.substr(0, most - std::min(most, line_.size()));
  line_ += held;
  line_cut_ = line_cut_ || held.size() < text.size();
  if (!whole) return;
  const std::string line = std::exchange(line_, {});
  on_line(line, offset_, std::exchange(line_cut_, false));
}

void MimeScanner::search_body(std::string_view& piece) {
  if (boundaries_.empty()) {
    offset_ += piece.size();
    matched_ = 0;
    piece = {};
    return;
  }
  if (matched_ == 1 && piece == "-") {  // one more of LF "--", and nothing else
    matched_ = 2;
    ++offset_;
    piece = {};
    return;
  }
  if (matched_ == 1 && piece.starts_with("--")) {
    state_ = State::dashes;
    return;
  }
  if (matched_ == 2 && piece.starts_with('-')) {
    state_ = State::dashes;
    line_begin_ = offset_ - 1;
    line_ = "-";
    return;
  }
  const std::size_t found = find_dashes(piece);
  const bool dashes = found != std::string_view::npos;
  const std::size_t taken = dashes ? found + 1 : piece.size();
  matched_ = dashes ? 1 : dashes_at_end(piece);
  if (dashes) state_ = State::dashes;
  offset_ += taken;
  piece.remove_prefix(taken);
}

void MimeScanner::on_line(std::string_view line, std::uint64_t end, bool cut) {
  if (state_ == State::header) return on_header_line(line, end, cut);
  if (line.starts_with("--") && on_boundary(line.substr(2), end)) return;
  matched_ = 1;
  if (state_ == State::dashes) {
    state_ = State::body;
  } else if (starts_with_content(line)) {
    part_at(level()).odd = true;  // text that looks like a part
  }
}

void MimeScanner::on_header_line(std::string_view line, std::uint64_t end, bool cut) {
  if (line.starts_with("--")) {
    header_.finish_field();
    add_boundaries();
    if (state_ == State::stopped || on_boundary(line.substr(2), end)) return;
  }
  const std::uint64_t begin = line_begin_;
  const std::optional<std::uint64_t> body_begin = header_.line(line, begin, end, cut);
  add_boundaries();
  if (header_.too_large() || headers_ + header_.kept() > kMaxHeaders) stop();
  if (body_begin && state_ != State::stopped) end_header(*body_begin);
}

/// Looks for the boundaries that the header has named so far.
void MimeScanner::add_boundaries() {
  const std::vector<std::string>& all = header_.boundaries();
  for (; added_boundaries_ < all.size() && state_ != State::stopped; ++added_boundaries_) {
    if (!boundaries_.add(all[added_boundaries_], level())) stop();
  }
}

/// Whether the line is a boundary that counts.
bool MimeScanner::on_boundary(std::string_view line, std::uint64_t end) {
  const std::optional<MimeBoundaries::Match> match = boundaries_.find(line);
  if (!match) return false;
  const std::uint64_t begin = line_begin_;
  if (state_ == State::header && match->level == level()) {
    // The part's own: its header ends here, without an empty line.
    if (!header_.may_be_multipart()) return false;
    end_header(begin);
    if (state_ == State::stopped) return true;
    part_at(match->level).odd = true;
  }
  end_parts(match->level + 1, begin, begin < 2 ? 0 : begin - 2);
  if (state_ == State::stopped) return true;
  MimePart& multipart = part_at(match->level);
  multipart.odd = multipart.odd || !match->exact || (multipart.closed && !match->last);
  if (match->last) {
    multipart.closed = true;
    boundaries_.set_over(match->level);
    state_ = State::body;
    matched_ = 1;
  } else {
    begin_part(end, false);
  }
  return true;
}

void MimeScanner::begin_part(std::uint64_t begin, bool message) {
  if (structure_.parts.size() == kMaxParts || open_.size() > kMaxDepth) return stop();
  MimePart part;
  part.parent = open_.empty() ? MimePart::kNone : open_.back();
  part.depth = static_cast<unsigned>(open_.size());
  part.header_begin = begin;
  part.odd = message && !open_.empty() && part_at(level()).is_multipart();
  open_.push_back(structure_.parts.size());
  structure_.parts.push_back(std::move(part));
  header_ = MimeHeader(message);
  added_boundaries_ = 0;
  in_header_ = true;
  state_ = State::header;
}

/// The header of the last part is over.
void MimeScanner::fill_part(std::uint64_t body_begin) {
  MimePart& part = part_at(level());
  part.body_begin = body_begin;
  header_.fill(part, level() > 0 ? &part_at(level() - 1) : nullptr);
  in_header_ = false;
  headers_ += part.header.size();
  held_ += octets_of(part);
  if (header_.too_large() || headers_ > kMaxHeaders) stop();
  header_ = MimeHeader();
}

void MimeScanner::end_header(std::uint64_t body_begin) {
  fill_part(body_begin);
  if (state_ == State::stopped) return;
  const MimePart& part = part_at(level());
  if (!part.is_multipart()) boundaries_.remove_from(level());
  const bool preamble = part.is_multipart() && added_boundaries_ > 0;
  state_ = preamble ? State::preamble : State::body;
  matched_ = 1;
  const bool message = std::ranges::any_of(part.types, is_message_type);
  if (message && part.is_container()) begin_part(body_begin, true);
}

/// Ends the parts from `first` down: before the line that begins at `line_begin` their text is over
/// at `text_end`, unless their bodies had not begun by then.
void MimeScanner::end_parts(std::size_t first, std::uint64_t line_begin, std::uint64_t text_end) {
  if (in_header_ && level() >= first) fill_part(header_.end_without_line(line_begin));
  std::uint64_t end = text_end;
  while (open_.size() > first) {
    MimePart& part = part_at(level());
    end = std::max(end, part.body_begin);
    part.body_end = end;
    part.odd = part.odd || (!part.closed && first > 0);  // not all look for the outer boundary
    open_.pop_back();
  }
  boundaries_.remove_from(first);
}

void MimeScanner::stop() {
  structure_.too_complex = true;
  state_ = State::stopped;
  line_.clear();
}

void MimeScanner::end() {
  if (!line_.empty()) on_line(std::exchange(line_, {}), offset_, std::exchange(line_cut_, false));
  end_parts(0, offset_, offset_);
  state_ = State::stopped;
}

std::size_t MimeScanner::held() const {
  return held_ + structure_.parts.capacity() * sizeof(MimePart) +
         open_.capacity() * sizeof(std::size_t) + line_.capacity() + header_.held() +
         boundaries_.held();
}

MimeStructure mime_structure(std::string_view message) {
  MimeScanner scanner;
  scanner.feed(message);
  scanner.end();
  return scanner.take_structure();
}

}  // namespace gatepost::filters
