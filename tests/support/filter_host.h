#pragma once

#include <memory>

#include "filters/host.h"
#include "tests/support/fake_background.h"
#include "tests/support/fake_scanner.h"

namespace gatepost::testing {

/// A filters::Host for tests that are not about scanners: in memory, each scanner a FakeScanner
/// with the same hand.
class FilterHost {
 public:
  FilterHost(TimerService& timers, net::Connector& connector, BlockPool& pool, Log& log)
      : desk({timers, connector, pool, background}, log,
             [this](const filters::ScannerKind&, const filters::ScannerTools&) {
               return std::make_unique<FakeScanner>(hand);
             }),
        host{timers, pool, background, counters, desk, room, memory, nullptr} {}

  std::shared_ptr<FakeScanner::Hand> hand = std::make_shared<FakeScanner::Hand>();
  FakeBackground background;
  filters::MessageCounters counters;
  filters::ScanDesk desk;
  std::shared_ptr<filters::SpoolRoom> room =
      std::make_shared<filters::SpoolRoom>("/tmp", 4'000'000, 8'000'000);
  std::shared_ptr<filters::VerdictMemory> memory =
      std::make_shared<filters::VerdictMemory>(100, std::chrono::seconds(3600));
  filters::Host host;
};

}  // namespace gatepost::testing
