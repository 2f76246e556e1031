#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"

namespace gatepost::mailbox {

/// "2 200 more": the number and the first word behind it. Null for what is no such line.
struct ListingLine {
  std::uint64_t number = 0;
  std::string_view value;

  [[nodiscard]] static std::optional<ListingLine> parse(std::string_view line);
  /// The value, if it is a number and nothing else.
  [[nodiscard]] std::optional<std::uint64_t> octets() const;
};

/// Goes through the body of a LIST or UIDL (RFC 1939 sections 5 and 7) as it streams by, line by
/// line, whole as upstream sends it (DotDecoder::Form::as_sent).
class ListingReader {
 public:
  /// Octets of a line with CRLF. RFC 1939 has no longer ones; beyond it a line is not whole.
  static constexpr std::size_t kMaxLine = 512;

  /// Gets every line but the final dot, with CRLF, or the beginning of one that is too long.
  /// `whole`: the line can be parsed. Pieces that follow in a line that is too long are not whole.
  using Visit = std::move_only_function<void(std::string_view line, bool whole)>;

  explicit ListingReader(Visit visit) : visit_(std::move(visit)) {}
  void feed(const ByteChain& in);

 private:
  void feed(std::string_view piece);
  void hand_on(std::string_view line, bool ends);

  Visit visit_;
  std::string begun_;      // of a line
  bool after_cr_ = false;  // the octet before was one
  bool too_long_ = false;  // the line under way is handed on in pieces
};

}  // namespace gatepost::mailbox
