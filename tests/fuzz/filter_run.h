#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "filters/filter_line.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/pop3/chop.h"

namespace gatepost::fuzz {

/// What filters make of a message in these pieces, with so much room at a time. They must keep
/// their contract, and hold nothing at the end.
inline std::string filtered(std::vector<std::shared_ptr<const filters::FilterKind>> kinds,
                            BlockPool& pool, const pop3::test::Pieces& pieces, std::size_t room) {
  using filters::FilterStatus;
  filters::FilterLine line(std::move(kinds), pool);
  ByteChain in;
  ByteChain out;
  for (std::size_t i = 0; i <= pieces.size(); ++i) {
    const bool last = i == pieces.size();
    if (!last) in.append(pool, pieces[i]);
    auto status = line.step(in, last, out, room);
    while (status && *status == FilterStatus::need_room) status = line.step(in, last, out, room);
    require(status && (*status == FilterStatus::finished) == last);
  }
  require(line.held() == 0);
  return out.to_string();
}

}  // namespace gatepost::fuzz
