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

void ZipHeaders::feed(std::string_view piece, const Sink& sink) {
  // Nearly always nothing is held, and the piece is not copied.
  const bool copied = !held_.empty();
  if (copied) held_ += piece;
  const std::string_view text = copied ? std::string_view(held_) : piece;
  std::size_t at = 0;
  std::size_t keep = text.size();
  while ((at = text.find('P', at)) != std::string_view::npos) {
    const std::size_t size = header(text.substr(at), sink);
    if (size == kMore) {
      keep = at;
      break;
    }
    at += size == 0 ? 1 : size;
  }
  if (copied) {
    held_.erase(0, keep);
  } else {
    held_.assign(text.substr(keep));
  }
}

}  // namespace gatepost::filters
