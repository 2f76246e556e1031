#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "filters/chain.h"
#include "filters/filter_line.h"
#include "filters/message/canonical.h"
#include "filters/message/header_reader.h"

namespace gatepost::filters {

/// The way of a message up to the scanners: one form, the filters, and a look at its header.
class Intake {
 public:
  /// Octets that wait here beyond which full() asks for patience.
  static constexpr std::size_t kMaxWaiting = 64 * 1024;

  Intake(const Chain& chain, BlockPool& pool)
      : canonicalizer_(pool), filters_(chain.filters, pool), keep_beginning_(chain.rules) {}

  /// The next piece from upstream, without dot-stuffing. Always taken.
  void feed(ByteChain&& text) { canonicalizer_.feed(text, waiting_); }
  /// Nothing follows.
  void end();
  [[nodiscard]] bool full() const { return waiting_.size() >= kMaxWaiting; }

  /// Adds to `out` what has come through the filters, about `room` octets at most: see
  /// FilterLine::step().
  [[nodiscard]] Result<FilterStatus> run(ByteChain& out, std::size_t room);

  /// Octets that came through.
  [[nodiscard]] std::uint64_t octets() const { return octets_; }
  /// Of what came through; complete when header_known().
  [[nodiscard]] const HeaderFacts& header() const { return reader_.facts(); }
  [[nodiscard]] bool header_known() const { return reader_.done(); }
  /// All of the header, and perhaps what follows it; what is beyond HeaderReader::kMaxHeader is
  /// missing. Once, when header_known(); only for a chain with rules.
  [[nodiscard]] ByteChain take_beginning() { return std::exchange(beginning_, ByteChain()); }

 private:
  Canonicalizer canonicalizer_;
  FilterLine filters_;
  HeaderReader reader_;
  ByteChain waiting_;
  bool keep_beginning_;
  ByteChain beginning_;
  bool ended_ = false;
  std::uint64_t octets_ = 0;
};

}  // namespace gatepost::filters
