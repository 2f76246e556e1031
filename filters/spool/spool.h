#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proxy/base/background.h"
#include "proxy/base/bytes.h"
#include "proxy/base/digest.h"
#include "proxy/base/error.h"
#include "proxy/base/unique_fd.h"

namespace gatepost::filters {

/// The room for all spools of the process: a folder and two limits. Thread-safe.
class SpoolRoom {
 public:
  SpoolRoom(std::string folder, std::uint64_t max_message, std::uint64_t max_total);

  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::uint64_t max_message() const { return max_message_; }
  /// Whether there was room for so many more octets, which are taken then.
  [[nodiscard]] bool take(std::uint64_t octets);
  void give_back(std::uint64_t octets);
  [[nodiscard]] std::uint64_t max_total() const { return max_total_; }
  [[nodiscard]] std::uint64_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  const std::string folder_;
  const std::uint64_t max_message_;
  const std::uint64_t max_total_;
  std::atomic<std::uint64_t> used_ = 0;
};

/// A message kept while it is looked at. Written once, sealed, then only read, by any number of
/// readers. Up to kInMemory octets stay in memory; a larger one goes to a temporary file that has
/// no name (O_TMPFILE, or unlinked at once), so nothing is left behind whatever happens.
class Spool {
 public:
  static constexpr std::size_t kInMemory = 128 * 1024;
  /// Octets waiting to be written beyond which congested() asks for patience.
  static constexpr std::size_t kMaxBacklog = 256 * 1024;

  /// `on_activity` is called from the loop when congestion ended, the spool became ready, or it
  /// failed; never from inside a call. All references must outlive the spool.
  Spool(std::shared_ptr<SpoolRoom> room, BlockPool& pool, Background& background,
        std::move_only_function<void()> on_activity);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  /// Adds to the end. After a failure everything is dropped.
  void append(ByteChain&& bytes);
  /// Wait for on_activity before the next append (which is taken all the same).
  [[nodiscard]] bool congested() const;
  /// The message is complete. It is ready() when all of it can be read, perhaps at once.
  void seal();
  [[nodiscard]] bool ready() const;
  /// `limit`: larger than SpoolRoom allows, or no room left; `system`: folder gone, disk full, …
  [[nodiscard]] const std::optional<Error>& failure() const;
  /// Octets appended so far.
  [[nodiscard]] std::uint64_t size() const;

  /// Gives all pieces of a message to `sink`, which says false when nobody wants it any more.
  using Source =
      std::move_only_function<Result<void>(const std::function<bool(std::string_view)>& sink)>;
  /// In place of append() and seal(), for a message that is not on its way from upstream: `source`
  /// runs in the background, and must give `octets` octets. However many they are, only the room of
  /// all spools together limits them.
  void fill(std::uint64_t octets, Source source);

  // When ready():
  /// SHA-256 of the whole message.
  [[nodiscard]] const Digest& digest() const;
  /// All of it when it is in memory, and file() is -1; lives as long as the spool, may be read in
  /// any thread.
  [[nodiscard]] std::string_view memory() const;
  /// Its file; -1 when it is in memory.
  [[nodiscard]] int file() const;
  /// Fills `room` with what stands from `offset` on, which must be there; blocks, in any thread.
  [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<char> room) const;
  /// A descriptor of its own for others (FILDES, a command's stdin): its own offset at 0, read-only
  /// where the system can do that. Also for a message in memory (memfd).
  [[nodiscard]] Result<UniqueFd> open_again() const;

  // For readers of the same loop.
  [[nodiscard]] BlockPool& pool() const;
  [[nodiscard]] Background& background() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Reads one ready spool from front to back. Many may read the same spool.
class SpoolReader {
 public:
  static constexpr std::size_t kPiece = 128 * 1024;
  enum class Progress : std::uint8_t { data, wait, end, failed };

  /// `on_activity` is called from the loop after `wait`; never from inside a call.
  SpoolReader(std::shared_ptr<const Spool> spool, std::move_only_function<void()> on_activity);
  ~SpoolReader();
  SpoolReader(const SpoolReader&) = delete;
  SpoolReader& operator=(const SpoolReader&) = delete;

  /// `data`: appended the next piece, not more than about kPiece, to `out`. `wait`: it is being
  /// read from the file. `failed`: see failure(); the message cannot be had whole.
  [[nodiscard]] Progress next(ByteChain& out);
  [[nodiscard]] const std::optional<Error>& failure() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gatepost::filters
