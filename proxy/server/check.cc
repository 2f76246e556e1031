#include "proxy/server/check.h"

#include <chrono>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "proxy/server/snapshot.h"
#include "proxy/server/upstream_check.h"

namespace gatepost::server {

namespace {

/// A certificate that ends sooner deserves a warning.
constexpr std::chrono::days kExpiryWarning{21};

struct Finding {
  std::string text;
  bool warning;
};

std::string date(std::chrono::system_clock::time_point when) {
  return fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(when));
}

void judge(const Snapshot::Certificate& certificate, std::vector<Finding>& findings) {
  const auto now = std::chrono::system_clock::now();
  const auto& info = certificate.info;
  if (info.not_after < now) {
    findings.push_back(
        {fmt::format("{}: expired on {}", certificate.file, date(info.not_after)), false});
  } else if (info.not_after < now + kExpiryWarning) {
    findings.push_back(
        {fmt::format("{}: expires on {}", certificate.file, date(info.not_after)), true});
  }
  if (info.not_before > now) {
    findings.push_back(
        {fmt::format("{}: not valid before {}", certificate.file, date(info.not_before)), false});
  }
}

/// A JSON string; what is quoted is our own text, paths and flags.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

void print(const CommandLine& line, const std::vector<Finding>& findings, ExitCode code) {
  if (!line.json) {
    for (const Finding& finding : findings) {
      fmt::print(stderr, "{}{}\n", finding.warning ? "warning: " : "error: ", finding.text);
    }
    fmt::print("{}\n", code == ExitCode::ok            ? "configuration ok"
                       : code == ExitCode::unreachable ? "upstream not reachable"
                                                       : "configuration not usable");
    return;
  }
  std::string list;
  for (const Finding& finding : findings) {
    list += fmt::format("{}{{\"severity\":\"{}\",\"text\":{}}}", list.empty() ? "" : ",",
                        finding.warning ? "warning" : "error", quoted(finding.text));
  }
  fmt::print("{{\"ok\":{},\"findings\":[{}]}}\n", code == ExitCode::ok, list);
}

}  // namespace

config::Loaded load_configuration(const CommandLine& line) {
  return line.config_file.empty() ? config::load({}, line.overrides)
                                  : config::load_file(line.config_file, line.overrides);
}

bool print_problems(const config::Loaded& loaded, const std::string& file) {
  bool any_error = false;
  for (const config::Problem& problem : loaded.problems) {
    any_error |= !problem.warning;
    fmt::print(stderr, "gatepost: {}{}\n", problem.warning ? "warning: " : "",
               to_string(problem, file));
  }
  return any_error;
}

ExitCode check(const CommandLine& line) {
  std::vector<Finding> findings;
  ExitCode code = ExitCode::ok;
  const config::Loaded loaded = load_configuration(line);
  for (const config::Problem& problem : loaded.problems) {
    findings.push_back({to_string(problem, line.config_file), problem.warning});
  }
  if (!loaded.config) {
    print(line, findings, ExitCode::config);
    return ExitCode::config;
  }
  const auto snapshot = make_snapshot(*loaded.config, nullptr);
  if (!snapshot) {
    findings.push_back({snapshot.error().detail, false});
    code = ExitCode::config;
  } else {
    for (const Snapshot::Certificate& certificate : (*snapshot)->certificates) {
      judge(certificate, findings);
    }
    for (const Finding& finding : findings) {
      if (!finding.warning) code = ExitCode::config;
    }
    if (line.connect) {
      for (const Result<void>& reached : check_upstreams(**snapshot)) {
        if (reached) continue;
        findings.push_back({reached.error().detail, false});
        if (code == ExitCode::ok) code = ExitCode::unreachable;
      }
    }
  }
  print(line, findings, code);
  return code;
}

}  // namespace gatepost::server
