#include "proxy/command/retention_command.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "filters/retention/judge.h"

namespace gatepost::command {

namespace {

using filters::HashedName;
using filters::Record;
using filters::to_hex;
using store::Entry;
using store::RecordStore;
using What = RetentionOptions::What;

/// As an AccountBook does: others may write the same records at the same time.
constexpr int kMaxAttempts = 5;

ExitCode complain(const Error& error) {
  fmt::print(stderr, "gatepost: {}\n", error.detail);
  return error.code == ErrorCode::config ? ExitCode::usage : ExitCode::runtime;
}

Result<void> print(std::string_view text) {
  const bool whole = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (whole && std::fflush(stdout) == 0) return {};
  return fail(ErrorCode::system, "standard output cannot be written to");
}

/// Waits for one answer of the store. `ask` is given the callback.
template <class Value, class Ask>
Result<Value> wait_for(const RetentionDesk& desk, Ask ask) {
  std::optional<Result<Value>> answer;
  const Ticket ticket = ask([&answer](Result<Value> given) { answer = std::move(given); });
  while (!answer && desk.turn()) {
  }
  if (!answer) return fail(ErrorCode::system, "the retention store does not answer");
  return *std::move(answer);
}

Result<std::vector<Entry>> load(const RetentionDesk& desk, const HashedName& account) {
  return wait_for<std::vector<Entry>>(
      desk, [&](auto done) { return desk.store.load(account, std::move(done)); });
}

/// Where in `entries` the message is that begins with `digits`.
Result<std::size_t> find(const std::vector<Entry>& entries, const std::string& digits) {
  const bool hexadecimal = digits.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (digits.size() < kMinUidlDigits || !hexadecimal) {
    return fail(ErrorCode::config,
                fmt::format("{} or more digits of a hashed UIDL name a message", kMinUidlDigits));
  }
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!to_hex(entries[i].name).starts_with(digits)) continue;
    if (found) return fail(ErrorCode::refused, fmt::format("more than one begins with {}", digits));
    found = i;
  }
  if (!found) return fail(ErrorCode::refused, fmt::format("no message begins with {}", digits));
  return *found;
}

Result<std::vector<std::size_t>> chosen(const std::vector<Entry>& entries,
                                        const RetentionOptions& options) {
  std::vector<std::size_t> indexes;
  for (const std::string& digits : options.uidls) {
    const auto index = find(entries, digits);
    if (!index) return std::unexpected(index.error());
    if (std::ranges::find(indexes, *index) == indexes.end()) indexes.push_back(*index);
  }
  if (options.all) {
    indexes.clear();
    for (std::size_t i = 0; i < entries.size(); ++i) indexes.push_back(i);
  }
  return indexes;
}

/// What is changed, or would be.
struct Change {
  std::vector<store::Write> writes;
  std::vector<server::RetentionRow> rows;  ///< as they are afterwards
  std::size_t unreadable = 0;
  std::size_t gone = 0;
};

/// Whether anything is to be done with it, done in `record`.
bool apply(const RetentionOptions& options, std::int64_t now, Record& record) {
  if (options.what == What::purge) {
    record.purge_forced = record.purge_forced || options.force;
    if (record.purge_asked == 0) record.purge_asked = now;
    return true;
  }
  const bool deleted = record.deleted > 0 || record.purge_asked > 0;
  // With --all only what somebody has deleted; a message that was named is named with reason.
  if (!deleted && options.all) return false;
  record.undelete(now);
  return true;
}

Result<Change> make_change(const RetentionOptions& options, const RetentionDesk& desk,
                           const std::vector<Entry>& entries) {
  const auto indexes = chosen(entries, options);
  if (!indexes) return std::unexpected(indexes.error());
  Change change;
  for (const std::size_t index : *indexes) {
    const Entry& entry = entries[index];
    auto record = filters::parse_record(entry.value);
    if (!record) {
      ++change.unreadable;
      continue;
    }
    if (record->gone > 0 || record->removed > 0) {
      ++change.gone;
      continue;
    }
    if (!apply(options, desk.judge.now, *record)) continue;
    change.writes.push_back({entry.name, entry.version, format_record(*record)});
    change.rows.push_back({entry.name, *std::move(record)});
  }
  return change;
}

std::string plural(std::size_t n) { return fmt::format("{} message{}", n, n == 1 ? "" : "s"); }

