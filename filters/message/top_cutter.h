#pragma once

#include <cstddef>
#include <cstdint>

#include "proxy/base/bytes.h"

namespace gatepost::filters {

/// Cuts a message that streams through it to what TOP shows (RFC 1939 section 7): the header, the
/// empty line, and so many lines of the body. The text is canonical (Canonicalizer).
///
/// The header ends where the first reader would say so: also before a line that is no field, not
/// folded, and not the "From " of an mbox at the very top. So a message without an empty line does
/// not show its text as a header.
class TopCutter {
 public:
  /// Octets of a field's name; a longer one is none.
  static constexpr std::size_t kMaxName = 76;

  explicit TopCutter(std::uint32_t lines) : left_(lines) {}

  /// Takes all of `in` and adds to `out` what is to be shown of it.
  void cut(ByteChain&& in, ByteChain& out);
  /// Whether nothing more is shown, whatever comes.
  [[nodiscard]] bool done() const { return state_ == State::done; }

 private:
  // At the start of a line of the header; in what may be a field's name; in the blanks behind it;
  // in the rest of a line of the header; in the empty line; in the body.
  enum class State : std::uint8_t { line_start, name, blanks, line, empty_line, body, done };
  void begin_line(char first);
  void examine(ByteChain& in, ByteChain& out);
  void end_line();
  void begin_body();

  State state_ = State::line_start;
  bool first_line_ = true;
  std::uint32_t left_;
  ByteChain held_;  // of a line that may be no field
};

}  // namespace gatepost::filters
