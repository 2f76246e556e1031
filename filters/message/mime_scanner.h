#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "filters/message/content_coding.h"
#include "filters/message/mime_boundaries.h"
#include "filters/message/mime_header.h"

namespace gatepost::filters {

/// One part of a message (RFC 2045, 2046), as offsets into it. Where two mail programs may read
/// differently, every reading stands in the lists, the one of a strict reader first.
struct MimePart {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  std::size_t parent = kNone;  ///< kNone: the message itself
  unsigned depth = 0;
  std::uint64_t header_begin = 0;
  std::uint64_t body_begin = 0;  ///< behind the empty line
  std::uint64_t body_end = 0;    ///< without the CRLF that belongs to the boundary behind it
  /// Types that were declared, in lower case, "text/html"; never empty: "text/plain" where there is
  /// none, "message/rfc822" in a digest.
  std::vector<std::string> types;
  std::vector<TransferEncoding> encodings;  ///< never empty
  /// Names of the file: Content-Disposition, Content-Type, RFC 2231 (continued, with and without
  /// charset), encoded words; UTF-8, otherwise as they are, at most kMaxName octets each.
  std::vector<std::string> names;
  std::string charset;      ///< in lower case; "" when none is said
  std::string protocol;     ///< of multipart/signed and encrypted, in lower case
  std::string header;       ///< its Content-… fields, raw with all their lines
  bool attachment = false;  ///< Content-Disposition says attachment
  bool closed = true;       ///< not so: a multipart whose last boundary did not come
  bool odd = false;         ///< readers may disagree about it

  static constexpr std::size_t kMaxName = 1024;
  [[nodiscard]] const std::string& type() const { return types.front(); }
  [[nodiscard]] bool may_be(std::string_view type) const;  ///< any reading
  [[nodiscard]] bool is_multipart() const;                 ///< any reading
  /// It may have parts of its own: a multipart, or an attached message that is not encoded.
  [[nodiscard]] bool is_container() const;
};

/// Whether what has this type is a message: message/rfc822, global, news.
[[nodiscard]] bool is_message_type(std::string_view type);

/// The parts of a message, in the order in which they begin; the first is the message itself.
struct MimeStructure {
  std::vector<MimePart> parts;
  /// A limit of MimeScanner was reached: there is more, and nobody has looked at it.
  bool too_complex = false;
};

/// Finds the parts of a message that streams by, canonical, in bounded memory. Attached messages
/// (message/rfc822, message/global) are opened as long as they are not encoded.
///
/// Dangerous readings count: every Content-Type where there are several, with every boundary of
/// them (quoted, unquoted, RFC 2231 and continued, with comments); a boundary of an outer multipart
/// ends the inner ones; a multipart without its last boundary ends with what is around it; a part
/// without an empty line is a header and a body all the same; lines that are no fields are skipped.
class MimeScanner {
 public:
  static constexpr std::size_t kMaxParts = 5'000;
  static constexpr unsigned kMaxDepth = 64;
  /// Octets of Content-… fields held, of all parts together; and of one field.
  static constexpr std::size_t kMaxHeaders = 1024 * 1024;
  static constexpr std::size_t kMaxField = 64 * 1024;
  /// Boundaries that are looked for at a time.
  static constexpr std::size_t kMaxBoundaries = 128;

  MimeScanner();
  /// The next piece, cut anywhere.
  void feed(std::string_view piece);
  void end();
  /// Complete after end().
  [[nodiscard]] const MimeStructure& structure() const { return structure_; }
  [[nodiscard]] MimeStructure take_structure() { return std::move(structure_); }
  /// Octets held at the moment, the structure included.
  [[nodiscard]] std::size_t held() const;

 private:
  enum class State : std::uint8_t {
    header,    // of the last part
    preamble,  // of a multipart: lines before its first boundary
    body,      // text, in which only lines that begin with "--" matter
    dashes,    // in such a line
    stopped,   // by a limit
  };
  void collect_line(std::string_view& piece);
  void search_body(std::string_view& piece);
  void on_line(std::string_view line, std::uint64_t end, bool cut);
  void on_header_line(std::string_view line, std::uint64_t end, bool cut);
  [[nodiscard]] bool on_boundary(std::string_view line, std::uint64_t end);
  void begin_part(std::uint64_t begin, bool message);
  void end_header(std::uint64_t body_begin);
  void fill_part(std::uint64_t body_begin);
  void end_parts(std::size_t first, std::uint64_t line_begin, std::uint64_t text_end);
  void add_boundaries();
  void stop();
  [[nodiscard]] std::size_t level() const { return open_.size() - 1; }
  [[nodiscard]] MimePart& part_at(std::size_t level) { return structure_.parts[open_[level]]; }

  MimeStructure structure_;
  State state_ = State::header;
  std::vector<std::size_t> open_;  // the parts from the message down to the one we are in
  MimeBoundaries boundaries_;
  std::size_t added_boundaries_ = 0;  // of header_
  MimeHeader header_;                 // of the last part
  bool in_header_ = false;            // it is not over
  std::uint64_t offset_ = 0;          // of what comes next
  std::string line_;                  // what came of it before this piece
  std::uint64_t line_begin_ = 0;
  bool line_cut_ = false;    // it is longer than what is held of it
  unsigned matched_ = 0;     // octets of LF "--" at the end of what came of the body
  std::size_t headers_ = 0;  // octets in all `header`s
  std::size_t held_ = 0;     // octets of finished parts
};

/// Of a message that is in memory.
[[nodiscard]] MimeStructure mime_structure(std::string_view message);

}  // namespace gatepost::filters
