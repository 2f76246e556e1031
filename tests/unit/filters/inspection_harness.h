#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "filters/inspection.h"
#include "tests/support/fake_background.h"
#include "tests/support/fake_connector.h"
#include "tests/support/fake_scanner.h"
#include "tests/support/fake_timers.h"
#include "tests/support/leak_check.h"
#include "tests/support/recording_log.h"
#include "tests/support/temporary_folder.h"

namespace gatepost::filters::test {

using ::gatepost::testing::FakeBackground;
using ::gatepost::testing::FakeScanner;
using ::gatepost::testing::FakeTimers;
using Outcome = Inspection::Outcome;
using Progress = Inspection::Progress;

inline constexpr std::string_view kMail =
    "From: sender@example.org\r\nSubject: Hello\r\nDate: Mon, 2 Mar 2026 10:00:00 +0000\r\n\r\n"
    "body\r\n.\r\n..\r\n";

/// A chain with scanners that the test answers for, and everything that it needs.
struct InspectionTest : ::testing::Test, Inspection::Owner {
  InspectionTest() { chain.config.policy = config::default_policy(true); }
  ~InspectionTest() override { inspection.reset(); }  // before the host

  /// Before the first inspection.
  std::shared_ptr<FakeScanner::Hand> add_scanner(const std::string& name,
                                                 std::uint64_t max_size = 1'000'000) {
    config::Scanner scanner;
    scanner.name = name;
    scanner.max_size = max_size;
    auto kind = std::make_shared<ScannerKind>();
    kind->config = scanner;
    kind->counters = std::make_shared<ScannerCounters>();
    chain.scanners.push_back(kind);
    hands.push_back(std::make_shared<FakeScanner::Hand>());
    desk.apply(chain.scanners);
    hands.back()->pass_self_test();
    return hands.back();
  }
  void policy(Cause cause, Action action) {
    config::action_for(chain.config.policy, cause) = action;
  }
  void begin(Duration limit = Duration(60'000)) {
    if (!chain.notice) chain.notice = *NoticeWriter::create({});
    MessageFacts facts;
    facts.route = "r";
    facts.user = "alice";
    inspection = make_inspection(host(), std::make_shared<const Chain>(chain), facts, limit, *this);
  }
  void feed(std::string_view text) { inspection->feed(ByteChain(pool, text)); }
  /// The whole message, as fast as it is wanted.
  void feed_all(std::string_view text, std::size_t piece = 50'000) {
    while (!text.empty()) {
      feed(text.substr(0, piece));
      text.remove_prefix(std::min(piece, text.size()));
      while (inspection->congested() && background.turn()) continue;
    }
    inspection->end();
    turn();
  }
  /// Everything that can happen without scanners or time.
  void turn() {
    do {
      background.run_all();
      timers.advance(Duration(0));
    } while (background.pending() > 0);
  }
  void answer(std::size_t scanner, Verdict verdict) {
    ASSERT_FALSE(hands[scanner]->scans.empty());
    hands[scanner]->answer(std::move(verdict));
    turn();
  }
  /// What the client gets; "broken: …" at the end where that happens.
  std::string take_all() {
    std::string text;
    while (true) {
      ByteChain out;
      const Progress progress = inspection->take(out);
      EXPECT_LE(out.size(), 300'000U);
      text += out.to_string();
      if (progress == Progress::end) return text;
      if (progress == Progress::broken) return text + "broken: " + inspection->problem();
      if (progress == Progress::data) continue;
      const std::size_t told_before = told;
      turn();
      if (told == told_before) return text + "waits";
    }
  }
  [[nodiscard]] std::uint64_t causes() const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < counters.causes.kSize; ++i) {
      sum += counters.causes[static_cast<Cause>(i)].get();
    }
    return sum;
  }
  [[nodiscard]] std::uint64_t actions() const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < counters.actions.kSize; ++i) {
      sum += counters.actions[static_cast<Action>(i)].get();
    }
    return sum;
  }
  void open_quarantine() {
    config::Quarantine config;
    config.folder = folder.file("quarantine");
    quarantine = *Quarantine::open(config);
  }
  Host& host() {
    if (!made_host) {
      made_host = std::make_unique<Host>(timers, pool, background, counters, desk, room, memory,
                                         quarantine);
    }
    return *made_host;
  }

  gatepost::testing::TemporaryFolder folder;
  gatepost::testing::TestPool pool_owner;
  BlockPool& pool = pool_owner;
  FakeTimers timers;
  FakeBackground background;
  gatepost::testing::RecordingLog log;
  gatepost::testing::FakeConnector connector{pool};
  MessageCounters counters;
  std::shared_ptr<SpoolRoom> room =
      std::make_shared<SpoolRoom>(folder.path().string(), 4'000'000, 8'000'000);
  std::shared_ptr<VerdictMemory> memory =
      std::make_shared<VerdictMemory>(100, std::chrono::seconds(3600));
  std::shared_ptr<Quarantine> quarantine;
  std::vector<std::shared_ptr<FakeScanner::Hand>> hands;
  ScanDesk desk{
      {timers, connector, pool, background}, log, [this](const ScannerKind&, const ScannerTools&) {
        return std::make_unique<FakeScanner>(hands.back());
      }};
  Chain chain;
  std::unique_ptr<Inspection> inspection;
  std::size_t told = 0;

  void on_inspection_activity() override { ++told; }
  std::unique_ptr<Host> made_host;
};

}  // namespace gatepost::filters::test
