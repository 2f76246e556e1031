#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <vector>

#include "filters/retention/account_records.h"

namespace gatepost::filters {

/// What a session needs to know of one message: bits.
struct MessageMark {
  static constexpr std::uint8_t kHidden = 1;
  static constexpr std::uint8_t kAmbiguous = 2;
  static constexpr std::uint8_t kRetrieved = 4;    ///< in an earlier session
  static constexpr std::uint8_t kNotAllowed = 8;   ///< the last time
  static constexpr std::uint8_t kUnreadable = 16;  ///< its record
};

/// What an account's records mean for a session that begins.
struct Opening {
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  std::vector<std::uint8_t> marks;  ///< of each message
  std::uint64_t hidden = 0;
  std::uint64_t unreadable = 0;
  /// When the first message that nothing guards may go.
  std::int64_t next_due = kNever;
  std::vector<store::Write> writes;
  RetentionTally tally;  ///< of what is written
  /// Messages that a session was about to remove and that upstream does not list any more.
  std::vector<HashedName> found_gone;
};

/// Compares an account's records with what upstream lists at `now`.
/// - What is seen for the first time is noted where the policy counts from that.
/// - A record whose message is not listed is marked, and goes `forget_after` later. If the message
///   is listed again by then, it is a new one as far as we can tell: upstream may give its UIDL to
///   another message once it is gone (RFC 1939 section 7). So what was noted before counts no more.
/// - The same where two messages have one UIDL: a record may be about either.
[[nodiscard]] Opening look_at_account(const BookView& view, std::vector<store::Entry> entries,
                                      std::int64_t now, std::chrono::seconds forget_after);

/// Takes back what a record said before its message was gone. At opening, and when records are read
/// again: another session may have changed them.
void renew_record(AccountRecords::Row& row, std::int64_t now);

}  // namespace gatepost::filters
