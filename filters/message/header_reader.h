#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "filters/message/header_scanner.h"
#include "proxy/base/bytes.h"

namespace gatepost::filters {

/// What the header of a message says, as far as the gateway wants to know. Texts are raw and
/// unfolded by nobody: readable_field() makes them fit for people.
struct HeaderFacts {
  std::string from, subject, date;  ///< the first field of that name, cut to kMaxFieldText
  /// It is, or may be taken for, a piece of a message that was cut in several (message/partial, RFC
  /// 2046 section 5.2.2), of which no piece shows a scanner what it is.
  bool partial = false;
  /// The header exceeds a limit of HeaderReader: nobody knows what it says.
  bool too_large = false;
};

/// Whether some mail program may take a message with this Content-Type (the text behind the colon)
/// for message/partial: comments, quotes, blanks, folding, encoded words and control characters are
/// seen through, and of several readings the dangerous one counts.
[[nodiscard]] bool may_be_partial(std::string_view content_type);

/// Reads the header of a message that passes by; it neither keeps nor changes the message. Where
/// readers differ it takes the dangerous reading: empty lines before the header are skipped, lines
/// that are no fields too, and every Content-Type counts when there are several. One that is longer
/// than HeaderScanner::kMaxField makes the header too large.
class HeaderReader {
 public:
  /// Octets and fields of a header; in a larger one the rest is not read.
  static constexpr std::size_t kMaxHeader = 1024 * 1024;
  static constexpr std::size_t kMaxFields = 10'000;

  /// The next piece of the canonical message. Costs nothing once the header is over.
  void feed(const ByteChain& text);
  /// The message is over.
  void end();
  /// Whether the header is over.
  [[nodiscard]] bool done() const { return done_; }
  /// Complete when done().
  [[nodiscard]] const HeaderFacts& facts() const { return facts_; }

 private:
  void read(bool last);
  void look(std::string_view text);
  void skip_empty_lines();
  void finish();
  bool done_ = false;
  bool begun_ = false;  // what is not an empty line was seen
  bool in_content_type_ = false;
  std::uint64_t skipped_ = 0;  // octets of empty lines
  ByteChain unread_;
  HeaderScanner scanner_;
  HeaderFacts facts_;
};

}  // namespace gatepost::filters
