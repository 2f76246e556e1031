#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "filters/quarantine/message_file.h"
#include "filters/spool/spool.h"
#include "proxy/base/background.h"
#include "proxy/base/error.h"
#include "proxy/base/ticket.h"
#include "proxy/store/quarantine_index.h"

namespace gatepost::filters {

using store::QuarantineRecord;

/// Keeps originals, compressed, one file each (NUMBER.eml.zst, 0600), with an index in SQLite
/// (index.sqlite). Used by the gateway and by `gatepost quarantine` at the same time. Thread-safe.
///
/// A message is in quarantine once its row is committed: its file has its name by then. A file
/// without a row is of a process that ended before that, or of an index that was lost: it keeps its
/// number to itself and goes when it is too old. A row without a file goes at the next open().
class Quarantine {
 public:
  using Stored = std::move_only_function<void(Result<std::uint64_t>)>;
  /// Seconds since 1970, UTC.
  using WallClock = std::function<std::int64_t()>;

  /// Characters of a text in a record; what comes after them is cut.
  static constexpr std::size_t kMaxRecordText = 200;
  /// Released messages that a mailbox shows at once; the rest follows when these are deleted.
  static constexpr std::size_t kMaxReleased = 100;

  /// Opens or makes the folder (0700) and the index (0600); checks the index, and removes what is
  /// too old.
  [[nodiscard]] static Result<std::shared_ptr<Quarantine>> open(const config::Quarantine& config,
                                                                WallClock clock = {});
  ~Quarantine();

  /// Keeps the message of a ready spool in the background; `done` gets its number. The same content
  /// for the same user (of the same route) is kept once and has the number that it had. What is
  /// over the caps on size and age goes first, the oldest first; a message that is larger than
  /// everything fails with `limit`. `number`, `stored_at`, `size` and `digest` of the record are
  /// filled in here, and its texts made inert.
  [[nodiscard]] Ticket put(Background& background, std::shared_ptr<const Spool> message,
                           QuarantineRecord record, Stored done);

  // All that follows blocks, and fails with `refused` where there is no such number.

  /// The same as put(), here and now. `message` may be asked for no piece at all.
  [[nodiscard]] Result<std::uint64_t> keep(const Digest& digest, const MessagePieces& message,
                                           QuarantineRecord record);
  [[nodiscard]] Result<std::vector<QuarantineRecord>> list() const;
  [[nodiscard]] Result<QuarantineRecord> show(std::uint64_t number) const;
  /// The original, octet by octet. Only when it returns without an error was what `sink` got the
  /// original. `sink` ends it by returning false (error `closed`).
  [[nodiscard]] Result<void> read(std::uint64_t number,
                                  const std::function<bool(std::string_view)>& sink) const;
  /// From now on the mailbox of its user shows it again, under a UIDL of its own.
  [[nodiscard]] Result<void> release(std::uint64_t number);
  /// Its user has it and deleted it: the mailbox does not show it any more.
  [[nodiscard]] Result<void> delivered(std::uint64_t number);
  /// The same for several, all of them or none; those that are gone meanwhile do not matter.
  [[nodiscard]] Result<void> delivered(const std::vector<std::uint64_t>& numbers);
  [[nodiscard]] Result<void> remove(std::uint64_t number);

  /// Released messages of this user of this route that were not delivered yet, oldest first, at
  /// most kMaxReleased (a few milliseconds at most).
  [[nodiscard]] Result<std::vector<QuarantineRecord>> released(const std::string& route,
                                                               const std::string& user) const;

  /// Octets of all files, when this process last changed them or opened it: what another one did
  /// since then is not in it. Never blocks.
  [[nodiscard]] std::uint64_t stored_octets() const;
  /// What they may be together.
  [[nodiscard]] std::uint64_t max_octets() const;

 private:
  struct State;
  explicit Quarantine(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;  // shared with what is under way in the background
};

}  // namespace gatepost::filters
