#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "filters/spool/spool.h"
#include "proxy/base/background.h"
#include "proxy/base/error.h"
#include "proxy/base/ticket.h"

namespace gatepost::filters {

/// What is known of a message in quarantine.
struct QuarantineRecord {
  std::uint64_t number = 0;    ///< given by the quarantine, from 1, never used twice
  std::int64_t stored_at = 0;  ///< seconds since 1970, UTC
  std::string user;            ///< whose mailbox, as the client named itself
  std::string route;
  std::string from, subject, date;  ///< of the message's header, decoded, printable UTF-8, cut
  std::uint64_t size = 0;           ///< octets of the original
  std::string digest;               ///< SHA-256 of the original, hexadecimal
  std::string cause, threat, scanner;
  std::int64_t released_at = 0;  ///< 0: not released
};

/// Keeps originals, compressed, one file each, with an index in SQLite (store::). Used by the
/// gateway and by `gatepost quarantine` at the same time. Thread-safe.
class Quarantine {
 public:
  using Stored = std::move_only_function<void(Result<std::uint64_t>)>;

  /// Opens or makes the folder (0700) and the index (0600); checks the index.
  [[nodiscard]] static Result<std::shared_ptr<Quarantine>> open(const config::Quarantine& config);
  ~Quarantine();

  /// Keeps the message of a ready spool in the background; `done` gets its number. The same content
  /// for the same user is kept once and has the number that it had. What is over the caps on size
  /// and age goes first, the oldest first; a message that is larger than everything fails.
  /// `number`, `stored_at` and `digest` of the record are filled in here.
  [[nodiscard]] Ticket put(Background& background, std::shared_ptr<const Spool> message,
                           QuarantineRecord record, Stored done);

  // For the command line; they block.
  [[nodiscard]] Result<std::vector<QuarantineRecord>> list() const;
  [[nodiscard]] Result<QuarantineRecord> show(std::uint64_t number) const;
  /// The original, octet by octet.
  [[nodiscard]] Result<void> read(std::uint64_t number,
                                  const std::function<bool(std::string_view)>& sink) const;
  /// From now on the mailbox of its user shows it again, under a UIDL of its own.
  [[nodiscard]] Result<void> release(std::uint64_t number);
  [[nodiscard]] Result<void> remove(std::uint64_t number);

  /// Released messages of this user, oldest first; blocks (a few milliseconds at most).
  [[nodiscard]] Result<std::vector<QuarantineRecord>> released(const std::string& user) const;

 private:
  struct State;
  explicit Quarantine(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gatepost::filters
