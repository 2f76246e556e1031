#include "filters/message/splicer.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace gatepost::filters {

Splicer::Splicer(std::vector<Splice> splices, BlockPool& pool)
    : splices_(std::move(splices)), pool_(pool) {}

/// At a splice: writes its text, drops what it stands for. False: no further for now.
bool Splicer::splice(ByteChain& in, bool last, ByteChain& out, std::size_t room) {
  Splice& splice = splices_[next_];
  const std::string_view rest = std::string_view(splice.text).substr(written_);
  const std::string_view piece = rest.substr(0, room);
  if (!piece.empty()) out.append(pool_, piece);
  written_ += piece.size();
  if (written_ < splice.text.size()) return false;
  const std::uint64_t to_drop = splice.offset + splice.length - offset_;
  const std::size_t dropped = std::min<std::uint64_t>(to_drop, in.size());
  in.consume(dropped);
  offset_ += dropped;
  if (dropped < to_drop && !last) return false;
  splice.text = std::string();
  ++next_;
  written_ = 0;
  return true;
}

Splicer::Progress Splicer::step(ByteChain& in, bool last, ByteChain& out, std::size_t room) {
  const std::size_t full = out.size() + room;
  for (;;) {
    const bool more = next_ < splices_.size();
    if (more && splices_[next_].offset <= offset_) {
      if (splice(in, last, out, full - out.size())) continue;
      return written_ < splices_[next_].text.size() ? Progress::need_room : Progress::need_input;
    }
    if (in.empty()) {
      if (!last) return Progress::need_input;
      if (!more) return Progress::finished;
      offset_ =
          splices_[next_].offset;  // behind the end: a promise was broken, but nothing is lost
      continue;
    }
    if (out.size() == full) return Progress::need_room;
    std::uint64_t size = std::min(in.size(), full - out.size());
    if (more) size = std::min(size, splices_[next_].offset - offset_);
    out.append(in.take(size));
    offset_ += size;
  }
}

}  // namespace gatepost::filters
