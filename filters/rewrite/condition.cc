#include "filters/rewrite/condition.h"

#include <algorithm>

#include <fmt/format.h>
#include <re2/re2.h>

#include "filters/message/header_edit.h"
#include "filters/message/header_text.h"
#include "filters/rewrite/header_lookup.h"
#include "proxy/base/address.h"
#include "proxy/base/pattern.h"

namespace gatepost::filters {

struct Condition::Patterns {
  std::vector<std::unique_ptr<re2::RE2>> of_headers;
};

Result<Condition> Condition::create(const config::When& when) {
  auto patterns = std::make_shared<Patterns>();
  for (std::size_t i = 0; i < when.headers.size(); ++i) {
    const auto& match = when.headers[i];
    const std::string path = fmt::format("/headers/{}", i);
    if (!is_field_name(match.name)) {
      return fail(ErrorCode::config, path + "/name: must be the name of a header field");
    }
    if (match.pattern.size() > kMaxPattern) {
      return fail(ErrorCode::config,
                  fmt::format("{}/pattern: longer than {} octets", path, kMaxPattern));
    }
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kMaxPatternMemory);
    options.set_case_sensitive(false);
    auto pattern = std::make_unique<re2::RE2>(match.pattern, options);
    if (!pattern->ok()) {
      return fail(ErrorCode::config, fmt::format("{}/pattern: {}", path, pattern->error()));
    }
    patterns->of_headers.push_back(std::move(pattern));
  }
  Condition condition;
  condition.when_ = when;
  condition.patterns_ = std::move(patterns);
  condition.empty_ = when.routes.empty() && when.users.empty() && when.networks.empty() &&
                     when.sender_domains.empty() && when.headers.empty() && when.larger_than == 0 &&
                     when.smaller_than == 0 && when.verdicts.empty() && !when.min_score &&
                     !when.external;
  return condition;
}

bool Condition::asks_for_size() const { return when_.larger_than > 0 || when_.smaller_than > 0; }

bool Condition::sender_fits(std::string_view header, bool every) const {
  const auto fits = [this](const std::string& domain) {
    return std::ranges::any_of(when_.sender_domains, [&domain](const std::string& wanted) {
      return is_domain(domain, wanted);
    });
  };
  const std::vector<std::string> domains = sender_domains(header);
  if (domains.empty()) return false;
  return every ? std::ranges::all_of(domains, fits) : std::ranges::any_of(domains, fits);
}

bool Condition::holds(const RuleInput& input, bool every) const {
  const auto one_of = [](const std::vector<std::string>& list, const auto& fits) {
    return list.empty() || std::ranges::any_of(list, fits);
  };
  if (!one_of(when_.routes, [&](const auto& route) { return route == input.route; })) return false;
  if (!one_of(when_.users, [&](const auto& p) { return matches_pattern(p, input.user); })) {
    return false;
  }
  if (!one_of(when_.verdicts, [&](const auto& one) { return one == input.verdict; })) return false;
  if (when_.min_score && (!input.score || *input.score < *when_.min_score)) return false;
  if (when_.external && *when_.external != input.external) return false;
  if (when_.larger_than > 0 && input.size <= when_.larger_than) return false;
  if (when_.smaller_than > 0 && input.size >= when_.smaller_than) return false;
  if (!when_.networks.empty()) {
    const auto client = IpAddress::parse(input.client_address);
    if (!client || !any_contains(when_.networks, *client)) return false;
  }
  if (!when_.sender_domains.empty() && !sender_fits(input.header, every)) return false;
  for (std::size_t i = 0; i < when_.headers.size(); ++i) {
    std::size_t fields = 0;
    std::size_t matches = 0;
    for_each_field(input.header, when_.headers[i].name, [&](std::string_view field) {
      const std::string text = readable_field(field, kMaxFieldText);
      ++fields;
      if (re2::RE2::PartialMatch(text, *patterns_->of_headers[i])) ++matches;
    });
    if (matches == 0 || (every && matches < fields)) return false;
  }
  return true;
}

}  // namespace gatepost::filters
