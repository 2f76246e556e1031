#include "proxy/metrics/retention_families.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <string>
#include <utility>

namespace gatepost::metrics {

namespace {

using filters::PolicyCounters;
using filters::RetentionCounters;
using Policies = std::vector<std::shared_ptr<const PolicyCounters>>;

/// One sample for each policy and each value of an enum, zeros too: rates need a start.
template <class Enum, std::size_t N>
MetricFamily with_policies(MetricFamily to, const Policies& policies,
                           std::array<PolicyCounters::Number, N> PolicyCounters::* numbers,
                           const char* label) {
  for (const auto& policy : policies) {
    for (std::size_t i = 0; i < N; ++i) {
      to = with(std::move(to), static_cast<double>(((*policy).*numbers)[i].load()),
                {{"policy", policy->name},
                 {label, std::string(to_string(static_cast<Enum>(i)))},
                 {"dry_run", policy->dry_run ? "true" : "false"}});
    }
  }
  return to;
}

}  // namespace

void add_retention(std::vector<MetricFamily>& out, const RetentionWorkers& workers,
                   const ProcessFacts& facts) {
  out.push_back(with_policies<filters::RetentionDecision>(
      counter("retention_decisions_total",
              "What policies decided about messages; of a dry run, would have decided."),
      facts.policies, &PolicyCounters::decisions, "decision"));
  out.push_back(with_policies<filters::RetentionGuard>(
      counter("retention_guards_total", "Messages that were to go and were kept, by why."),
      facts.policies, &PolicyCounters::guards, "guard"));
  out.push_back(
      with(counter("retention_hidden_messages_total", "Messages that clients were not shown."),
           sum(workers, &RetentionCounters::hidden_messages)));
  MetricFamily calls = family(MetricType::Histogram, "retention_store_seconds",
                              "Time until the store had answered, by what it was asked.");
  calls =
      with_durations(std::move(calls), workers, &RetentionCounters::store_load, {{"call", "load"}});
  calls = with_durations(std::move(calls), workers, &RetentionCounters::store_commit,
                         {{"call", "commit"}});
  out.push_back(std::move(calls));
  out.push_back(
      with(counter("retention_store_errors_total", "Times that sessions could not use the store."),
           sum(workers, &RetentionCounters::store_errors)));
  out.push_back(with(gauge("retention_store_up",
                           "1 where every worker could use its store when it was asked last."),
                     facts.retention_store_up ? 1 : 0));
}

}  // namespace gatepost::metrics
