#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "filters/retention/record.h"
#include "proxy/store/record_store.h"

/// How the records of an account look, and what they mean by its policy. Nothing here has a name
/// in clear text: the store has none.
namespace gatepost::server {

/// What records are judged by.
struct RetentionJudge {
  /// Null: it is not known which policy the account has; then only facts are shown.
  std::optional<config::RetentionPolicy> policy;
  bool held = false;
  std::int64_t now = 0;
};

struct RetentionRow {
  store::HashedName name;
  std::optional<filters::Record> record;  ///< null: it cannot be read
};

/// A row for each entry of an account.
[[nodiscard]] std::vector<RetentionRow> retention_rows(const std::vector<store::Entry>& entries);

/// "hidden", "hidden for 2 devices", "deleted, shown", "shown", "gone", "removed", "unreadable".
[[nodiscard]] std::string retention_state(const RetentionJudge& judge, const RetentionRow& row);
/// What will become of it: "due", "due on 2026-01-31 12:00:00", "kept: never retrieved", "stays".
[[nodiscard]] std::string retention_outlook(const RetentionJudge& judge, const RetentionRow& row);

using RetentionCounts = std::map<std::string, std::size_t>;
/// How many are in which state.
[[nodiscard]] RetentionCounts retention_states(const RetentionJudge& judge,
                                               const std::vector<RetentionRow>& rows);
/// How many have which outlook, without dates, and without what is gone.
[[nodiscard]] RetentionCounts retention_outlooks(const RetentionJudge& judge,
                                                 const std::vector<RetentionRow>& rows);
/// What a dry run would have done; upstream, it was the client who decided.
[[nodiscard]] RetentionCounts retention_dry_run(const std::vector<RetentionRow>& rows);

/// A line each, under a headline.
[[nodiscard]] std::string retention_table(const RetentionJudge& judge,
                                          const std::vector<RetentionRow>& rows);
/// All of one record, a line for each thing known.
[[nodiscard]] std::string retention_details(const RetentionJudge& judge, const RetentionRow& row);
/// A JSON array in a line. docs/retention.md has its keys, which are stable.
[[nodiscard]] std::string retention_json(const RetentionJudge& judge,
                                         const std::vector<RetentionRow>& rows);

/// How many records mean what. `dry`: those of dry runs of the account.
[[nodiscard]] std::string retention_report(const RetentionJudge& judge,
                                           const std::vector<RetentionRow>& rows,
                                           const std::vector<RetentionRow>& dry, bool json);
[[nodiscard]] std::string retention_accounts(
    const std::vector<store::RecordStore::AccountInfo>& accounts, bool json);

}  // namespace gatepost::server
