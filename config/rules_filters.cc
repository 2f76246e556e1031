#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "config/local.h"
#include "config/rules_parts.h"

namespace gatepost::config {

namespace {

std::string path_of(std::string_view list, std::size_t index) {
  return fmt::format("/{}/{}", list, index);
}

/// Names are what everything else is found by.
template <class T>
void check_names(const std::vector<T>& all, std::string_view list, Findings& findings) {
  std::map<std::string_view, std::size_t> names;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].name.empty()) continue;  // missing, which has been reported
    if (const auto [same, is_new] = names.emplace(all[i].name, i); !is_new) {
      findings.error(path_of(list, i) + "/name",
                     fmt::format("{} already has this name", path_of(list, same->second)));
    }
  }
}

void check_command(const Scanner& scanner, bool has_address, const std::string& path,
                   Findings& findings) {
  const bool is_command = scanner.type == ScannerType::command;
  if (!is_command) {
    if (!scanner.command.empty()) {
      findings.error(path + "/command", "only a scanner of type \"command\" has one");
    }
    if (scanner.command_memory != Scanner().command_memory) {
      findings.error(path + "/command_memory", "only a scanner of type \"command\" has one");
    }
    return;
  }
  if (has_address) findings.error(path + "/address", "a command has no address");
  if (scanner.command.empty()) {
    findings.error(path + "/command", "missing: the program and its arguments");
  } else if (!scanner.command.front().starts_with('/')) {
    findings.error(path + "/command/0", "must be an absolute path: there is no shell, and no PATH");
  }
}

void check_scanner_tls(const Scanner& scanner, const std::string& path, Findings& findings) {
  const bool can = scanner.type == ScannerType::icap || scanner.type == ScannerType::rspamd;
  if (scanner.tls && !can) {
    findings.error(path + "/tls",
                   fmt::format("{} knows no TLS; icap and rspamd do", to_string(scanner.type)));
  }
  if (!scanner.tls) {
    const Scanner usual;
    for (const auto& [key, given] : {std::pair{"verify", scanner.verify != usual.verify},
                                     std::pair{"ca_file", !scanner.ca_file.empty()},
                                     std::pair{"server_name", !scanner.server_name.empty()}}) {
      if (given) findings.warning(fmt::format("{}/{}", path, key), "has no effect without tls");
    }
    return;
  }
  if (scanner.address.is_unix() && scanner.verify && scanner.server_name.empty()) {
    findings.error(path + "/server_name", "missing: a Unix socket has no host to expect");
  }
  if (!scanner.verify) {
    findings.warning(path + "/verify", "whoever answers at this address can call messages clean");
  }
}

void check_address(const Scanner& scanner, const std::string& path, Findings& findings) {
  if (scanner.address.is_unix()) return;
  if (scanner.address.host.empty()) {
    findings.error(path + "/address",
                   fmt::format("names no host; for a scanner on this machine write 127.0.0.1:{}",
                               scanner.address.port));
  } else if (scanner.address.port == 0) {
    findings.error(path + "/address", "port 0 is no port to connect to");
  } else if (!scanner.tls && !is_local(scanner.address)) {
    findings.warning(path + "/address",
                     fmt::format("mail travels in plain text to {}, and verdicts from there",
                                 scanner.address.to_string()));
  }
}

void check_scanner(const Scanner& scanner, bool has_address, const std::string& path,
                   Findings& findings) {
  check_command(scanner, has_address, path, findings);
  check_scanner_tls(scanner, path, findings);
  if (scanner.type == ScannerType::icap && scanner.service.empty()) {
    findings.error(path + "/service", "missing: icap needs one, the path of the service");
  } else if (scanner.type != ScannerType::icap && !scanner.service.empty()) {
    findings.error(path + "/service", "only a scanner of type \"icap\" has one");
  }
  if (scanner.type == ScannerType::command || !has_address) return;
  check_address(scanner, path, findings);
  const bool takes_files = scanner.type == ScannerType::clamd && scanner.address.is_unix();
  if (scanner.descriptor && !takes_files) {
    findings.error(path + "/descriptor",
                   "only clamd at a Unix socket (unix:/path) can be handed open files");
  }
}

