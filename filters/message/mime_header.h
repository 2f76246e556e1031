#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/message/content_coding.h"
#include "filters/message/mime_fields.h"

namespace gatepost::filters {

struct MimePart;

/// Reads the header of one part, line by line, and keeps what its Content-… fields say.
class MimeHeader {
 public:
  /// `message`: it is a message's header, before which some readers skip empty lines.
  explicit MimeHeader(bool message = true) : message_(message) {}

  /// A line with its line end; `begin` is its offset, `cut` says that its end is missing. Returns
  /// where the body begins when the header is over: behind this line if it is an empty one.
  [[nodiscard]] std::optional<std::uint64_t> line(std::string_view line, std::uint64_t begin,
                                                  std::uint64_t end, bool cut);
  /// The header is over at `end` without an empty line: where the body begins all the same.
  [[nodiscard]] std::uint64_t end_without_line(std::uint64_t end);
  /// A field is over that may have gone on.
  void finish_field();

  /// Whether some reading of the fields so far is a multipart; and its boundaries.
  [[nodiscard]] bool may_be_multipart() const;
  [[nodiscard]] const std::vector<std::string>& boundaries() const { return type_.boundaries; }
  /// Octets of the fields that are kept, so far.
  [[nodiscard]] std::size_t kept() const { return kept_.size(); }
  [[nodiscard]] bool too_large() const { return too_large_; }
  /// Octets held at the moment.
  [[nodiscard]] std::size_t held() const;
  /// Writes down what it says; without a type it depends on the part around it, if there is one.
  void fill(MimePart& part, const MimePart* parent);

 private:
  void read_field(std::string_view name, std::string_view value);
  void read_type(std::string_view value);
  bool message_;
  bool begun_ = false;  // a line that is not empty was seen
  bool odd_ = false;
  bool too_large_ = false;
  bool typed_ = false;  // a Content-Type was seen
  bool attachment_ = false;
  std::string field_;  // with its lines so far; empty: not one that matters
  std::string kept_;
  std::optional<std::uint64_t> empty_line_end_;  // of the first of those before the header
  std::optional<std::uint64_t> no_field_;        // the first line that is none
  MimeField type_;                               // all Content-Type fields
  std::vector<std::string> names_;               // of Content-Disposition
  std::vector<TransferEncoding> encodings_;
};

}  // namespace gatepost::filters
