#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "filters/rewrite/condition.h"
#include "filters/rewrite/rule.h"
#include "proxy/base/error.h"

namespace gatepost::filters {

/// How often a rule applied, by all workers.
struct RuleCounter {
  std::string chain;
  std::string rule;
  std::atomic<std::uint64_t> applied = 0;
};

/// The rules of a chain. Immutable, shared by all workers and threads.
class RuleBook {
 public:
  /// Fails with `config`, the JSON path below the chain in front: "/rewrite/0/when/headers/0: …".
  [[nodiscard]] static Result<RuleBook> create(const config::Chain& chain);

  [[nodiscard]] bool empty() const { return entries_.empty(); }
  /// Whether some rule has to have the message complete.
  [[nodiscard]] bool needs_whole() const;
  /// The same for one message of which the header is known.
  [[nodiscard]] bool needs_whole(const RuleInput& input) const;
  /// Whether some rule protects users.
  [[nodiscard]] bool protects() const;
  /// Whether a condition asks where a message comes from.
  [[nodiscard]] bool asks_for_origin() const;

  enum class Which : std::uint8_t { all, header_only };
  /// What all rules that apply want, one after the other until one stops the message.
  /// `header_only`: those that need the message complete do not apply; `text` and `structure` may
  /// be null then.
  [[nodiscard]] Result<void> apply(const RuleInput& input, Which which, RewritePlan& plan) const;

  [[nodiscard]] std::vector<std::shared_ptr<RuleCounter>> counters() const;

 private:
  struct Entry {
    std::shared_ptr<const Rule> rule;
    Condition when;
    Condition unless;
    std::shared_ptr<RuleCounter> counter;
    [[nodiscard]] bool needs_whole() const;
    [[nodiscard]] bool applies(const RuleInput& input) const;
    [[nodiscard]] std::string_view passed_by(const RuleInput& input, Which which) const;
  };
  std::vector<Entry> entries_;
  std::vector<std::string> own_fields_;
};

}  // namespace gatepost::filters
