#include "proxy/server/chains.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "proxy/tls/client_context.h"

namespace gatepost::server {

namespace {

std::unexpected<Error> below(const std::string& path, const Error& error) {
  return fail(error.code, path + error.detail);
}

/// For comparison: whoever uses the file reads it for itself, and says what is wrong with it.
std::string content_of(const std::string& file) {
  if (file.empty()) return {};
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Unambiguous: each text with its length.
void add(std::string& to, std::string_view text) { to += fmt::format("{}:{};", text.size(), text); }

void add_option(std::string& to, const config::FilterOption& option) {
  if (const auto* flag = std::get_if<bool>(&option)) return add(to, *flag ? "true" : "false");
  if (const auto* number = std::get_if<std::int64_t>(&option)) {
    return add(to, fmt::format("#{}", *number));
  }
  if (const auto* text = std::get_if<std::string>(&option)) return add(to, "\"" + *text);
  const auto& texts = std::get<std::vector<std::string>>(option);
  add(to, fmt::format("[{}", texts.size()));
  for (const std::string& text : texts) add(to, text);
}

void add_filter(std::string& to, const config::Filter& filter) {
  add(to, filter.type);
  for (const auto& [name, value] : filter.options) {
    add(to, name);
    add_option(to, value);
  }
}

void add_all(std::string& to, const std::vector<std::string>& texts) {
  add(to, fmt::format("[{}", texts.size()));
  for (const std::string& text : texts) add(to, text);
}

void add_all(std::string& to, const std::vector<IpNetwork>& networks) {
  add(to, fmt::format("[{}", networks.size()));
  for (const IpNetwork& network : networks) add(to, network.to_string());
}

void add_when(std::string& to, const config::When& when) {
  for (const auto* texts : {&when.routes, &when.users, &when.sender_domains, &when.verdicts}) {
    add_all(to, *texts);
  }
  add_all(to, when.networks);
  for (const auto& header : when.headers) {
    add(to, header.name);
    add(to, header.pattern);
  }
  add(to, fmt::format("{} {} {} {}", when.larger_than, when.smaller_than,
                      when.min_score.value_or(-1), when.external ? int{*when.external} : -1));
}

/// All that the rules of a chain do.
std::string rules_fingerprint_of(const config::Chain& chain) {
  std::string text;
  for (const config::Rule& rule : chain.rewrite) {
    add_filter(text, rule.filter);
    add_when(text, rule.when);
    add_when(text, rule.unless);
  }
  add_all(text, chain.internal.domains);
  add_all(text, chain.internal.networks);
  return text;
}

/// All that a verdict depends on and the scanner's version does not tell. How messages get there,
/// how many at once, and what then becomes of them is no part of it.
std::string fingerprint_of(const config::Chain& chain, const filters::ScanDesk::Kinds& scanners) {
  std::string text;
  for (const config::Filter& filter : chain.filters) {
    add(text, "filter");
    add_filter(text, filter);
  }
  for (const auto& kind : scanners) {
    const config::Scanner& scanner = kind->config;
    add(text, "scanner");
    add(text, scanner.name);
    add(text, fmt::format("{}", std::to_underlying(scanner.type)));
    add(text, scanner.address.to_string());
    add(text, scanner.service);
    for (const std::string& word : scanner.command) add(text, word);
    add(text, fmt::format("{} {} {} {}", scanner.max_size, scanner.command_memory, scanner.tls,
                          scanner.descriptor));
  }
  return text;
}

}  // namespace

Result<ChainMaker::Kind> ChainMaker::scanner(const config::Scanner& config, const std::string& path,
                                             OnBroken on_broken,
                                             std::vector<FileProblem>& problems) {
  std::erase_if(known_, [](const Known& known) { return known.kind.expired(); });
  const std::string authorities = config.tls ? content_of(config.ca_file) : std::string();
  Kind same_settings;
  for (const Known& known : known_) {
    Kind kind = known.kind.lock();
    if (!kind || kind->config != config || kind->workers != workers_) continue;
    if (known.authorities == authorities) return kind;
    same_settings = std::move(kind);
  }
  auto made = std::make_shared<filters::ScannerKind>();
  made->config = config;
  made->workers = workers_;
  if (config.tls) {
    auto context = tls::ClientContext::create(
        {.verify = config.verify,
         .ca_file = config.ca_file,
         .server_name = config.server_name.empty() ? config.address.host : config.server_name,
         .alpn_pop3 = false});
    if (!context) {
      if (on_broken == OnBroken::refuse || !same_settings) {
        return below(path + ": ", context.error());
      }
      problems.push_back({path, context.error().detail});
      return same_settings;
    }
    made->tls = std::move(*context);
  }
  auto& counters = counters_[config.name];
  if (!counters) {
    counters = std::make_shared<filters::ScannerCounters>();
    counters->name = config.name;
  }
  made->counters = counters;
  known_.push_back({made, authorities});
  return made;
}

Result<std::shared_ptr<const filters::NoticeWriter>> ChainMaker::notice(
    const config::Chain& config, const std::string& path, OnBroken on_broken,
    std::vector<FileProblem>& problems) {
  auto made = filters::NoticeWriter::create(config.notice);
  if (made) return notices_[config.name] = std::move(*made);
  const auto before = notices_.find(config.name);
  if (on_broken == OnBroken::refuse || before == notices_.end()) {
    return below(path + "/notice", made.error());
  }
  problems.push_back({path + "/notice", made.error().detail});
  return before->second;
}

Result<Chains> ChainMaker::make(const config::Config& config, OnBroken on_broken,
                                std::vector<FileProblem>& problems) {
  Chains chains;
  std::map<std::string, Kind> kinds;
  for (std::size_t i = 0; i < config.scanners.size(); ++i) {
    const config::Scanner& one = config.scanners[i];
    // One that no chain asks is not tested either.
    const bool wanted = std::ranges::any_of(config.chains, [&one](const config::Chain& chain) {
      return std::ranges::find(chain.scanners, one.name) != chain.scanners.end();
    });
    if (!wanted) continue;
    auto kind = scanner(one, fmt::format("/scanners/{}", i), on_broken, problems);
    if (!kind) return std::unexpected(kind.error());
    chains.scanners.push_back(*kind);
    kinds.emplace(one.name, std::move(*kind));
  }
  std::map<std::string, std::shared_ptr<filters::Chain>> made;
  for (std::size_t i = 0; i < config.chains.size(); ++i) {
    const config::Chain& one = config.chains[i];
    const std::string path = fmt::format("/chains/{}", i);
    auto chain = std::make_shared<filters::Chain>();
    chain->config = one;
    chain->path = path;
    for (std::size_t k = 0; k < one.filters.size(); ++k) {
      auto filter = filters::make_filter(one.filters[k]);
      if (!filter) return below(fmt::format("{}/filters/{}", path, k), filter.error());
      chain->filters.push_back(std::move(*filter));
    }
    for (const std::string& name : one.scanners) {
      const auto kind = kinds.find(name);
      if (kind == kinds.end()) {
        return fail(ErrorCode::config, fmt::format("{}/scanners: there is no {}", path, name));
      }
      chain->scanners.push_back(kind->second);
    }
    auto writer = notice(one, path, on_broken, problems);
    if (!writer) return std::unexpected(writer.error());
    chain->notice = std::move(*writer);
    if (!one.rewrite.empty()) {
      auto rules = filters::RuleBook::create(one);
      if (!rules) return below(path, rules.error());
      chain->rules = std::make_shared<const filters::RuleBook>(std::move(*rules));
    }
    chain->fingerprint = fingerprint_of(one, chain->scanners);
    chain->rules_fingerprint = rules_fingerprint_of(one);
    const bool idle = chain->filters.empty() && chain->scanners.empty() && !chain->rules;
    // A chain of nothing that has a shadow, or is one, is looked at all the same.
    const bool is_shadow = std::ranges::any_of(
        config.chains, [&one](const config::Chain& other) { return other.shadow == one.name; });
    if (idle && one.shadow.empty() && !is_shadow) chain.reset();
    made.emplace(one.name, std::move(chain));
  }
  for (const auto& [name, chain] : made) {
    if (!chain || chain->config.shadow.empty()) continue;
    const auto shadow = made.find(chain->config.shadow);
    if (shadow == made.end()) {
      return fail(ErrorCode::config, "there is no chain " + chain->config.shadow);
    }
    chain->shadow = shadow->second;
  }
  chains.by_name.insert(made.begin(), made.end());
  return chains;
}

}  // namespace gatepost::server