std::string words_for(const RetentionOptions& options, const RetentionDesk& desk,
                      const Change& change) {
  const char* const would = options.dry_run ? "would be" : "will be";
  if (options.json) return server::retention_json(desk.judge, change.rows);
  std::string out;
  if (options.what == What::undelete) {
    out = fmt::format("{} {} shown again from the next login on\n", plural(change.rows.size()),
                      would);
  } else {
    const auto kept = static_cast<std::size_t>(
        std::ranges::count_if(change.rows, [&desk](const server::RetentionRow& row) {
          return server::retention_outlook(desk.judge, row).starts_with("kept");
        }));
    out = fmt::format("{} {} removed at the user's next login, or by gatepost retention sweep\n",
                      plural(change.rows.size() - kept), would);
    if (kept > 0) {
      out += fmt::format("{} marked, but kept by a guard: see the list\n", plural(kept));
    }
  }
  if (change.gone > 0) out += fmt::format("{} upstream has no more\n", plural(change.gone));
  if (change.unreadable > 0) {
    out += fmt::format("{} left alone: the record cannot be read\n", plural(change.unreadable));
  }
  return out;
}

ExitCode change_records(const RetentionOptions& options, RetentionDesk& desk) {
  const HashedName account = desk.names.account(options.pool, options.account, false);
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    const auto entries = load(desk, account);
    if (!entries) return complain(entries.error());
    auto change = make_change(options, desk, *entries);
    if (!change) return complain(change.error());
    if (!options.dry_run && !change->writes.empty()) {
      const auto committed = wait_for<RecordStore::Committed>(desk, [&](auto done) {
        return desk.store.commit(account, change->writes, desk.judge.now, std::move(done));
      });
      if (!committed) return complain(committed.error());
      if (!committed->written) continue;
    }
    if (auto done = print(words_for(options, desk, *change)); !done) return complain(done.error());
    return change->unreadable == 0 ? ExitCode::ok : ExitCode::runtime;
  }
  return complain({ErrorCode::limit, "sessions of the account change the same records: try again"});
}

ExitCode print_records(const RetentionOptions& options, RetentionDesk& desk) {
  const auto entries = load(desk, desk.names.account(options.pool, options.account, false));
  if (!entries) return complain(entries.error());
  std::vector<server::RetentionRow> rows = server::retention_rows(*entries);
  if (rows.empty()) {
    fmt::print(stderr,
               "gatepost: nothing is known of this account in pool \"{}\": the name counts as "
               "upstream knows it, in upper and lower case\n",
               options.pool);
  }
  if (!options.uidls.empty()) {
    const auto indexes = chosen(*entries, options);
    if (!indexes) return complain(indexes.error());
    std::vector<server::RetentionRow> some;
    for (const std::size_t index : *indexes) some.push_back(rows[index]);
    rows = std::move(some);
  }
  std::string text;
  if (options.json) {
    text = server::retention_json(desk.judge, rows);
  } else if (options.what == What::list) {
    text = server::retention_table(desk.judge, rows);
  } else {
    for (const server::RetentionRow& row : rows) {
      text += (text.empty() ? "" : "\n") + server::retention_details(desk.judge, row);
    }
  }
  if (auto done = print(text); !done) return complain(done.error());
  return ExitCode::ok;
}

ExitCode print_report(const RetentionOptions& options, RetentionDesk& desk) {
  std::string text;
  if (options.account.empty()) {
    const auto accounts = wait_for<std::vector<RecordStore::AccountInfo>>(
        desk, [&](auto done) { return desk.store.accounts(kMaxListedAccounts, std::move(done)); });
    if (!accounts) return complain(accounts.error());
    text = server::retention_accounts(*accounts, options.json);
  } else {
    const auto real = load(desk, desk.names.account(options.pool, options.account, false));
    if (!real) return complain(real.error());
    const auto dry = load(desk, desk.names.account(options.pool, options.account, true));
    if (!dry) return complain(dry.error());
    text = server::retention_report(desk.judge, server::retention_rows(*real),
                                    server::retention_rows(*dry), options.json);
  }
  if (auto done = print(text); !done) return complain(done.error());
  return ExitCode::ok;
}

}  // namespace

std::string_view wrong_usage(const RetentionOptions& options) {
  const bool changes = options.what == What::undelete || options.what == What::purge;
  if (options.account.empty() && options.what != What::report) return "whose mail? Say --account";
  if (options.what == What::show && options.uidls.empty()) return "show which message?";
  if (changes && options.all == !options.uidls.empty()) {
    return "which messages? Name some, or say --all";
  }
  if (options.what == What::purge && !options.yes && !options.dry_run) {
    return "purge removes mail for good: say --yes, or --dry-run to see what it would do";
  }
  return {};
}

ExitCode look_after_retention(const RetentionOptions& options, RetentionDesk& desk) {
  if (const auto wrong = wrong_usage(options); !wrong.empty()) {
    return complain({ErrorCode::config, std::string(wrong)});
  }
  switch (options.what) {
    case What::list:
    case What::show:
      return print_records(options, desk);
    case What::undelete:
    case What::purge:
      return change_records(options, desk);
    case What::report:
      return print_report(options, desk);
  }
  std::unreachable();
}

}  // namespace gatepost::command
