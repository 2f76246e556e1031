#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include "filters/retention/names.h"
#include "proxy/command/cli.h"
#include "proxy/server/retention_text.h"
#include "proxy/store/record_store.h"

namespace gatepost::command {

/// What the command works with; all of it outlives the call.
struct RetentionDesk {
  store::RecordStore& store;
  const filters::NameHasher& names;
  server::RetentionJudge judge;
  /// Lets the store work on. False: nothing will come any more.
  std::function<bool()> turn;
};

/// The least digits that name a message.
constexpr std::size_t kMinUidlDigits = 4;
/// Accounts that a report without --account lists, those not written to for the longest time first.
constexpr std::size_t kMaxListedAccounts = 10'000;

/// What is wrong with what was asked for, "" for nothing. To be looked at before a store is opened.
[[nodiscard]] std::string_view wrong_usage(const RetentionOptions& options);

/// `gatepost retention …`: prints to standard output, what goes wrong to standard error. The
/// gateway may be at work with the same store.
[[nodiscard]] ExitCode look_after_retention(const RetentionOptions& options, RetentionDesk& desk);

}  // namespace gatepost::command
