#include "proxy/command/ctl_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "filters/message/header_text.h"
#include "proxy/admin/words.h"
#include "proxy/base/wall_clock.h"

namespace gatepost::command {

namespace {

using admin::octets;
using Json = nlohmann::json;

/// Characters of a cell; what comes after them is cut.
constexpr std::size_t kMaxCell = 48;
constexpr std::size_t kMaxSentence = 300;

std::string text(const Json& from, const char* key) {
  const std::string value = from.value(key, std::string());
  return value.empty() ? "-" : filters::inert_text(value, kMaxCell);
}

std::uint64_t number(const Json& from, const char* key) {
  return from.value(key, std::uint64_t{0});
}

const Json& list(const Json& from, const char* key) {
  static const Json kNothing = Json::array();
  const auto at = from.find(key);
  return at == from.end() ? kNothing : *at;
}

/// "3d 4h", "4m 12s", "0.8s"
std::string time(std::uint64_t ms) {
  const std::uint64_t seconds = ms / 1000;
  if (seconds < 10) return fmt::format("{:.1f}s", static_cast<double>(ms) / 1000);
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m {}s", seconds / 60, seconds % 60);
  if (seconds < 86'400) return fmt::format("{}h {}m", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{}d {}h", seconds / 86'400, seconds / 3600 % 24);
}

/// Of a key with seconds since 1970.
std::string utc(const Json& from, const char* key) {
  return utc_text(static_cast<std::int64_t>(number(from, key)));
}

using Row = std::vector<std::string>;

/// Columns as wide as they must be; the last one ends where it ends.
std::string table(const std::vector<Row>& rows, std::string_view indent = "") {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const Row& row : rows) {
    out += indent;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool last = i + 1 == row.size();
      out += last ? row[i] + '\n' : fmt::format("{:<{}}  ", row[i], widths[i]);
    }
  }
  return out;
}

/// "ok 12, refused 3": what is not zero.
std::string numbers(const Json& from, const char* key) {
  std::string out;
  const auto at = from.find(key);
  if (at == from.end()) return "-";
  for (const auto& [name, value] : at->items()) {
    if (value.get<std::uint64_t>() == 0) continue;
    if (!out.empty()) out += ", ";
    out += fmt::format("{} {}", name, value.get<std::uint64_t>());
  }
  return out.empty() ? "none" : out;
}

std::string upstream_rows(const Json& upstreams, std::string_view indent) {
  std::vector<Row> rows = {{"POOL", "SERVER", "HEALTH", "SESSIONS", "PROBLEM"}};
  for (const Json& one : upstreams) {
    const std::uint64_t most = number(one, "max_connections");
    rows.push_back({text(one, "pool"), text(one, "server"), text(one, "health"),
                    most == 0 ? fmt::format("{}", number(one, "sessions"))
                              : fmt::format("{} of {}", number(one, "sessions"), most),
                    text(one, "problem")});
  }
  return table(rows, indent);
}

std::string scanner_rows(const Json& scanners) {
  std::vector<Row> rows = {{"SCANNER", "TYPE", "ADDRESS", "EFFECTIVE", "RUNNING", "VERDICTS"}};
  for (const Json& one : scanners) {
    rows.push_back({text(one, "name"), text(one, "type"), text(one, "address"),
                    one.value("effective", false) ? "yes" : "NO",
                    fmt::format("{} (+{} waiting)", number(one, "running"), number(one, "waiting")),
                    numbers(one, "verdicts")});
  }
  return table(rows, "  ");
}

std::string certificate_rows(const Json& certificates) {
  std::vector<Row> rows = {{"CERTIFICATE", "EXPIRES (UTC)", "SUBJECT"}};
  for (const Json& one : certificates) {
    rows.push_back({text(one, "file"), utc(one, "not_after"), text(one, "subject")});
  }
  return table(rows, "  ");
}

std::string worker_rows(const Json& workers) {
  std::vector<Row> rows = {{"WORKER", "SESSIONS", "BUFFERS", "STATE"}};
  std::size_t index = 0;
  for (const Json& one : workers) {
    const std::uint64_t silent = number(one, "silent_seconds");
    rows.push_back({fmt::format("{}", index++), fmt::format("{}", number(one, "sessions")),
                    octets(number(one, "io_octets")),
                    silent > 0 ? fmt::format("has not turned for {} s", silent)
                    : one.value("accept_paused", false) ? "takes no new sessions"
                                                        : "well"});
  }
  return table(rows, "  ");
}

