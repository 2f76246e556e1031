#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "filters/retention/audit.h"
#include "filters/retention/counters.h"
#include "filters/retention/names.h"
#include "proxy/base/background.h"
#include "proxy/base/log.h"
#include "proxy/base/timer.h"
#include "proxy/store/record_store.h"

namespace gatepost::filters {

/// What the account books of one worker use; all of it outlives them.
struct RetentionHost {
  TimerService& timers;
  Background& background;
  Log& log;
  RetentionCounters& counters;
  /// Of this worker; null where no policy needs one.
  std::shared_ptr<store::RecordStore> store = nullptr;
  /// Shared by all workers, like `audit`. Neither is null where there are policies.
  std::shared_ptr<const NameHasher> names = nullptr;
  std::shared_ptr<Audit> audit = nullptr;
  std::chrono::seconds forget_after{90 * 24 * 3600};
  std::vector<std::string> hold = {};
  /// Seconds since 1970, UTC.
  std::function<std::int64_t()> clock;
};

}  // namespace gatepost::filters
