#include "proxy/admin/figures.h"

#include <algorithm>

#include <fmt/format.h>

#include "proxy/admin/page.h"
#include "proxy/admin/words.h"
#include "proxy/base/json_string.h"

namespace gatepost::admin {

namespace {

std::uint64_t sum(const Numbers& numbers) {
  std::uint64_t total = 0;
  for (const auto& [name, number] : numbers) total += number;
  return total;
}

double per_second(std::uint64_t before, std::uint64_t now, Duration time) {
  if (now <= before || time <= Duration(0)) return 0;
  return static_cast<double>(now - before) * 1000 / static_cast<double>(time.count());
}

std::string of(const Share& share) { return fmt::format("{} of {}", share.good, share.all); }

void add_each(Figures& to, std::string_view prefix, const Numbers& numbers) {
  for (const auto& [name, number] : numbers) to[id_of(prefix, name)] = count(number);
}

}  // namespace

Rates Rates::between(const Status& before, const Status& now, Duration time) {
  return {.octets = static_cast<std::uint64_t>(per_second(before.octets_out, now.octets_out, time)),
          .messages = per_second(before.messages, now.messages, time),
          .logins = per_second(sum(before.logins), sum(now.logins), time)};
}

Share upstreams_up(const Status& status) {
  const auto up = std::ranges::count(status.upstreams, "up", &UpstreamFacts::health);
  return {static_cast<std::size_t>(up), status.upstreams.size()};
}

Share scanners_effective(const Status& status) {
  const auto good = std::ranges::count(status.scanners, true, &ScannerFacts::effective);
  return {static_cast<std::size_t>(good), status.scanners.size()};
}

Figures figures(const Status& status, const Rates* rates) {
  Figures to;
  const bool running = status.state.empty() || status.state == "running";
  to["state"] = !running ? status.state : status.not_ready.empty() ? "ready" : "not ready";
  to["sessions-now"] = count(status.sessions_active);
  to["connections-now"] =
      fmt::format("{} of {}", count(status.connections), count(status.connections_limit));
  to["octets-rate"] = rates != nullptr ? octets(rates->octets) + "/s" : "–";
  to["messages-rate"] = rates != nullptr ? fmt::format("{:.1f}/s", rates->messages) : "–";
  to["logins-rate"] = rates != nullptr ? fmt::format("{:.1f}/s", rates->logins) : "–";
  to["upstreams-up"] = of(upstreams_up(status));
  to["scanners-effective"] = status.scanners.empty() ? "none" : of(scanners_effective(status));
  to["spool-now"] =
      fmt::format("{} of {}", octets(status.spool_octets), octets(status.spool_limit));
  to["sessions-started"] = count(status.sessions_started);
  to["messages-total"] = count(status.messages);
  to["octets-out"] = octets(status.octets_out);
  to["octets-in"] = octets(status.octets_in);
  add_each(to, "login", status.logins);
  add_each(to, "tls", status.tls);
  add_each(to, "ended", status.ended);
  add_each(to, "verdict", status.verdicts);
  add_each(to, "action", status.actions);
  return to;
}

std::string event_of(const Status& status, const Rates* rates) {
  std::string out = R"({"figures":{)";
  bool first = true;
  for (const auto& [id, text] : figures(status, rates)) {
    out += fmt::format("{}{}:{}", first ? "" : ",", json_string(id), json_string(text));
    first = false;
  }
  out += fmt::format(R"(}},"curves":{{"octets":{},"sessions":{}}}}})",
                     rates != nullptr ? rates->octets : 0, status.sessions_active);
  return out;
}

}  // namespace gatepost::admin
