#include "proxy/command/quarantine_text.h"

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>

#include "filters/message/header_text.h"
#include "proxy/base/wall_clock.h"

namespace gatepost::command {

namespace {

using filters::QuarantineRecord;

constexpr std::size_t kWholeText = 512;

std::string inert(const std::string& text, std::size_t width = kWholeText) {
  return filters::inert_text(text, width);
}

const char* state_of(const QuarantineRecord& record) {
  if (record.released_at == 0) return "held";
  return record.delivered_at == 0 ? "released" : "delivered";
}

}  // namespace

std::string quarantine_table(const std::vector<QuarantineRecord>& records) {
  constexpr std::size_t kUser = 23;
  constexpr std::size_t kThreat = 27;
  constexpr std::size_t kFrom = 29;
  constexpr std::size_t kSubject = 39;
  constexpr const char* kRow =
      "{:>6}  {:<19}  {:<24}  {:<12}  {:<28}  {:<30}  {:<40}  {:>11}  {}\n";
  std::string out = fmt::format(fmt::runtime(kRow), "NUMBER", "STORED (UTC)", "USER", "CAUSE",
                                "THREAT", "FROM", "SUBJECT", "OCTETS", "STATE");
  for (const QuarantineRecord& record : records) {
    out += fmt::format(fmt::runtime(kRow), record.number, utc_text(record.stored_at),
                       inert(record.user, kUser), inert(record.cause),
                       inert(record.threat, kThreat), inert(record.from, kFrom),
                       inert(record.subject, kSubject), record.size, state_of(record));
  }
  return out;
}

std::string quarantine_details(const QuarantineRecord& record) {
  std::string out;
  const auto line = [&out](const char* name, const std::string& value) {
    if (!value.empty()) out += fmt::format("{:<10} {}\n", name, value);
  };
  line("number", fmt::format("{}", record.number));
  line("state", state_of(record));
  line("stored", utc_text(record.stored_at) + " UTC");
  if (record.released_at > 0) line("released", utc_text(record.released_at) + " UTC");
  if (record.delivered_at > 0) line("delivered", utc_text(record.delivered_at) + " UTC");
  line("user", inert(record.user));
  line("route", inert(record.route));
  line("cause", inert(record.cause));
  line("threat", inert(record.threat));
  line("scanner", inert(record.scanner));
  line("from", inert(record.from));
  line("subject", inert(record.subject));
  line("date", inert(record.date));
  line("octets", fmt::format("{} ({} in its file)", record.size, record.stored_size));
  line("sha256", inert(record.digest));
  return out;
}

std::string quarantine_json(const std::vector<QuarantineRecord>& records) {
  using Json = nlohmann::ordered_json;
  Json all = Json::array();
  for (const QuarantineRecord& record : records) {
    all.push_back({{"number", record.number},
                   {"state", state_of(record)},
                   {"stored_at", record.stored_at},
                   {"released_at", record.released_at},
                   {"delivered_at", record.delivered_at},
                   {"user", inert(record.user)},
                   {"route", inert(record.route)},
                   {"cause", inert(record.cause)},
                   {"threat", inert(record.threat)},
                   {"scanner", inert(record.scanner)},
                   {"from", inert(record.from)},
                   {"subject", inert(record.subject)},
                   {"date", inert(record.date)},
                   {"size", record.size},
                   {"stored_size", record.stored_size},
                   {"sha256", inert(record.digest)}});
  }
  return all.dump() + "\n";
}

}  // namespace gatepost::command
