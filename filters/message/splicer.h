#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/bytes.h"

namespace gatepost::filters {

/// In place of `length` octets at `offset` of a message stands `text`.
struct Splice {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::string text;
};

/// Applies splices to a message that streams through; everything else is spliced on, not copied.
class Splicer {
 public:
  /// `splices` sorted by offset, not overlapping; several of length 0 may stand at one place.
  Splicer(std::vector<Splice> splices, BlockPool& pool);

  enum class Progress : std::uint8_t { need_input, need_room, finished };
  /// Moves from `in` to `out` until `in` is used up, or `room` octets were added. `last`: nothing
  /// follows `in`; then it finishes.
  [[nodiscard]] Progress step(ByteChain& in, bool last, ByteChain& out, std::size_t room);

 private:
  [[nodiscard]] bool splice(ByteChain& in, bool last, ByteChain& out, std::size_t room);
  std::vector<Splice> splices_;
  BlockPool& pool_;
  std::size_t next_ = 0;
  std::size_t written_ = 0;   // octets of the next one's text
  std::uint64_t offset_ = 0;  // of `in`
};

}  // namespace gatepost::filters
