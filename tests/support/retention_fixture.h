#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "filters/retention/host.h"
#include "filters/retention/policy.h"
#include "proxy/store/memory_records.h"
#include "tests/support/fake_background.h"

namespace gatepost::testing {

/// Notes what is removed.
class RecordingAudit final : public filters::Audit {
 public:
  void removed(const Removal& removal) override { reasons.emplace_back(removal.reason); }
  std::vector<std::string> reasons;
};

/// A filters::RetentionHost with a store in memory, and a clock that stands still.
class RetentionFixture {
 public:
  RetentionFixture(TimerService& timers, Background& background, Log& log)
      : host{.timers = timers,
             .background = background,
             .log = log,
             .counters = counters,
             .store = std::make_shared<store::TableRecords>(table, background),
             .names = std::make_shared<const filters::NameHasher>("a key for the tests only"),
             .audit = audit,
             .clock = [this] { return now; }} {}

  /// Ready for use in settings or a route.
  [[nodiscard]] static std::shared_ptr<const filters::RetentionPolicy> policy(
      config::RetentionPolicy config) {
    auto policy = std::make_shared<filters::RetentionPolicy>();
    policy->config = std::move(config);
    policy->counters = std::make_shared<filters::PolicyCounters>();
    return policy;
  }

  std::int64_t now = 1'800'000'000;
  std::shared_ptr<store::RecordTable> table = std::make_shared<store::MemoryRecords>();
  std::shared_ptr<RecordingAudit> audit = std::make_shared<RecordingAudit>();
  filters::RetentionCounters counters;
  filters::RetentionHost host;
};

}  // namespace gatepost::testing
