#include "proxy/server/check.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "proxy/server/discovery.h"
#include "proxy/server/privileges.h"
#include "proxy/server/snapshot.h"
#include "proxy/server/upstream_check.h"

namespace gatepost::server {

namespace {

/// A certificate that ends sooner deserves a warning.
constexpr std::chrono::days kExpiryWarning{21};

std::string date(std::chrono::system_clock::time_point when) {
  return fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(when));
}

void judge(const tls::Identity& identity, std::vector<config::Problem>& findings) {
  const auto now = std::chrono::system_clock::now();
  const tls::CertificateInfo& info = identity.info();
  const auto add = [&](const std::string& text, bool warning) {
    findings.push_back(
        {"/tls", 0, fmt::format("{}: {}", identity.files().certificate, text), warning});
  };
  if (info.not_after < now) {
    add(fmt::format("expired on {}", date(info.not_after)), false);
  } else if (info.not_after < now + kExpiryWarning) {
    add(fmt::format("expires on {}", date(info.not_after)), true);
  }
  if (info.ocsp_until && *info.ocsp_until < now) {
    add(fmt::format("its OCSP response is outdated since {}: it is not stapled",
                    date(*info.ocsp_until)),
        true);
  }
  if (info.not_before > now) {
    add(fmt::format("not valid before {}", date(info.not_before)), false);
  }
}

/// What the user that the process becomes could not do.
void judge_user(const CommandLine& line, const Snapshot& snapshot,
                std::vector<config::Problem>& findings) {
  const auto identity = find_identity(snapshot.config.process);
  if (!identity) {
    // Whoever only looks need not be root.
    const bool cannot_tell = ::geteuid() != 0 && identity.error().detail.contains("only root");
    if (!cannot_tell) findings.push_back({"", 0, identity.error().detail, false});
    return;
  }
  if (!*identity) return;
  std::vector<std::string> files = files_read_again(snapshot);
  if (!line.config_file.empty()) files.push_back(line.config_file);
  const std::string& log = snapshot.config.log.file;
  for (const HiddenFile& hidden : hidden_files_for(**identity, files, log)) {
    findings.push_back({"/process/user", 0,
                        fmt::format("{} is out of reach for {}: {}; a reload would fail",
                                    hidden.file, (*identity)->name, hidden.reason),
                        true});
  }
}

/// The servers of pools that are named by SRV records.
void find_servers(const config::Config& config, Discovered& found,
                  std::vector<config::Problem>& unreached) {
  for (const config::Pool& pool : config.pools) {
    if (pool.srv.empty()) continue;
    auto servers = look_up_servers(pool);
    if (servers) {
      found[pool.name] = std::move(*servers);
    } else {
      unreached.push_back({path_of(pool.name) + "/srv", 0, servers.error().detail, false});
    }
  }
}

void reach_servers(const Snapshot& snapshot, std::vector<config::Problem>& unreached) {
  for (const UpstreamResult& upstream : check_upstreams(snapshot)) {
    if (upstream.reached) continue;
    unreached.push_back({path_of(upstream.pool), 0, upstream.reached.error().detail, false});
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

void print(const CommandLine& line, const std::vector<config::Problem>& findings, ExitCode code) {
  if (!line.json) {
    for (const config::Problem& finding : findings) {
      fmt::print(stderr, "{}\n", to_string(finding, line.config_file));
    }
    fmt::print("{}\n", code == ExitCode::ok            ? "configuration ok"
                       : code == ExitCode::unreachable ? "upstream not reachable"
                                                       : "configuration not usable");
    return;
  }
  std::string list;
  for (const config::Problem& finding : findings) {
    list += fmt::format(R"({}{{"severity":"{}","text":{}}})", list.empty() ? "" : ",",
                        finding.warning ? "warning" : "error",
                        quoted(to_string(finding, line.config_file)));
  }
  fmt::print("{{\"ok\":{},\"findings\":[{}]}}\n", code == ExitCode::ok, list);
}

}  // namespace

config::Loaded load_configuration(const CommandLine& line) {
  return line.config_file.empty() ? config::load({}, line.overrides)
                                  : config::load_file(line.config_file, line.overrides);
}

void print_problems(const config::Loaded& loaded, const std::string& file) {
  for (const config::Problem& problem : loaded.problems) {
    fmt::print(stderr, "gatepost: {}\n", to_string(problem, file));
  }
}

ExitCode check(const CommandLine& line) {
  const config::Loaded loaded = load_configuration(line);
  std::vector<config::Problem> findings = loaded.problems;
  if (!loaded.config) {
    print(line, findings, ExitCode::config);
    return ExitCode::config;
  }
  std::vector<config::Problem> unreached;
  Holdings holdings;
  if (line.connect) find_servers(*loaded.config, holdings.discovered, unreached);
  const auto snapshot = make_snapshot(*loaded.config, holdings);
  if (!snapshot) {
    findings.push_back({"", 0, snapshot.error().detail, false});
  } else {
    for (const auto& identity : (*snapshot)->identities) judge(*identity, findings);
    judge_user(line, **snapshot, findings);
    if (line.connect) reach_servers(**snapshot, unreached);
  }
  const bool usable = std::ranges::all_of(findings, &config::Problem::warning);
  const ExitCode code = !usable              ? ExitCode::config
                        : !unreached.empty() ? ExitCode::unreachable
                                             : ExitCode::ok;
  findings.insert(findings.end(), unreached.begin(), unreached.end());
  print(line, findings, code);
  return code;
}

}  // namespace gatepost::server
