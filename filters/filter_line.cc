#include "filters/filter_line.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace gatepost::filters {

/// What one stage works with.
struct FilterLine::Turn {
  ByteChain& in;
  bool last;
  ByteChain& out;
  std::size_t room;
};

FilterLine::FilterLine(const std::vector<std::shared_ptr<const FilterKind>>& kinds, BlockPool& pool)
    : pool_(pool) {
  for (const auto& kind : kinds) stages_.push_back({kind->make(), {}, false});
}

/// Lets one filter work; says whether it moved anything.
Result<bool> FilterLine::turn(std::size_t index, const Turn& turn) {
  Stage& stage = stages_[index];
  if (stage.finished || turn.room == 0) return false;
  const std::size_t before = turn.in.size();
  const std::size_t written = turn.out.size();
  const auto status = stage.filter->step({turn.in, turn.last}, {turn.out, turn.room, pool_});
  if (!status) return std::unexpected(status.error());
  const auto broken = [index](std::string_view what) {
    return fail(ErrorCode::system, fmt::format("filter {} {}", index + 1, what));
  };
  switch (*status) {
    case FilterStatus::need_input:
      if (!turn.in.empty()) return broken("wants input and has some");
      if (turn.last) return broken("wants input after the end");
      break;
    case FilterStatus::need_room:
      if (turn.out.size() < written + turn.room) return broken("wants room and has some");
      break;
    case FilterStatus::finished:
      if (!turn.last || !turn.in.empty()) return broken("finished before the end");
      stage.finished = true;
      return true;
  }
  return turn.in.size() != before || turn.out.size() != written;
}

Result<FilterStatus> FilterLine::step(ByteChain& in, bool last, ByteChain& out, std::size_t room) {
  const std::size_t full = out.size() + room;
  const auto left = [&] { return full > out.size() ? full - out.size() : 0; };
  if (stages_.empty()) {
    if (!in.empty() && room > 0) out.append(in.take(std::min(room, in.size())));
    if (!in.empty()) return FilterStatus::need_room;
    return last ? FilterStatus::finished : FilterStatus::need_input;
  }
  for (bool moved = true; moved;) {
    moved = false;
    for (std::size_t i = 0; i < stages_.size(); ++i) {
      const bool first = i == 0;
      const bool final = i + 1 == stages_.size();
      ByteChain& next = final ? out : stages_[i + 1].input;
      const std::size_t between = std::min(next.size(), kMaxBetween);
      const auto result =
          turn(i, {first ? in : stages_[i].input, first ? last : stages_[i - 1].finished, next,
                   final ? left() : kMaxBetween - between});
      if (!result) return std::unexpected(result.error());
      moved = moved || *result;
    }
  }
  if (stages_.back().finished) return FilterStatus::finished;
  return left() == 0 ? FilterStatus::need_room : FilterStatus::need_input;
}

std::size_t FilterLine::held() const {
  std::size_t octets = 0;
  for (const Stage& stage : stages_) octets += stage.input.size() + stage.filter->held();
  return octets;
}

}  // namespace gatepost::filters
