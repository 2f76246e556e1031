#include "filters/intake.h"

#include <utility>

namespace gatepost::filters {

void Intake::end() {
  canonicalizer_.end(waiting_);
  ended_ = true;
}

Result<FilterStatus> Intake::run(ByteChain& out, std::size_t room) {
  ByteChain piece;
  auto status = filters_.step(waiting_, ended_, piece, room);
  if (!status) return status;
  octets_ += piece.size();
  if (keep_beginning_ && !reader_.done()) beginning_.append(ByteChain(piece));
  reader_.feed(piece);
  if (*status == FilterStatus::finished) reader_.end();
  out.append(std::move(piece));
  return status;
}

}  // namespace gatepost::filters
