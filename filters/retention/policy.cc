#include "filters/retention/policy.h"

#include <algorithm>

#include <fmt/format.h>

#include "proxy/base/pattern.h"

namespace gatepost::filters {

using config::CountFrom;
using config::DeviceMark;
using config::RetentionType;
using config::RetentionView;

namespace {

bool has_brake(const config::RetentionPolicy& policy) {
  return policy.brake.messages > 0 || policy.brake.percent > 0;
}

/// What a legal hold makes of a policy. Where clients see of old what they deleted, or may not even
/// try, that stays so.
config::RetentionPolicy keeping(config::RetentionPolicy policy) {
  const bool keeps = !policy.dry_run &&
                     (policy.type == RetentionType::keep || policy.type == RetentionType::keep_for);
  const bool refuses = !policy.dry_run && policy.type == RetentionType::read_only;
  if (!keeps) policy.view = RetentionView::hide;
  if (!refuses) policy.type = RetentionType::keep;
  policy.dry_run = false;
  return policy;
}

}  // namespace

bool RetentionPolicy::needs_book() const {
  return held || config.type != RetentionType::client || has_brake(config);
}

bool RetentionPolicy::client_decides() const {
  return config.type == RetentionType::client || config.dry_run;
}

bool RetentionPolicy::needs_store() const { return config.type != RetentionType::client; }

std::optional<std::string> RetentionPolicy::expire() const {
  if (client_decides()) return std::nullopt;
  const bool ends =
      config.type == RetentionType::delete_after_retrieval ||
      (config.type == RetentionType::keep_for && config.count_from != CountFrom::deleted);
  // What a client leaves alone is never deleted by it, so a period after that never begins.
  if (!ends) return "NEVER";
  return fmt::format("{}", std::chrono::floor<std::chrono::days>(config.period).count());
}

std::shared_ptr<const RetentionPolicy> policy_for(std::shared_ptr<const RetentionPolicy> chosen,
                                                  const std::vector<std::string>& hold,
                                                  std::string_view user) {
  if (is_held(hold, user)) {
    auto kept = std::make_shared<RetentionPolicy>();
    if (chosen) *kept = *chosen;
    if (!kept->counters) kept->counters = std::make_shared<PolicyCounters>();
    kept->config = keeping(std::move(kept->config));
    kept->held = true;
    return kept;
  }
  if (chosen && !chosen->needs_book()) return nullptr;
  return chosen;
}

bool is_held(const std::vector<std::string>& hold, std::string_view user) {
  return std::ranges::any_of(
      hold, [user](const std::string& pattern) { return matches_pattern(pattern, user); });
}

std::string device_of(const config::RetentionPolicy& policy, const DeviceFacts& facts) {
  for (const DeviceMark mark : policy.devices) {
    // Its kind stands in front: a suffix cannot pass for a certificate.
    if (mark == DeviceMark::certificate && !facts.certificate.empty()) {
      return fmt::format("certificate:{}", facts.certificate);
    }
    if (mark == DeviceMark::suffix && !facts.suffix.empty()) {
      return fmt::format("suffix:{}", facts.suffix);
    }
    if (mark == DeviceMark::network && !facts.network.empty()) {
      return fmt::format("network:{}", facts.network);
    }
  }
  return {};
}

}  // namespace gatepost::filters