std::string listener_rows(const Json& listeners) {
  std::vector<Row> rows = {{"LISTENER", "ADDRESS", "TLS"}};
  for (const Json& one : listeners) {
    rows.push_back({text(one, "name"), text(one, "address"), text(one, "tls")});
  }
  return table(rows, "  ");
}

std::string readiness(const Json& status) {
  const Json& reasons = list(status, "not_ready");
  if (reasons.empty()) return "ready";
  std::string out = "NOT READY";
  for (const Json& reason : reasons)
    out += ": " + filters::inert_text(reason.get<std::string>(), kMaxSentence);
  return out;
}

}  // namespace

std::string status_text(const Json& status) {
  const auto now = static_cast<std::uint64_t>(std::max<std::time_t>(std::time(nullptr), 0));
  const std::uint64_t started = number(status, "started");
  std::string out =
      fmt::format("Gatepost {} ({}), {}, {}\n", text(status, "version"),
                  text(status, "tls_library"), text(status, "state"), readiness(status));
  const auto line = [&out](std::string_view name, const std::string& value) {
    out += fmt::format("  {:<12}{}\n", name, value);
  };
  line("process", fmt::format("{}, since {} UTC ({})", number(status, "pid"),
                              utc(status, "started"), time((now - std::min(now, started)) * 1000)));
  line("file", text(status, "config_file"));
  line("log", fmt::format("{}; {} lines lost", text(status, "log_level"),
                          number(status, "log_lines_lost")));
  line("sessions",
       fmt::format("{} now, {} since the start; connections {} of {}",
                   number(status, "sessions_active"), number(status, "sessions_started"),
                   number(status, "connections"), number(status, "connections_limit")));
  line("traffic", fmt::format("{} from clients, {} to clients, {} messages",
                              octets(number(status, "octets_in")),
                              octets(number(status, "octets_out")), number(status, "messages")));
  line("logins", numbers(status, "logins"));
  line("ended", numbers(status, "ended"));
  line("TLS", numbers(status, "tls"));
  line("verdicts", numbers(status, "verdicts"));
  line("actions", numbers(status, "actions"));
  line("spool", fmt::format("{} of {}", octets(number(status, "spool_octets")),
                            octets(number(status, "spool_limit"))));
  line("reloads", fmt::format("{} good, {} refused", number(status, "reloads_succeeded"),
                              number(status, "reloads_failed")));
  out += '\n' + listener_rows(list(status, "listeners"));
  out += '\n' + worker_rows(list(status, "workers"));
  out += '\n' + upstream_rows(list(status, "upstreams"), "  ");
  if (!list(status, "scanners").empty()) out += '\n' + scanner_rows(list(status, "scanners"));
  if (!list(status, "certificates").empty()) {
    out += '\n' + certificate_rows(list(status, "certificates"));
  }
  for (const Json& file : list(status, "stale_files")) {
    out += "\n  old version in use: " + filters::inert_text(file.get<std::string>(), kMaxSentence) +
           '\n';
  }
  return out;
}

std::string sessions_text(const Json& list_of_sessions) {
  std::vector<Row> rows = {{"ID", "USER", "CLIENT", "STATE", "DOING", "WAITS FOR", "AGE", "IDLE",
                            "IN", "OUT", "SERVER"}};
  const Json& sessions = list(list_of_sessions, "sessions");
  for (const Json& one : sessions) {
    rows.push_back({text(one, "id"), text(one, "user"), text(one, "client"), text(one, "state"),
                    text(one, "doing"), text(one, "waits_for"), time(number(one, "age_ms")),
                    time(number(one, "idle_ms")), octets(number(one, "octets_in")),
                    octets(number(one, "octets_out")), text(one, "upstream")});
  }
  std::string out = table(rows);
  const std::uint64_t matching = number(list_of_sessions, "matching");
  if (matching > sessions.size()) {
    out += fmt::format("… and {} more: --limit, --user\n", matching - sessions.size());
  }
  if (const std::uint64_t silent = number(list_of_sessions, "silent_workers"); silent > 0) {
    out += fmt::format("{} workers do not answer: their sessions are missing here\n", silent);
  }
  return out;
}

std::string upstreams_text(const Json& upstreams) { return upstream_rows(upstreams, ""); }

}  // namespace gatepost::command
