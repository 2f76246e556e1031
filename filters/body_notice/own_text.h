#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "filters/message/mime_scanner.h"

namespace gatepost::filters {

/// Where the text of a message itself stands: not that of attached files or messages.
struct OwnText {
  /// Parts that are text/plain or text/html to everybody: each alternative, the first part of
  /// another multipart, the root of multipart/related.
  std::vector<std::size_t> parts;
  /// Something in the message (attached messages aside) is signed or encrypted: multipart/signed
  /// and encrypted, S/MIME. Nothing may be put into it.
  bool is_protected = false;
  /// Readers may disagree about where the text stands.
  bool odd = false;
};
[[nodiscard]] OwnText find_own_text(const MimeStructure& structure);

/// Whether text has a line that begins what PGP signed or encrypted (RFC 9580 section 6.2). HTML
/// may have it anywhere.
[[nodiscard]] bool has_inline_pgp(std::string_view text);

/// Whether a text part is format=flowed (RFC 3676), judging by its Content-… fields.
[[nodiscard]] bool is_flowed(const MimePart& part);

/// Where in HTML a notice is put: behind <body>, or what takes its place; in front of </body>, or
/// at the end.
enum class NoticePlace : std::uint8_t { top, end };
[[nodiscard]] std::size_t place_in_html(std::string_view html, NoticePlace place);

}  // namespace gatepost::filters
