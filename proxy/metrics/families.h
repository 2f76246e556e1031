#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/cells.h"

/// Private to metrics/: how families are made. What `workers` point to is read, and summed up.
namespace gatepost::metrics {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

inline MetricFamily family(MetricType type, std::string name, std::string help) {
  MetricFamily result;
  result.name = "gatepost_" + std::move(name);
  result.help = std::move(help);
  result.type = type;
  return result;
}
inline MetricFamily counter(std::string name, std::string help) {
  return family(MetricType::Counter, std::move(name), std::move(help));
}
inline MetricFamily gauge(std::string name, std::string help) {
  return family(MetricType::Gauge, std::move(name), std::move(help));
}

/// The family with one sample more.
inline MetricFamily with(MetricFamily to, double value, Labels labels = {}) {
  ClientMetric& sample = to.metric.emplace_back();
  sample.label = std::move(labels);
  (to.type == MetricType::Counter ? sample.counter.value : sample.gauge.value) = value;
  return to;
}

template <class Of>
double sum(const std::vector<const Of*>& workers, Cell Of::* cell) {
  std::uint64_t total = 0;
  for (const Of* worker : workers) total += (worker->*cell).get();
  return static_cast<double>(total);
}

template <class Of, class Enum>
double sum(const std::vector<const Of*>& workers, CellsBy<Enum> Of::* cells, Enum which) {
  std::uint64_t total = 0;
  for (const Of* worker : workers) total += (worker->*cells)[which].get();
  return static_cast<double>(total);
}

/// The family, which is a histogram, with one sample more.
template <class Of>
MetricFamily with_durations(MetricFamily to, const std::vector<const Of*>& workers,
                            DurationCells Of::* durations, Labels labels = {}) {
  ClientMetric& sample = to.metric.emplace_back();
  sample.label = std::move(labels);
  ClientMetric::Histogram& result = sample.histogram;
  std::uint64_t sum_ms = 0;
  for (const Of* worker : workers) sum_ms += (worker->*durations).sum_ms();
  result.sample_sum = static_cast<double>(sum_ms) / 1000;
  constexpr const auto& kBounds = DurationCells::kBounds;
  for (std::size_t i = 0; i <= kBounds.size(); ++i) {
    for (const Of* worker : workers) {
      result.sample_count += (worker->*durations).buckets()[i].get();
    }
    const double bound = i < kBounds.size() ? static_cast<double>(kBounds[i]) / 1000
                                            : std::numeric_limits<double>::infinity();
    result.bucket.push_back({result.sample_count, bound});
  }
  return to;
}

template <class Of>
MetricFamily histogram(const std::vector<const Of*>& workers, DurationCells Of::* durations,
                       std::string name, std::string help) {
  return with_durations(family(MetricType::Histogram, std::move(name), std::move(help)), workers,
                        durations);
}

}  // namespace gatepost::metrics
