#pragma once

#include <vector>

#include "proxy/metrics/exporter.h"
#include "proxy/metrics/families.h"

/// Private to metrics/.
namespace gatepost::metrics {

/// What there is room for, and what is taken of it: the limits of the configuration, the
/// quarantine, and what the process takes of the machine.
void add_room(std::vector<MetricFamily>& out, const ProcessFacts& facts);

}  // namespace gatepost::metrics
