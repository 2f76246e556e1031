#include "proxy/server/retention_text.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "filters/retention/judge.h"
#include "filters/retention/names.h"
#include "proxy/base/wall_clock.h"

namespace gatepost::server {

namespace {

using filters::Record;
using filters::to_hex;
using Json = nlohmann::ordered_json;

/// "2026-01-31 12:00:00"; "-" for what did not happen.
std::string utc(std::int64_t seconds) { return seconds <= 0 ? "-" : utc_text(seconds); }

struct Fact {
  const char* name;
  std::int64_t Record::* time;
};
constexpr auto kFacts = std::to_array<Fact>({{"seen", &Record::seen},
                                             {"retrieved", &Record::retrieved},
                                             {"not_allowed", &Record::not_allowed},
                                             {"deleted", &Record::deleted},
                                             {"undeleted", &Record::undeleted},
                                             {"purge_asked", &Record::purge_asked},
                                             {"removal_asked", &Record::removal_asked},
                                             {"gone", &Record::gone},
                                             {"removed", &Record::removed}});

std::string_view words_for(filters::RetentionGuard guard) {
  return guard == filters::RetentionGuard::not_allowed ? "kept: not delivered as it is"
                                                       : "kept: never retrieved";
}

Json as_json(const RetentionJudge& judge, const RetentionRow& row) {
  Json out = {{"uidl", to_hex(row.name)},
              {"state", retention_state(judge, row)},
              {"outlook", retention_outlook(judge, row)}};
  if (!row.record) return out;
  for (const Fact& fact : kFacts) out[fact.name] = (*row.record).*fact.time;
  out["purge_forced"] = row.record->purge_forced;
  out["devices"] = row.record->devices.size();
  return out;
}

}  // namespace

std::vector<RetentionRow> retention_rows(const std::vector<store::Entry>& entries) {
  std::vector<RetentionRow> rows;
  rows.reserve(entries.size());
  for (const store::Entry& entry : entries) {
    auto record = filters::parse_record(entry.value);
    rows.push_back({entry.name, record ? std::optional(*std::move(record)) : std::nullopt});
  }
  return rows;
}

std::string retention_state(const RetentionJudge& judge, const RetentionRow& row) {
  if (!row.record) return "unreadable";
  const Record& record = *row.record;
  if (record.removed > 0) return "removed";
  if (record.gone > 0) return "gone";
  if (record.deleted == 0) return "shown";
  if (!judge.policy) return "deleted";
  if (is_hidden(*judge.policy, record, std::nullopt)) return "hidden";
  for (const std::uint64_t device : record.devices) {
    if (is_hidden(*judge.policy, record, device)) {
      return fmt::format("hidden for {} device{}", record.devices.size(),
                         record.devices.size() == 1 ? "" : "s");
    }
  }
  return "deleted, shown";
}

std::string retention_outlook(const RetentionJudge& judge, const RetentionRow& row) {
  if (!row.record) return "kept: its record cannot be read";
  const Record& record = *row.record;
  if (record.removed > 0 || record.gone > 0) return "-";
  // A purge needs no policy.
  const auto due = due_of(judge.policy.value_or(config::RetentionPolicy()), record);
  if (!due) return judge.policy ? "stays" : "-";
  if (judge.held) return "kept: legal hold";
  if (const auto guard = guard_of(record)) return std::string(words_for(*guard));
  return due->since <= judge.now ? "due" : "due on " + utc(due->since);
}

RetentionCounts retention_states(const RetentionJudge& judge,
                                 const std::vector<RetentionRow>& rows) {
  RetentionCounts counts;
  for (const RetentionRow& row : rows) ++counts[retention_state(judge, row)];
  return counts;
}

RetentionCounts retention_outlooks(const RetentionJudge& judge,
                                   const std::vector<RetentionRow>& rows) {
  RetentionCounts counts;
  for (const RetentionRow& row : rows) {
    const std::string outlook = retention_outlook(judge, row);
    if (outlook != "-") ++counts[outlook.starts_with("due on") ? "due later" : outlook];
  }
  return counts;
}

RetentionCounts retention_dry_run(const std::vector<RetentionRow>& rows) {
  RetentionCounts counts;
  for (const RetentionRow& row : rows) {
    if (!row.record) continue;
    if (row.record->removed > 0) {
      ++counts["removed it"];
    } else if (row.record->deleted > 0) {
      ++counts["kept it, although a client deleted it"];
    } else {
      ++counts["nothing"];
    }
  }
  return counts;
}

std::string retention_table(const RetentionJudge& judge, const std::vector<RetentionRow>& rows) {
  constexpr const char* kRow = "{:<12}  {:<20}  {:<19}  {:<19}  {:<19}  {}\n";
  constexpr std::size_t kDigits = 12;
  std::string out = fmt::format(fmt::runtime(kRow), "UIDL (HASH)", "STATE", "SEEN (UTC)",
                                "RETRIEVED", "DELETED", "OUTLOOK");
  for (const RetentionRow& row : rows) {
    const Record record = row.record.value_or(Record());
    out += fmt::format(fmt::runtime(kRow), to_hex(row.name).substr(0, kDigits),
                       retention_state(judge, row), utc(record.seen), utc(record.retrieved),
                       utc(record.deleted), retention_outlook(judge, row));
  }
  return out;
}

std::string retention_details(const RetentionJudge& judge, const RetentionRow& row) {
  std::string out;
  const auto line = [&out](std::string_view name, std::string_view value) {
    out += fmt::format("{:<14} {}\n", name, value);
  };
  line("uidl", to_hex(row.name));
  line("state", retention_state(judge, row));
  line("outlook", retention_outlook(judge, row));
  if (!row.record) return out;
  for (const Fact& fact : kFacts) {
    const std::int64_t time = (*row.record).*fact.time;
    if (time > 0) line(fact.name, utc(time) + " UTC");
  }
  if (row.record->purge_forced) line("purge_forced", "even though it was never retrieved");
  if (!row.record->devices.empty()) line("devices", std::to_string(row.record->devices.size()));
  return out;
}

std::string retention_json(const RetentionJudge& judge, const std::vector<RetentionRow>& rows) {
  Json all = Json::array();
  for (const RetentionRow& row : rows) all.push_back(as_json(judge, row));
  return all.dump() + "\n";
}

std::string retention_report(const RetentionJudge& judge, const std::vector<RetentionRow>& rows,
                             const std::vector<RetentionRow>& dry, bool json) {
  const RetentionCounts states = retention_states(judge, rows);
  const RetentionCounts outlooks = retention_outlooks(judge, rows);
  const RetentionCounts would = retention_dry_run(dry);
  if (json) {
    return Json({{"states", states}, {"outlooks", outlooks}, {"dry_run", would}}).dump() + "\n";
  }
  std::string out;
  const auto part = [&out](std::string_view headline, const RetentionCounts& counts) {
    if (counts.empty()) return;
    out += fmt::format("{}\n", headline);
    for (const auto& [what, count] : counts) out += fmt::format("{:>8}  {}\n", count, what);
  };
  part("What clients see", states);
  part("What will become of it", outlooks);
  part("What a dry run would have done", would);
  return out.empty() ? "nothing is known of this account\n" : out;
}

std::string retention_accounts(const std::vector<store::RecordStore::AccountInfo>& accounts,
                               bool json) {
  if (json) {
    Json all = Json::array();
    for (const auto& account : accounts) {
      all.push_back({{"account", to_hex(account.name)},
                     {"records", account.records},
                     {"written_at", account.written_at}});
    }
    return all.dump() + "\n";
  }
  constexpr const char* kRow = "{:<32}  {:>9}  {}\n";
  std::string out =
      fmt::format(fmt::runtime(kRow), "ACCOUNT (HASH)", "RECORDS", "LAST WRITTEN (UTC)");
  for (const auto& account : accounts) {
    out += fmt::format(fmt::runtime(kRow), to_hex(account.name), account.records,
                       utc(account.written_at));
  }
  return out;
}

}  // namespace gatepost::server
