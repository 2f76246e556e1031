#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "proxy/base/bytes.h"

namespace gatepost::http {

/// Takes the chunks off a body (RFC 9112 section 7.1): no I/O, slices are spliced. Strict: CRLF and
/// nothing else ends a line, sizes are plain hexadecimal.
class ChunkDecoder {
 public:
  /// Octets of a line with a chunk's size and extensions.
  static constexpr std::size_t kMaxLine = 1024;
  /// Octets of all trailer lines together; they are not looked at.
  static constexpr std::size_t kMaxTrailer = 8 * 1024;

  enum class Event : std::uint8_t { need_data, data, end, refused };

  /// `data`: moved octets of the body from `in` to `out`. `end`: the last chunk and the trailer
  /// are over; nothing behind them was taken.
  [[nodiscard]] Event next(ByteChain& in, ByteChain& out);

 private:
  enum class State : std::uint8_t { size, data, data_end, trailer, end, refused };
  [[nodiscard]] bool take_line(ByteChain& in);
  void on_line();
  void on_size();
  State state_ = State::size;
  std::uint64_t left_ = 0;  // of the present chunk
  std::string line_;
  std::size_t trailer_ = 0;
};

}  // namespace gatepost::http
