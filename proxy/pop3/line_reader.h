#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"

namespace gatepost::pop3 {

/// Cuts lines that end with CRLF out of a stream, across any chunk boundary. Nothing else ends a
/// line: a bare LF is reported at once and for good, since two parsers that disagree about it are
/// how commands are smuggled.
class LineReader {
 public:
  enum class Outcome {
    need_data,  ///< no whole line yet; `in` is used up
    line,       ///< line() is the next line
    too_long,   ///< a line longer than the limit ended here; it was dropped whole
    bare_lf,    ///< LF without CR: nothing after it may be interpreted
  };

  /// Takes bytes of `in` up to the end of one line. `limit` counts octets with CRLF and may change
  /// from call to call.
  [[nodiscard]] Outcome next(ByteChain& in, std::size_t limit);
  /// The line without CRLF; may contain NUL and bare CR. Valid until the next call of next().
  [[nodiscard]] std::string_view line() const { return line_; }
  /// Whether part of a line has been taken in.
  [[nodiscard]] bool mid_line() const { return mid_line_; }
  /// Overwrites what the last line left in memory (it may have been a password).
  void wipe();

 private:
  std::string line_;
  bool mid_line_ = false;
  bool after_cr_ = false;
  bool overflow_ = false;
};

}  // namespace gatepost::pop3
