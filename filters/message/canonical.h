#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"

namespace gatepost::filters {

/// Gives a message that streams through it the one form that everybody reads alike: lines that end
/// with CRLF, and no CR or LF elsewhere (RFC 5322 section 2.1). A bare LF becomes CRLF, CRs before
/// an LF go into that one CRLF, and any other CR is a line end of its own. NUL stays. Text that
/// does not end with CRLF gets one at its end; empty text stays empty.
///
/// What is right already is spliced, not copied; at most kMaxRun CRs are held back.
class Canonicalizer {
 public:
  /// CRs in a row that one LF takes in; of a longer run the first ones are line ends.
  static constexpr std::size_t kMaxRun = 256;

  explicit Canonicalizer(BlockPool& pool) : pool_(pool) {}

  /// Takes all of `in` and adds to `out`, which grows by twice as much at most, and 2 * kMaxRun.
  void feed(ByteChain& in, ByteChain& out);
  /// Nothing follows.
  void end(ByteChain& out);

 private:
  void piece(ByteChain& in, ByteChain& out);
  void line_ends(std::size_t count, ByteChain& out);
  void take(std::size_t count, ByteChain& in, ByteChain& out);
  BlockPool& pool_;
  std::size_t returns_ = 0;  // CRs that were seen, and not yet what follows them
  bool line_open_ = false;   // something went out after the last line end
};

/// A short text with CRLF for every CRLF, bare CR and bare LF; nothing is added at its end.
[[nodiscard]] std::string with_line_ends(std::string_view text);

}  // namespace gatepost::filters
