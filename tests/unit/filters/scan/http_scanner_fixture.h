#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "tests/support/scanner_fixture.h"

namespace gatepost::filters::test {

/// A scanner that is spoken to over connections of FakeConnector.
struct HttpScannerFixture : testing::ScannerFixture {
  using Maker = std::unique_ptr<Scanner> (*)(const config::Scanner&, const ScannerTools&,
                                             std::shared_ptr<const net::TlsLayer>);
  explicit HttpScannerFixture(Maker maker) : make(maker) {
    settings.address = Endpoint::parse("scanner.example:1234").value();
    settings.service = "avscan";
  }

  void begin(const std::string& text, MessageFacts facts = {}) {
    if (!scanner) scanner = make(settings, tools, nullptr);
    verdict.reset();
    ticket =
        scanner->scan({.message = message(text), .facts = std::move(facts)}, [this](Verdict said) {
          EXPECT_FALSE(verdict) << "told twice";
          verdict = std::move(said);
        });
  }
  /// The next scan is that of a new scanner.
  void renew() {
    ticket.reset();
    scanner.reset();
  }
  void accept(testing::WireOptions options = {}) { peer = connector.accept(std::move(options)); }
  /// The loop runs until nothing moves.
  void run() {
    for (int i = 0; i < 1'000'000; ++i) {
      const bool moved = background.turn() || (peer && peer->turn());
      if (moved) continue;
      if (timers.next() != Duration(0)) return;
      timers.advance(Duration(0));
    }
  }
  void deliver(const std::string& text) {
    peer->deliver(text);
    run();
  }
  [[nodiscard]] Cause cause() const {
    EXPECT_TRUE(verdict) << "nothing was said";
    return verdict ? verdict->cause : Cause::count_;
  }

  Maker make;
  std::unique_ptr<Scanner> scanner;
  Ticket ticket;
  std::shared_ptr<testing::MemoryPeer> peer;
  std::optional<Verdict> verdict;
};

}  // namespace gatepost::filters::test
