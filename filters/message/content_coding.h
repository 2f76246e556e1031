#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gatepost::filters {

/// How the text of a part is written down (Content-Transfer-Encoding, RFC 2045 section 6).
enum class TransferEncoding : std::uint8_t {
  identity,          ///< 7bit, 8bit, binary, none
  quoted_printable,  ///< RFC 2045 section 6.7
  base64,            ///< RFC 2045 section 6.8
  uuencode,          ///< x-uuencode, x-uue, uuencode
  unknown,           ///< another word: mail programs show the text as it is, or not at all
};

/// What a mail program makes of the value of a Content-Transfer-Encoding field.
[[nodiscard]] TransferEncoding transfer_encoding(std::string_view value);

/// Decodes what streams through it, forgiving as the most forgiving mail programs: base64 skips
/// what is not of its alphabet and goes on behind padding; quoted-printable leaves a "=" that means
/// nothing; uuencode reads every "begin … end" it finds. Holds a line's end at most.
class ContentDecoder {
 public:
  explicit ContentDecoder(TransferEncoding encoding) : encoding_(encoding) {}
  /// Appends what `raw` decodes to.
  void feed(std::string_view raw, std::string& out);
  /// Nothing follows.
  void end(std::string& out);

 private:
  void feed_base64(std::string_view raw, std::string& out);
  void feed_quoted_printable(std::string_view raw, std::string& out);
  void feed_uuencode(std::string_view raw, std::string& out);
  TransferEncoding encoding_;
  std::string held_;
  std::uint32_t bits_ = 0;
  unsigned count_ = 0;
  bool in_file_ = false;  // uuencode
};

/// All of `raw` at once.
[[nodiscard]] std::string decode_content(TransferEncoding encoding, std::string_view raw);

/// In lines of 76 with CRLF, the last one too; "" for nothing.
[[nodiscard]] std::string encode_base64_lines(std::string_view content);
/// Text with CRLF line ends as quoted-printable: lines of at most 76, blanks at the end of a line
/// encoded, so is a line that a mail program or POP3 may take for something else ("From ", ".").
[[nodiscard]] std::string encode_quoted_printable(std::string_view text);

}  // namespace gatepost::filters
