#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "filters/scan/scanner.h"
#include "tests/support/fake_background.h"
#include "tests/support/fake_connector.h"
#include "tests/support/fake_timers.h"

namespace gatepost::testing {

/// What a scanner may use, all of it the test's, and messages for it.
struct ScannerFixture : ::testing::Test {
  /// A ready spool; one that is in a file is written at once.
  std::shared_ptr<const filters::Spool> message(const std::string& text) {
    auto spool = std::make_shared<filters::Spool>(room, pool, background, [] {});
    spool->append(ByteChain(pool, text));
    spool->seal();
    background.run_all();
    return spool;
  }

  config::Scanner settings;
  BlockPool pool;
  FakeTimers timers;
  FakeConnector connector{pool};
  FakeBackground background;
  filters::ScannerTools tools{timers, connector, pool, background};
  std::shared_ptr<filters::SpoolRoom> room =
      std::make_shared<filters::SpoolRoom>("/tmp", 8 << 20, 16 << 20);
};

}  // namespace gatepost::testing
