#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/base/bytes.h"

namespace gatepost::pop3 {

/// Finds the end of a multi-line reply: CRLF "." CRLF, or "." CRLF right at its start
/// (RFC 1939 section 3), and nothing else, across any chunk boundary. The same parser serves the
/// relay, which wants the bytes as they came, and readers, which want them without dot-stuffing;
/// so there is no second opinion about where a message ends.
class DotDecoder {
 public:
  enum class Form : std::uint8_t {
    as_sent,    ///< slices as they came; the final ".\r\n" is part of the output
    unstuffed,  ///< without dot-stuffing and without the final ".\r\n"
  };
  explicit DotDecoder(Form form) : form_(form) {}

  /// Takes bytes of `in` (all of it, or up to the end of the reply) and returns those that belong
  /// to the body: slices of the input, nothing is copied. What follows the end stays in `in`.
  /// as_sent holds nothing back; unstuffed at most the ".CR" of a possible end. Unstuffed, a line
  /// that begins with "." loses that dot whatever follows it, and CRLF before the end is body.
  [[nodiscard]] ByteChain decode(ByteChain& in);
  /// Whether the end was found; decode() must not be called again then.
  [[nodiscard]] bool done() const { return state_ == State::done; }

 private:
  // The octets just seen: CRLF (or none at all), anything else, CR, CRLF ".", CRLF "." CR.
  enum class State : std::uint8_t { line_start, text, cr, dot, dot_cr, done };
  void step(char c);
  [[nodiscard]] std::size_t scan(std::string_view piece);
  [[nodiscard]] ByteChain decode_as_sent(ByteChain& in);
  [[nodiscard]] ByteChain decode_unstuffed(ByteChain& in);

  Form form_;
  State state_ = State::line_start;
  ByteChain held_;  // unstuffed, in dot_cr: that CR
};

/// Dot-stuffs text that streams through it (RFC 1939 section 3): lines that end with CRLF, and no
/// CR or LF elsewhere. Slices are spliced; only the dots are new. The last CRLF is kept back, so
/// that CRLF "." CRLF leaves in one piece: some readers look for it in one read.
class DotEncoder {
 public:
  explicit DotEncoder(BlockPool& pool) : pool_(pool) {}

  /// Takes all of `text`, adds to `out`.
  void encode(ByteChain&& text, ByteChain& out);
  /// Nothing follows: adds the end of the reply (with the CRLF of a last line that has none).
  void end(ByteChain& out);

 private:
  BlockPool& pool_;
  bool line_start_ = true;
  ByteChain held_;  // a CRLF, or the CR of one
};

/// Dot-stuffs text for a multi-line reply of our own (RFC 1939 section 3): `text` is whole lines
/// ending with CRLF (one that is missing at the very end is added); the result ends with ".\r\n".
[[nodiscard]] std::string dot_encode(std::string_view text);

}  // namespace gatepost::pop3
