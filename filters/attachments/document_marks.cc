#include "filters/attachments/document_marks.h"

#include <algorithm>

#include "filters/attachments/octets.h"

namespace gatepost::filters {

namespace {

using namespace std::string_view_literals;

// Names of streams stand in the directory of an OLE file, in UTF-16.
constexpr auto kPackage = "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0"sv;
constexpr auto kVba = "_\0V\0B\0A\0_\0P\0R\0O\0J\0E\0C\0T\0"sv;
constexpr auto kPdfEncrypt = "/Encrypt"sv;
constexpr auto kManifest = ":encryption-data"sv;  // ODF 1.2, part 3, 3.4.1
constexpr std::size_t kTail = kPackage.size() - 1;

bool has(std::string_view text, std::string_view mark) {
  return text.find(mark) != std::string_view::npos;
}

}  // namespace

void DocumentMarks::feed(std::string_view piece) {
  if (beginning_.size() < kBeginning) {
    beginning_ += piece.substr(0, kBeginning - beginning_.size());
  }
  // Once across the cut, once in the piece, so that it is not copied.
  const auto look = [this](std::string_view text) {
    package_ = package_ || has(text, kPackage);
    vba_ = vba_ || has(text, kVba);
    pdf_encrypt_ = pdf_encrypt_ || has(text, kPdfEncrypt);
    manifest_ = manifest_ || has(text, kManifest);
  };
  look(tail_ + std::string(piece.substr(0, kTail)));
  look(piece);
  tail_ += piece.substr(piece.size() - std::min(piece.size(), kTail));
  tail_.erase(0, tail_.size() - std::min(tail_.size(), kTail));
}

bool DocumentMarks::is_ole() const {
  return beginning_.starts_with("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
}

/// What Word and Excel say in the first octets of their stream, which usually is the first sector.
bool DocumentMarks::is_old_encrypted() const {
  const std::string_view stream =
      std::string_view(beginning_).substr(std::min<std::size_t>(512, beginning_.size()));
  if (little16(stream, 0) == 0xa5ec) return (little16(stream, 10) & 0x100U) != 0;  // [MS-DOC] FIB
  // [MS-XLS]: BOF, then FilePass.
  return little16(stream, 0) == 0x809 && little16(stream, 4U + little16(stream, 2)) == 0x2f;
}

bool DocumentMarks::encrypted() const {
  if (is_ole()) return package_ || is_old_encrypted();
  const bool pdf = has(beginning_, "%PDF-");
  return (pdf && pdf_encrypt_) || (manifest_ && has(beginning_, "<manifest:manifest"));
}

bool DocumentMarks::macros() const { return is_ole() && vba_; }

}  // namespace gatepost::filters
