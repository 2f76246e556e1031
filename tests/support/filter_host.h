#pragma once

#include <memory>

#include "filters/chain.h"
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
        host{timers, pool, background, counters, desk, room, memory} {}

  /// A chain with one scanner that does what `hand` says, and with a notice. No verdict is
  /// remembered, infected messages become a notice. May be changed and then copied into a
  /// shared_ptr.
  [[nodiscard]] filters::Chain scanning_chain() {
    filters::Chain chain;
    chain.config.name = "strict";
    chain.config.policy = config::default_policy(false);
    chain.config.remember = false;
    auto kind = std::make_shared<filters::ScannerKind>();
    kind->config.name = "scanner";
    kind->config.self_test = Duration(0);
    kind->config.timeout = Duration(36'000'000);  // the chain says when it is late
    kind->counters = std::make_shared<filters::ScannerCounters>();
    chain.scanners.push_back(std::move(kind));
    chain.notice = *filters::NoticeWriter::create({});
    desk.apply(chain.scanners);
    hand->pass_self_test();
    return chain;
  }

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
