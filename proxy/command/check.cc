#include "proxy/command/check.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "proxy/base/json_string.h"
#include "proxy/command/scanner_check.h"
#include "proxy/command/upstream_check.h"
#include "proxy/net/loop.h"
#include "proxy/net/loop_background.h"
#include "proxy/net/resolver.h"
#include "proxy/net/tcp_connector.h"
#include "proxy/process/privileges.h"
#include "proxy/server/discovery.h"
#include "proxy/server/filter_stores.h"
#include "proxy/server/master_login.h"
#include "proxy/server/policies.h"
#include "proxy/server/retention_stores.h"
#include "proxy/server/snapshot.h"

namespace gatepost::command {

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
void judge_user(const CommandLine& line, const server::Snapshot& snapshot,
                std::vector<config::Problem>& findings) {
  const auto identity = process::find_identity(snapshot.config.process);
  if (!identity) {
    // Whoever only looks need not be root.
    const bool cannot_tell = ::geteuid() != 0 && identity.error().detail.contains("only root");
    if (!cannot_tell) findings.push_back({"", 0, identity.error().detail, false});
    return;
  }
  if (!*identity) return;
  std::vector<std::string> files = server::files_read_again(snapshot);
  if (!line.config_file.empty()) files.push_back(line.config_file);
  const std::string& log = snapshot.config.log.file;
  for (const process::HiddenFile& hidden : process::hidden_files_for(**identity, files, log)) {
    findings.push_back({"/process/user", 0,
                        fmt::format("{} is out of reach for {}: {}; a reload would fail",
                                    hidden.file, (*identity)->name, hidden.reason),
                        true});
  }
}

/// The servers of pools that are named by SRV records.
void find_servers(const config::Config& config, server::Discovered& found,
                  std::vector<config::Problem>& unreached) {
  for (const config::Pool& pool : config.pools) {
    if (pool.srv.empty()) continue;
    auto servers = server::look_up_servers(pool);
    if (servers) {
      found[pool.name] = std::move(*servers);
    } else {
      unreached.push_back({server::path_of(pool.name) + "/srv", 0, servers.error().detail, false});
    }
  }
}

/// What a policy needs of a server: without UIDL it cannot tell messages apart.
void judge_uidl(const config::Config& config, const UpstreamResult& upstream,
                std::vector<config::Problem>& unreached) {
  using Uidl = UpstreamResult::Uidl;
  if (upstream.uidl == Uidl::announced) return;
  for (const config::RetentionPolicy* policy : server::booked_policies(config, upstream.pool)) {
    if (policy->header_hash) continue;
    const bool known = upstream.uidl == Uidl::missing;
    unreached.push_back(
        {server::path_of(upstream.pool), 0,
         fmt::format("{}: {} UIDL, which the policy {} needs unless it has header_hash",
                     upstream.server, known ? "does not announce" : "does not say if it has",
                     policy->name),
         !known});
  }
}

void reach_servers(const server::Snapshot& snapshot, std::vector<config::Problem>& unreached) {
  for (const UpstreamResult& upstream : check_upstreams(snapshot)) {
    if (upstream.reached) {
      judge_uidl(snapshot.config, upstream, unreached);
    } else {
      unreached.push_back(
          {server::path_of(upstream.pool), 0, upstream.reached.error().detail, false});
    }
  }
}

/// Asks Redis, as a worker does. A file is not opened: it may be in use.
void ask_store(const config::Config& config, std::vector<config::Problem>& findings,
               std::vector<config::Problem>& unreached) {
  const bool asked = config.retention.store.type == config::RetentionStoreType::redis &&
                     server::retention_needs(config).store;
  if (!asked) return;
  auto access = server::open_redis(config.retention.store.redis);
  if (!access) return findings.push_back({"", 0, access.error().detail, false});
  constexpr std::chrono::seconds kKeepNames{30};
  BlockPool blocks;
  net::Loop loop;
  net::Resolver resolver(loop, kKeepNames);
  net::TcpConnector connector(loop, blocks, resolver);
  net::LoopBackground background(loop);
  server::RetentionStores stores;
  stores.redis = *std::move(access);
  const server::WorkerStore store =
      server::worker_store(stores, background, {loop, connector, blocks});
  const auto say = [&unreached](const std::string& text, bool warning) {
    unreached.push_back({"/retention/store", 0, text, warning});
  };
  const Ticket question = store.store->check([&](const Result<void>& answer) {
    if (!answer) say(answer.error().detail, false);
    loop.stop();
  });
  loop.run();
  if (const std::string warning = store.warning(); !warning.empty()) say(warning, true);
}

void ask_scanners(const server::Snapshot& snapshot, std::vector<config::Problem>& unreached) {
  for (const ScannerResult& scanner : check_scanners(snapshot)) {
    if (scanner.effective) continue;
    unreached.push_back(
        {"/scanners", 0,
         fmt::format("{} is not effective: {}", scanner.name, scanner.effective.error().detail),
         false});
  }
}

/// Folders that messages are kept in. The quarantine itself is not opened: it may be in use, and
/// what is made here would belong to who asks.
void judge_folders(const config::Config& config, std::vector<config::Problem>& findings) {
  // Whom the process becomes is the one that counts; judged at start.
  if (config.process.user.empty()) {
    if (auto checked = server::check_spool(config); !checked) {
      findings.push_back({"", 0, checked.error().detail, false});
    }
  }
  for (const std::string& problem : server::judge_retention(config)) {
    findings.push_back({"", 0, problem, false});
  }
  std::ranges::move(server::judge_master_logins(config), std::back_inserter(findings));
  if (struct stat facts{}; ::stat(config.admin.token_file.c_str(), &facts) == 0 &&
                           (facts.st_mode & (S_IRGRP | S_IROTH)) != 0) {
    findings.push_back({"/admin/token_file", 0,
                        fmt::format("{}: others than its owner may read it: who knows the token "
                                    "may act on the status page",
                                    config.admin.token_file),
                        true});
  }
  const std::string& folder = config.quarantine.folder;
  if (folder.empty()) return;
  const std::string above = folder.substr(0, std::max<std::size_t>(folder.rfind('/'), 1));
  if (::access(folder.c_str(), F_OK) != 0 && ::access(above.c_str(), F_OK) != 0) {
    findings.push_back(
        {"/quarantine/folder", 0, fmt::format("{}: there is no folder {}", folder, above), false});
  }
}

/// "clamd, rspamd"
std::string listed(const std::vector<std::string>& names) {
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

std::string_view name_of(config::RetentionType type) {
  static constexpr std::array<std::string_view, 5> kNames = {"client", "keep", "keep_for",
                                                             "delete_after_retrieval", "read_only"};
  return kNames[static_cast<std::size_t>(type)];
}

/// What chains and policies do, for a glance: one line each.
std::string summary(const config::Config& config) {
  std::string text;
  for (const config::Chain& chain : config.chains) {
    std::vector<std::string> filters;
    filters.reserve(chain.filters.size());
    for (const config::Filter& filter : chain.filters) filters.push_back(filter.type);
    text += fmt::format("chain {}: filters {}; scanners {}", chain.name, listed(filters),
                        listed(chain.scanners));
    for (std::size_t i = 1; i < chain.policy.size() && !chain.scanners.empty(); ++i) {
      text += fmt::format("{} {} {}", i == 1 ? ";" : ",", config::kCauseNames[i],
                          config::kActionNames[static_cast<std::size_t>(chain.policy[i])]);
    }
    text += '\n';
  }
  for (const config::RetentionPolicy& policy : config.retention.policies) {
    text += fmt::format("policy {}: {}{}\n", policy.name, name_of(policy.type),
                        policy.dry_run ? ", dry run" : "");
  }
  return text;
}

void print(const CommandLine& line, const std::vector<config::Problem>& findings, ExitCode code) {
  if (!line.json) {
    for (const config::Problem& finding : findings) {
      fmt::print(stderr, "{}\n", to_string(finding, line.config_file));
    }
    fmt::print("{}\n", code == ExitCode::ok            ? "configuration ok"
                       : code == ExitCode::unreachable ? "not everything is reachable"
                                                       : "configuration not usable");
    return;
  }
  std::string list;
  for (const config::Problem& finding : findings) {
    list += fmt::format(R"({}{{"severity":"{}","text":{}}})", list.empty() ? "" : ",",
                        finding.warning ? "warning" : "error",
                        json_string(to_string(finding, line.config_file)));
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
  server::Holdings holdings;
  if (line.connect) find_servers(*loaded.config, holdings.discovered, unreached);
  const auto snapshot = server::make_snapshot(*loaded.config, holdings);
  if (!snapshot) {
    findings.push_back({"", 0, snapshot.error().detail, false});
  } else {
    for (const auto& identity : (*snapshot)->identities) judge(*identity, findings);
    judge_user(line, **snapshot, findings);
    judge_folders(*loaded.config, findings);
    if (!line.json) fmt::print("{}", summary(*loaded.config));
    if (line.connect) {
      reach_servers(**snapshot, unreached);
      ask_scanners(**snapshot, unreached);
      ask_store(*loaded.config, findings, unreached);
    }
  }
  const bool usable = std::ranges::all_of(findings, &config::Problem::warning);
  const bool all_reached = std::ranges::all_of(unreached, &config::Problem::warning);
  const ExitCode code = !usable        ? ExitCode::config
                        : !all_reached ? ExitCode::unreachable
                                       : ExitCode::ok;
  findings.insert(findings.end(), unreached.begin(), unreached.end());
  print(line, findings, code);
  return code;
}

}  // namespace gatepost::command
