#pragma once

#include <memory>

#include "filters/counters.h"
#include "filters/memory/delivered_sizes.h"
#include "filters/memory/verdict_memory.h"
#include "filters/quarantine/quarantine.h"
#include "filters/scan/scan_desk.h"
#include "filters/spool/spool.h"

namespace gatepost::filters {

class Shadows;

/// What the chains of one worker use; all of it outlives them. Those in shared_ptrs are shared
/// by all workers.
struct Host {
  TimerService& timers;
  BlockPool& pool;
  Background& background;
  MessageCounters& counters;
  ScanDesk& desk;
  std::shared_ptr<SpoolRoom> room = nullptr;         ///< not null where there are chains
  std::shared_ptr<VerdictMemory> memory = nullptr;   ///< null: verdicts are not remembered
  std::shared_ptr<Quarantine> quarantine = nullptr;  ///< null where there is none
  std::shared_ptr<DeliveredSizes> sizes = nullptr;   ///< null: LIST and STAT say what upstream says
  Shadows* shadows = nullptr;                        ///< null: chains have none
  bool dry = false;  ///< nothing is kept: what would go to quarantine is only called so
};

}  // namespace gatepost::filters
