#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "config/build_parts.h"
#include "config/units.h"

namespace gatepost::config {

namespace {

constexpr std::size_t kMaxScanners = 64;
constexpr std::size_t kMaxChains = 64;
constexpr std::size_t kMaxFilters = 64;
constexpr std::size_t kMaxRules = 64;
constexpr std::size_t kMaxHeaders = 16;

std::uint16_t usual_port(ScannerType type) {
  switch (type) {
    case ScannerType::clamd:
      return 3310;
    case ScannerType::icap:
      return 1344;
    case ScannerType::rspamd:
      return 11333;
    case ScannerType::spamd:
      return 783;
    case ScannerType::command:
      break;
  }
  return 0;
}

void read_size(const Reader& in, const char* key, std::uint64_t& field) {
  in.read(key, field);
  if (const auto size = in.text(key)) field = parse_size(*size).value_or(field);
}

void build_scanner(const Reader& in, Built& built) {
  Scanner scanner;
  in.read("name", scanner.name);
  in.read("type", scanner.type, kScannerTypes);
  built.scanner_has_address.push_back(
      in.read("address", scanner.address, usual_port(scanner.type)));
  in.read("tls", scanner.tls);
  in.read("verify", scanner.verify);
  in.read("ca_file", scanner.ca_file);
  in.read("server_name", scanner.server_name);
  in.read("service", scanner.service);
  in.read("descriptor", scanner.descriptor);
  in.read("command", scanner.command);
  read_size(in, "command_memory", scanner.command_memory);
  in.read("timeout", scanner.timeout);
  in.read("concurrency", scanner.concurrency);
  in.read("queue", scanner.queue);
  read_size(in, "max_size", scanner.max_size);
  in.read("breaker_failures", scanner.breaker_failures);
  in.read("breaker_pause", scanner.breaker_pause);
  in.read("self_test", scanner.self_test);
  in.read("required", scanner.required);
  // Said here, where it is known whether one was given: an address that cannot be read is one.
  if (scanner.type != ScannerType::command && in.is_object() && in.find("address") == nullptr) {
    in.error("address", "missing");
  }
  built.config.scanners.push_back(std::move(scanner));
}

FilterOption option_of(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (value.is_string()) return value.get<std::string>();
  std::vector<std::string> texts;
  if (value.is_array()) {
    for (const Json& item : value) {
      if (item.is_string()) texts.push_back(item.get<std::string>());
    }
  }
  return texts;
}

Filter build_filter(const Reader& in) {
  Filter filter;
  in.read("type", filter.type);
  const Json* options = in.find("options");
  if (options == nullptr || !options->is_object()) return filter;
  for (const auto& [name, value] : options->items()) filter.options[name] = option_of(value);
  return filter;
}

When build_when(const Reader& in, Findings& findings) {
  When when;
  in.read("routes", when.routes);
  in.read("users", when.users);
  in.read("networks", when.networks);
  in.read("sender_domains", when.sender_domains);
  in.for_each("headers", kMaxHeaders, [&](const Json& header, const std::string& path) {
    const Reader match(header, path, findings);
    when.headers.emplace_back();
    match.read("name", when.headers.back().name);
    match.read("pattern", when.headers.back().pattern);
  });
  read_size(in, "larger_than", when.larger_than);
  read_size(in, "smaller_than", when.smaller_than);
  in.read("verdicts", when.verdicts);
  if (in.find("min_score") != nullptr) {
    std::uint32_t score = 0;
    in.read("min_score", score);
    when.min_score = score;
  }
  if (in.find("external") != nullptr) in.read("external", when.external.emplace());
  return when;
}

Rule build_rule(const Reader& in, Findings& findings) {
  Rule rule;
  in.read("name", rule.name);
  rule.filter = build_filter(in);
  rule.when = build_when(in.section("when"), findings);
  rule.unless = build_when(in.section("unless"), findings);
  return rule;
}

void build_policy(const Reader& in, Policy& policy) {
  for (std::size_t i = 0; i < kCauseNames.size(); ++i) {
    const auto said = in.text(kCauseNames[i].data());
    for (std::size_t k = 0; said && k < kActionNames.size(); ++k) {
      if (*said == kActionNames[k]) policy[i] = static_cast<Action>(k);
    }
  }
}

void build_chain(const Reader& in, Built& built, Findings& findings) {
  Chain chain;
  in.read("name", chain.name);
  in.for_each("filters", kMaxFilters, [&](const Json& filter, const std::string& path) {
    chain.filters.push_back(build_filter({filter, path, findings}));
  });
  in.read("scanners", chain.scanners);
  in.for_each("rewrite", kMaxRules, [&](const Json& rule, const std::string& path) {
    chain.rewrite.push_back(build_rule({rule, path, findings}, findings));
  });
  const Reader internal = in.section("internal");
  internal.read("domains", chain.internal.domains);
  internal.read("networks", chain.internal.networks);
  in.read("shadow", chain.shadow);
  chain.policy = default_policy(!built.config.quarantine.folder.empty());
  build_policy(in.section("policy"), chain.policy);
  const Reader waiting = in.section("waiting");
  waiting.read("quiet", chain.waiting.quiet);
  waiting.read("interval", chain.waiting.interval);
  waiting.read("deadline", chain.waiting.deadline);
  waiting.read("refuse_again", chain.waiting.refuse_again);
  const Reader notice = in.section("notice");
  notice.read("language", chain.notice.language);
  notice.read("text_file", chain.notice.text_file);
  notice.read("html_file", chain.notice.html_file);
  notice.read("contact", chain.notice.contact);
  in.read("top_lines", chain.top_lines);
  in.read("tag_header", chain.tag_header);
  in.read("tag_subject", chain.tag_subject);
  in.read("remember", chain.remember);
  in.read("read_ahead", chain.read_ahead);
  in.read<Sizes>("sizes", chain.sizes, {{"upstream", Sizes::upstream}, {"exact", Sizes::exact}});
  built.chain_has_policy.push_back(in.find("policy") != nullptr);
  built.config.chains.push_back(std::move(chain));
}

}  // namespace

void build_filters(const Reader& root, Built& built, Findings& findings) {
  Config& config = built.config;
  const Reader spool = root.section("spool");
  spool.read("folder", config.spool.folder);
  read_size(spool, "max_message", config.spool.max_message);
  read_size(spool, "max_total", config.spool.max_total);
  const Reader quarantine = root.section("quarantine");
  quarantine.read("folder", config.quarantine.folder);
  read_size(quarantine, "max_size", config.quarantine.max_size);
  quarantine.read("max_age", config.quarantine.max_age);
  const Reader memory = root.section("verdict_memory");
  memory.read("entries", config.verdict_memory.entries);
  memory.read("max_age", config.verdict_memory.max_age);
  root.for_each("scanners", kMaxScanners, [&](const Json& scanner, const std::string& path) {
    build_scanner({scanner, path, findings}, built);
  });
  // After the quarantine: the default policy depends on whether there is one.
  root.for_each("chains", kMaxChains, [&](const Json& chain, const std::string& path) {
    build_chain({chain, path, findings}, built, findings);
  });
}

}  // namespace gatepost::config
