#pragma once

#include <string>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/server/snapshot.h"

namespace gatepost::command {

struct ScannerResult {
  std::string name;
  Result<void> effective;  ///< the error says why not
};

/// Shows each scanner that some chain asks the samples of the self-test, one after the other;
/// blocks for as long as their time-outs allow. Programs are only looked for: who checks may be
/// another user than who runs them.
[[nodiscard]] std::vector<ScannerResult> check_scanners(const server::Snapshot& snapshot);

}  // namespace gatepost::command
