#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "filters/quarantine/quarantine.h"

namespace gatepost::filters {

[[nodiscard]] std::unexpected<Error> unknown_message(std::uint64_t number);

/// What a Quarantine is made of; private to this folder.
struct Quarantine::State {
  config::Quarantine config;
  WallClock clock;
  std::unique_ptr<store::QuarantineIndex> index;
  std::atomic<std::uint64_t> stored_octets = 0;  ///< see Quarantine::stored_octets()

  [[nodiscard]] std::string path(std::uint64_t number) const;
  [[nodiscard]] bool has_file(std::uint64_t number) const;
  /// Rows and files that do not belong together, and what is too old.
  [[nodiscard]] Result<void> sweep();
  [[nodiscard]] Result<std::uint64_t> keep(const Digest& digest, const MessagePieces& message,
                                           QuarantineRecord record);
  [[nodiscard]] Result<void> remove(std::uint64_t number);

 private:
  using Change = store::QuarantineIndex::Change;
  [[nodiscard]] bool is_old(std::int64_t time) const;
  [[nodiscard]] Result<bool> remove(Change& change, std::uint64_t number) const;
  [[nodiscard]] Result<void> remove_old(Change& change) const;
  [[nodiscard]] Result<void> make_room(Change& change, std::uint64_t number) const;
  /// Commits, and takes note of how large all files are now.
  [[nodiscard]] Result<void> settle(Change& change);
  /// Files without a row; `numbers` are those of the rows, in order.
  [[nodiscard]] Result<void> sweep_files(Change& change,
                                         const std::vector<std::uint64_t>& numbers) const;
  [[nodiscard]] Result<std::uint64_t> add(IncomingFile& file, QuarantineRecord& record);
};

}  // namespace gatepost::filters
