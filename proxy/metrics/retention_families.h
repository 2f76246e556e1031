#pragma once

#include <vector>

#include "proxy/metrics/exporter.h"
#include "proxy/metrics/families.h"

/// Private to metrics/.
namespace gatepost::metrics {

using RetentionWorkers = std::vector<const filters::RetentionCounters*>;

/// What policies decided about messages, and how the store does.
void add_retention(std::vector<MetricFamily>& out, const RetentionWorkers& workers,
                   const ProcessFacts& facts);

}  // namespace gatepost::metrics
