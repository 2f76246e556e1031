#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "filters/message_filter.h"

namespace gatepost::filters {

/// The filters of one message in a row, with the bytes between them. Itself used like one filter.
class FilterLine {
 public:
  /// Octets between two filters beyond which the first one has no room.
  static constexpr std::size_t kMaxBetween = 64 * 1024;

  FilterLine(const std::vector<std::shared_ptr<const FilterKind>>& kinds, BlockPool& pool);
  FilterLine(FilterLine&&) = default;

  /// Runs the filters until a full round moves nothing more. Adds to `out` as one filter does: not
  /// much more than `room`. `last`: nothing follows `in`. Without filters it only splices.
  ///
  /// A filter that breaks its contract (wants input though it has some, wants room though it has
  /// some, finishes before the end) is an error as any other, so that its message is given up
  /// instead of truncated or delivered by half. After an error or `finished` not to be called.
  [[nodiscard]] Result<FilterStatus> step(ByteChain& in, bool last, ByteChain& out,
                                          std::size_t room);
  /// Octets inside: between the filters, and held back by them.
  [[nodiscard]] std::size_t held() const;

 private:
  struct Stage {
    std::unique_ptr<MessageFilter> filter;
    ByteChain input;  // not used for the first one
    bool finished = false;
  };
  struct Turn;
  [[nodiscard]] Result<bool> turn(std::size_t index, const Turn& turn);

  BlockPool& pool_;
  std::vector<Stage> stages_;
};

}  // namespace gatepost::filters
