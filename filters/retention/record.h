#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/store/record_store.h"

namespace gatepost::filters {

/// What is known of one message, as it stands in the store. Times are seconds since 1970, UTC;
/// 0: it did not happen.
struct Record {
  /// Devices that are remembered. Beyond it the first one goes: it sees the message again.
  static constexpr std::size_t kMaxDevices = 32;
  /// Of a time: a bit before the year 5138.
  static constexpr std::int64_t kMaxTime = 99'999'999'999;

  std::int64_t seen = 0;           ///< for the first time
  std::int64_t retrieved = 0;      ///< whole, and allowed: the first time (since `undeleted`)
  std::int64_t not_allowed = 0;    ///< the last retrieval was a notice, or had no verdict
  std::int64_t deleted = 0;        ///< by a client's DELE, settled with its QUIT: the first time
  std::int64_t undeleted = 0;      ///< by the administrator
  std::int64_t purge_asked = 0;    ///< by the administrator
  std::int64_t removal_asked = 0;  ///< DELE was about to go upstream
  std::int64_t gone = 0;           ///< since when upstream does not list it
  std::int64_t removed = 0;        ///< upstream said so
  bool purge_forced = false;       ///< even though it was never retrieved
  bool undelete_unseen = false;    ///< no session has come since `undeleted`
  /// Of those that deleted it (device_word()), in that order.
  std::vector<std::uint64_t> devices;

  bool operator==(const Record&) const = default;

  void add_device(std::uint64_t device);
  [[nodiscard]] bool has_device(std::uint64_t device) const;
  /// As though nobody had deleted it, and nobody had asked to purge it.
  void undelete(std::int64_t now);
};

/// 64 bits of a hashed device name do for telling an account's devices apart.
[[nodiscard]] std::uint64_t device_word(const store::HashedName& device);

/// "1 s1732900000 r1732900100 d1732900200 D00112233445566ff,…": the version of the format, a letter
/// and a number for each time that is not 0 (s seen, r retrieved, n not allowed, d deleted,
/// u undeleted, p purge asked, a removal asked, g gone, x removed), F for a forced purge, U for an
/// undelete that no session has seen, D and the devices; in this order. At most
/// RecordStore::kMaxValue octets.
[[nodiscard]] std::string format_record(const Record& record);
/// Fails with `protocol` on anything that format_record() does not write: it may be of a later
/// Gatepost, so leave it as it is, show the message, and do not remove it.
[[nodiscard]] Result<Record> parse_record(std::string_view text);

}  // namespace gatepost::filters
