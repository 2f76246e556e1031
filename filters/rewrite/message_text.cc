#include "filters/rewrite/message_text.h"

#include <algorithm>

namespace gatepost::filters {

Result<std::string> MessageText::text(std::uint64_t begin, std::uint64_t end) const {
  std::string text;
  auto done = read(begin, end, [&text](std::string_view piece) {
    text += piece;
    return true;
  });
  if (!done) return std::unexpected(done.error());
  return text;
}

Result<std::string> MessageText::content(const MimePart& part, TransferEncoding encoding,
                                         std::size_t most) const {
  std::string content;
  ContentDecoder decoder(encoding);
  auto done = read(part.body_begin, part.body_end, [&](std::string_view piece) {
    decoder.feed(piece, content);
    return content.size() < most;
  });
  if (!done) return std::unexpected(done.error());
  if (content.size() < most) decoder.end(content);
  if (content.size() > most) content.resize(most);
  return content;
}

Result<void> TextInMemory::read(std::uint64_t begin, std::uint64_t end,
                                const std::function<bool(std::string_view)>& sink) const {
  const std::uint64_t from = std::min<std::uint64_t>(begin, text_.size());
  const std::uint64_t to = std::clamp<std::uint64_t>(end, from, text_.size());
  if (to > from) sink(text_.substr(from, to - from));
  return {};
}

}  // namespace gatepost::filters
