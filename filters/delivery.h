#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "filters/message/header_edit.h"
#include "filters/message/splicer.h"
#include "filters/spool/spool.h"

namespace gatepost::filters {

/// What a client gets: the message of a spool, then what is appended; with splices, and then edits
/// of its header. The other end of an Inspection.
class Delivery {
 public:
  /// Octets that were appended and not taken, beyond which full() asks for patience.
  static constexpr std::size_t kMaxBehind = 128 * 1024;
  /// By which take() lets `out` grow, about.
  static constexpr std::size_t kPiece = SpoolReader::kPiece;

  /// `on_activity` is called from the loop after `wait`, for what comes from the spool's file;
  /// never from inside a call. `spool` may be null; it is sealed, perhaps not yet ready.
  Delivery(BlockPool& pool, std::shared_ptr<const Spool> spool, std::vector<Splice> splices,
           std::vector<HeaderEdit> edits, std::move_only_function<void()> on_activity);

  void append(ByteChain&& text) { behind_.append(std::move(text)); }
  /// Nothing follows what was appended.
  void end() { ended_ = true; }
  /// The rest cannot be had.
  void fail(std::string problem);
  [[nodiscard]] bool full() const { return behind_.size() >= kMaxBehind; }

  enum class Progress : std::uint8_t { data, wait, end, broken };
  [[nodiscard]] Progress take(ByteChain& out);
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  [[nodiscard]] bool refill();
  [[nodiscard]] bool read_spool();
  [[nodiscard]] bool move(ByteChain& out, std::size_t room);

  std::shared_ptr<const Spool> spool_;  // until it is read to its end
  std::optional<SpoolReader> reader_;
  std::optional<Splicer> splicer_;
  std::optional<HeaderEditor> editor_;
  std::move_only_function<void()> on_activity_;
  ByteChain source_;  // as it came
  ByteChain spliced_;
  bool all_spliced_ = false;
  ByteChain behind_;
  bool ended_ = false;
  bool finished_ = false;
  std::string problem_;
};

}  // namespace gatepost::filters
