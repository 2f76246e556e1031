#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/bytes.h"

namespace gatepost::http {

/// First line and fields of a message (RFC 9112 section 2.1; ICAP has the same form).
struct Head {
  std::string first_line;
  std::vector<std::pair<std::string, std::string>> fields;  ///< values without blanks at their ends

  /// The value of the only field of that name, in any case; nothing if there is none or several.
  [[nodiscard]] std::optional<std::string_view> only(std::string_view name) const;
  /// The first one.
  [[nodiscard]] std::optional<std::string_view> first(std::string_view name) const;
  [[nodiscard]] std::size_t count(std::string_view name) const;
  /// Whether a list "a, b" in the fields of that name has `word`, in any case.
  [[nodiscard]] bool lists(std::string_view name, std::string_view word) const;
};

/// "HTTP/1.1 200 OK" of RFC 9112 section 4; `protocol` is "HTTP" or "ICAP".
struct StatusLine {
  int minor = 0;  ///< of version 1
  int status = 0;
  [[nodiscard]] static std::optional<StatusLine> parse(std::string_view line,
                                                       std::string_view protocol);
};

/// Only digits, no sign, at most 2^53 (Content-Length, an offset, a number of seconds).
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view digits);

/// Bytes in, one head out: no I/O. CRLF ends a line and nothing else does; control characters,
/// blanks before a colon and names that are none are refused. A folded value is unfolded.
class HeadReader {
 public:
  /// Octets of a head with its line ends.
  static constexpr std::size_t kMaxHeader = 32 * 1024;

  enum class Event : std::uint8_t { need_data, head, refused };

  /// `fold` stands where a value was folded.
  explicit HeadReader(char fold = ' ') : fold_(fold) {}

  /// Takes from `in` what belongs to the head, up to the empty line.
  [[nodiscard]] Event next(ByteChain& in);
  /// Valid after `head`.
  [[nodiscard]] Head& head() { return head_; }
  /// Whether it has taken anything.
  [[nodiscard]] bool begun() const { return !text_.empty(); }

 private:
  [[nodiscard]] bool parse();
  [[nodiscard]] bool parse_field(std::string_view line);
  char fold_;
  std::string text_;  // a copy: heads are parsed flat, and short
  std::optional<Event> done_;
  Head head_;
};

}  // namespace gatepost::http
