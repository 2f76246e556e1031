#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "filters/retention/names.h"
#include "proxy/server/cli.h"
#include "proxy/server/retention_text.h"
#include "proxy/store/record_store.h"

namespace gatepost::server {

/// What `gatepost retention` is to do.
struct RetentionOptions {
  enum class What : std::uint8_t { list, show, undelete, purge, report } what = What::list;
  std::string account;             ///< the user name as upstream knows it; report: may be empty
  std::string pool;                ///< the pool that serves it
  std::vector<std::string> uidls;  ///< the first digits of hashed UIDLs
  bool all = false;                ///< undelete, purge: every message that it can be done with
  bool yes = false;                ///< purge: for real
  bool dry_run = false;            ///< undelete, purge: only say what would be done
  bool force = false;              ///< purge: also what was never retrieved
  bool json = false;
};

/// What the command works with; all of it outlives the call.
struct RetentionDesk {
  store::RecordStore& store;
  const filters::NameHasher& names;
  RetentionJudge judge;
  /// Lets the store work on. False: nothing will come any more.
  std::function<bool()> turn;
};

/// The least digits that name a message.
constexpr std::size_t kMinUidlDigits = 4;
/// Accounts that a report without --account lists, those not written to for the longest time first.
constexpr std::size_t kMaxListedAccounts = 10'000;

/// `gatepost retention …`: prints to standard output, what goes wrong to standard error. The
/// gateway may be at work with the same store.
[[nodiscard]] ExitCode look_after_retention(const RetentionOptions& options, RetentionDesk& desk);

}  // namespace gatepost::server
