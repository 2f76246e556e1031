#include "filters/attachments/zip_headers.h"

#include <string>

#include "filters/attachments/octets.h"

namespace gatepost::filters {

namespace {

constexpr std::size_t kMore = static_cast<std::size_t>(-1);
constexpr std::size_t kLocal = 30;
constexpr std::size_t kCentral = 46;

/// Numbers that were given to methods of compression (APPNOTE.TXT 4.4.5).
bool is_method(unsigned method) { return method <= 20 || (method >= 93 && method <= 99); }

}  // namespace

std::size_t ZipHeaders::header(std::string_view text, const Sink& sink) {
  if (text.size() < 4)
    return std::string_view("PK\3\4").starts_with(text) ||
                   std::string_view("PK\1\2").starts_with(text)
               ? kMore
               : 0;
  Header header;
  header.central = text.starts_with("PK\1\2");
  if (!header.central && !text.starts_with("PK\3\4")) return 0;
  const std::size_t fixed = header.central ? kCentral : kLocal;
  if (text.size() < fixed) return kMore;
  const std::size_t begin = header.central ? 8 : 6;  // flags, method, time, CRC, sizes, length
  const unsigned flags = little16(text, begin);
  const std::size_t length = little16(text, begin + 20);
  if (!is_method(little16(text, begin + 2)) || length == 0 || length > kMaxEntryName) return 0;
  if (text.size() < fixed + length) return kMore;
  constexpr unsigned kEncrypted = 1U;
  constexpr unsigned kSizesFollow = 1U << 3U;
  header.name = text.substr(fixed, length);
  header.encrypted = (flags & kEncrypted) != 0;
  const bool empty = little32(text, begin + 12) == 0 && (flags & kSizesFollow) == 0;
  header.folder = empty && (header.name.back() == '/' || header.name.back() == '\\');
  ++(header.central ? central_ : local_);
  const std::uint64_t hash = std::hash<std::string_view>()(header.name);
  names_ += header.central ? 0 - hash : hash;
  sink(header);
  return fixed + length;
}

std::size_t ZipHeaders::scan(std::string_view text, bool last, const Sink& sink) {
  // What a header calls its name may hold another header: one may be made up to hide the other.
  for (std::size_t at = text.find('P'); at != std::string_view::npos; at = text.find('P', at + 1)) {
    if (header(text.substr(at), sink) == kMore && !last) return at;
  }
  return text.size();
}

void ZipHeaders::feed(std::string_view piece, const Sink& sink) {
  // Nearly always nothing is held, and the piece is not copied.
  if (held_.empty()) {
    held_ = piece.substr(scan(piece, false, sink));
    return;
  }
  held_ += piece;
  held_.erase(0, scan(held_, false, sink));
}

void ZipHeaders::end(const Sink& sink) {
  (void)scan(held_, true, sink);
  held_.clear();
}

}  // namespace gatepost::filters
