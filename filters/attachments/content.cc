#include "filters/attachments/content.h"

#include <algorithm>
#include <utility>

namespace gatepost::filters {

Result<std::string> Content::text(std::uint64_t offset, std::size_t size) {
  std::string text;
  while (text.size() < size) {
    const auto piece = at(offset + text.size());
    if (!piece) return std::unexpected(piece.error());
    if (piece->empty()) break;
    text += piece->substr(0, size - text.size());
  }
  return text;
}

Result<void> Content::stream(const std::function<bool(std::string_view)>& sink) {
  for (std::uint64_t offset = 0; offset < size();) {
    const auto piece = at(offset);
    if (!piece) return std::unexpected(piece.error());
    if (piece->empty()) break;
    offset += piece->size();
    if (!sink(*piece)) break;
  }
  return {};
}

Result<PartContent> PartContent::open(const MessageText& text, std::uint64_t begin,
                                      std::uint64_t end, TransferEncoding encoding) {
  PartContent content(text, std::max(begin, end));
  Mark mark{begin, 0, ContentDecoder(encoding)};
  while (mark.raw < content.end_) {
    content.marks_.push_back(mark);
    if (auto decoded = content.decode(mark); !decoded) return std::unexpected(decoded.error());
  }
  content.size_ = mark.decoded;
  return content;
}

Result<void> PartContent::decode(Mark& mark) {
  piece_.clear();
  piece_begin_ = mark.decoded;
  const std::uint64_t end = std::min(mark.raw + kStep, end_);
  auto read = text_->read(mark.raw, end, [&](std::string_view raw) {
    mark.decoder.feed(raw, piece_);
    return true;
  });
  if (!read) return read;
  if (end == end_) mark.decoder.end(piece_);
  mark.raw = end;
  mark.decoded += piece_.size();
  return {};
}

Result<std::string_view> PartContent::at(std::uint64_t offset) {
  if (offset >= size_) return std::string_view();
  if (offset < piece_begin_ || offset >= piece_begin_ + piece_.size()) {
    // The last one that does not begin behind it: those before it may have decoded to nothing.
    const auto behind = std::ranges::upper_bound(marks_, offset, {}, &Mark::decoded);
    Mark mark = *std::prev(behind);
    if (auto decoded = decode(mark); !decoded) return std::unexpected(decoded.error());
  }
  if (offset - piece_begin_ >= piece_.size()) {
    return fail(ErrorCode::system, "an attachment changed while it was read");
  }
  return std::string_view(piece_).substr(static_cast<std::size_t>(offset - piece_begin_));
}

Result<void> ContentAsText::read(std::uint64_t begin, std::uint64_t end,
                                 const std::function<bool(std::string_view)>& sink) const {
  for (end = std::min(end, content_.size()); begin < end;) {
    const auto piece = content_.at(begin);
    if (!piece) return std::unexpected(piece.error());
    const std::string_view wanted = piece->substr(
        0, static_cast<std::size_t>(std::min<std::uint64_t>(end - begin, piece->size())));
    begin += wanted.size();
    if (!sink(wanted)) break;
  }
  return {};
}

}  // namespace gatepost::filters