void check_waiting(const Built& built, const Chain& chain, const std::string& path,
                   Findings& findings) {
  const Waiting& waiting = chain.waiting;
  if (waiting.quiet >= waiting.deadline) {
    findings.error(path + "/waiting/quiet", "must be less than the deadline");
  }
  for (std::size_t i = 0; i < chain.scanners.size(); ++i) {
    const auto scanner =
        std::ranges::find(built.config.scanners, chain.scanners[i], &Scanner::name);
    if (scanner == built.config.scanners.end() || scanner->timeout <= waiting.deadline) continue;
    findings.warning(path + "/waiting/deadline",
                     fmt::format("is less than the timeout of {}, which counts for nothing then",
                                 quote(scanner->name)));
  }
}

void check_policy(const Built& built, std::size_t index, const std::string& path,
                  Findings& findings) {
  const Chain& chain = built.config.chains[index];
  if (chain.scanners.empty()) {
    if (built.chain_has_policy[index] && chain.rewrite.empty()) {
      findings.warning(path + "/policy", "has no effect: this chain has no scanners and no rules");
    }
    return;
  }
  for (std::size_t i = 0; i < chain.policy.size(); ++i) {
    const std::string where = fmt::format("{}/policy/{}", path, kCauseNames[i]);
    if (chain.policy[i] == Action::quarantine && built.config.quarantine.folder.empty()) {
      findings.error(where, "there is no quarantine: /quarantine/folder is missing");
    }
    const bool unseen = static_cast<Cause>(i) > Cause::spam;
    if (unseen && (chain.policy[i] == Action::deliver || chain.policy[i] == Action::tag)) {
      findings.warning(where, static_cast<Cause>(i) == Cause::infected
                                  ? "infected messages are delivered"
                                  : "messages that no scanner has looked at are delivered");
    }
  }
}

void check_rule(const Built& built, const Chain& chain, const Rule& rule, const std::string& path,
                Findings& findings) {
  const auto action = rule.filter.options.find("action");
  const auto* const word =
      action == rule.filter.options.end() ? nullptr : std::get_if<std::string>(&action->second);
  if (word != nullptr && *word == "quarantine" && built.config.quarantine.folder.empty()) {
    findings.error(path + "/options/action",
                   "there is no quarantine: /quarantine/folder is missing");
  }
  for (const auto& [key, when] : {std::pair("/when", &rule.when), {"/unless", &rule.unless}}) {
    const bool judged = !when->verdicts.empty() || when->min_score;
    if (judged && chain.scanners.empty()) {
      findings.error(path + key, "asks for a verdict, but this chain has no scanners");
    }
    if (when->external && chain.internal.domains.empty()) {
      findings.warning(path + key + std::string("/external"),
                       "all messages are external: the chain's internal/domains is empty");
    }
    if (when->smaller_than > 0 && when->larger_than >= when->smaller_than) {
      findings.error(path + key + std::string("/smaller_than"), "no size is both");
    }
    for (std::size_t i = 0; i < when->routes.size(); ++i) {
      const auto& routes = built.config.routes;
      if (std::ranges::find(routes, when->routes[i], &Route::name) != routes.end()) continue;
      findings.error(fmt::format("{}{}/routes/{}", path, key, i),
                     "there is no route " + quote(when->routes[i]));
    }
  }
}

void check_shadow(const Built& built, const Chain& chain, const std::string& path,
                  Findings& findings) {
  if (chain.shadow.empty()) return;
  const auto& chains = built.config.chains;
  const auto shadow = std::ranges::find(chains, chain.shadow, &Chain::name);
  if (shadow == chains.end()) {
    findings.error(path + "/shadow", "there is no chain " + quote(chain.shadow));
  } else if (!shadow->shadow.empty()) {
    findings.error(path + "/shadow", "has a shadow itself");
  }
}

