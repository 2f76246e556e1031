#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"

namespace gatepost::pop3 {

/// Cuts lines that end with CRLF out of a stream, across any chunk boundary. Nothing else ends a
/// line: a bare LF is reported at once and for good, since two parsers that disagree about it are
/// how commands are smuggled. Never holds more than the limit.
class LineReader {
 public:
  /// What is kept of a line that is too long, to tell what it was.
  static constexpr std::size_t kKeptOfDropped = 16;

  enum class Outcome : std::uint8_t {
    need_data,  ///< no whole line yet; `in` is used up
    line,       ///< line() is the next line
    too_long,   ///< a line longer than the limit ended here; line() is its start, the rest is gone
    bare_lf,    ///< LF without CR: nothing after it may be interpreted; every later call says so
  };

  LineReader() = default;
  LineReader(LineReader&&) = default;
  LineReader& operator=(LineReader&&) = default;
  ~LineReader();

  /// Takes bytes of `in` up to the end of one line, and overwrites them there: it may be a
  /// password. Nobody else may hold slices of them. `limit` counts octets with CRLF and may change
  /// from call to call.
  [[nodiscard]] Outcome next(ByteChain& in, std::size_t limit);
  /// The line without CRLF; may contain NUL and bare CR. Valid until the next call of next() or
  /// wipe().
  [[nodiscard]] std::string_view line() const { return line_; }
  /// Whether part of a line has been taken in.
  [[nodiscard]] bool mid_line() const { return state_ == State::mid_line || dropping(); }
  /// Whether the line under way is too long already.
  [[nodiscard]] bool dropping() const { return state_ == State::dropping; }
  /// Overwrites what the last line left in memory (it may have been a password). A line under way
  /// is left alone.
  void wipe();

 private:
  enum class State : std::uint8_t { between, mid_line, dropping, broken };
  void store(std::string_view piece, std::size_t limit);
  void drop();
  [[nodiscard]] Outcome finish(std::size_t limit);

  std::string line_;  // up to its CR while under way
  State state_ = State::between;
  bool after_cr_ = false;  // the last octet of the line under way was CR
};

}  // namespace gatepost::pop3