void check_chain(const Built& built, std::size_t index, Findings& findings) {
  const Chain& chain = built.config.chains[index];
  const std::string path = path_of("chains", index);
  if (chain.name == "none") {
    findings.error(path + "/name", "this name means no chain");
  }
  std::set<std::string_view> named;
  for (std::size_t i = 0; i < chain.scanners.size(); ++i) {
    const std::string where = fmt::format("{}/scanners/{}", path, i);
    if (std::ranges::find(built.config.scanners, chain.scanners[i], &Scanner::name) ==
        built.config.scanners.end()) {
      findings.error(where, "there is no scanner " + quote(chain.scanners[i]));
    } else if (!named.insert(chain.scanners[i]).second) {
      findings.error(where, "this scanner stands here twice");
    }
  }
  check_policy(built, index, path, findings);
  for (std::size_t i = 0; i < chain.rewrite.size(); ++i) {
    check_rule(built, chain, chain.rewrite[i], fmt::format("{}/rewrite/{}", path, i), findings);
  }
  check_shadow(built, chain, path, findings);
  if (!chain.scanners.empty()) check_waiting(built, chain, path, findings);
}

/// Who names chains, and which chains and scanners nobody names.
void check_references(const Built& built, Findings& findings) {
  const Config& config = built.config;
  std::set<std::string_view> named;
  const auto look_up = [&](const std::string& chain, const std::string& where) {
    if (chain.empty()) return;
    named.insert(chain);
    if (std::ranges::find(config.chains, chain, &Chain::name) == config.chains.end()) {
      findings.error(where, "there is no chain " + quote(chain));
    }
  };
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    look_up(config.listeners[i].chain, path_of("listeners", i) + "/chain");
  }
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    if (config.routes[i].chain != "none") {
      look_up(config.routes[i].chain, built.routes[i] + "/chain");
    }
  }
  std::set<std::string_view> asked;
  for (std::size_t i = 0; i < config.chains.size(); ++i) {
    const Chain& chain = config.chains[i];
    asked.insert(chain.scanners.begin(), chain.scanners.end());
    const bool is_shadow = std::ranges::any_of(
        config.chains, [&chain](const Chain& other) { return other.shadow == chain.name; });
    if (!is_shadow && !named.contains(chain.name)) {
      findings.warning(path_of("chains", i), "no listener, no route and no shadow names it");
    }
  }
  for (std::size_t i = 0; i < config.scanners.size(); ++i) {
    if (!asked.contains(config.scanners[i].name)) {
      findings.warning(path_of("scanners", i), "no chain asks it");
    }
  }
}

void check_folder(const std::string& folder, const std::string& path, Findings& findings) {
  if (!folder.empty() && !folder.starts_with('/')) {
    findings.error(path, "must be an absolute path");
  }
}

}  // namespace

void check_filters(const Built& built, Findings& findings) {
  const Config& config = built.config;
  check_names(config.scanners, "scanners", findings);
  check_names(config.chains, "chains", findings);
  for (std::size_t i = 0; i < config.scanners.size(); ++i) {
    check_scanner(config.scanners[i], built.scanner_has_address[i], path_of("scanners", i),
                  findings);
  }
  for (std::size_t i = 0; i < config.chains.size(); ++i) check_chain(built, i, findings);
  check_references(built, findings);
  check_folder(config.spool.folder, "/spool/folder", findings);
  check_folder(config.quarantine.folder, "/quarantine/folder", findings);
  if (config.spool.max_message > config.spool.max_total) {
    findings.warning("/spool/max_message", "is more than max_total, which all share");
  }
}

}  // namespace gatepost::config
