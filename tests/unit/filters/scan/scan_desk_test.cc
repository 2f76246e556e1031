#include "filters/scan/scan_desk.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "filters/scan/samples.h"
#include "filters/scan/scanner_seat.h"
#include "tests/support/fake_scanner.h"
#include "tests/support/recording_log.h"
#include "tests/support/scanner_fixture.h"

namespace gatepost::filters {
namespace {

using testing::FakeScanner;

struct ScanDeskTest : testing::ScannerFixture {
  std::shared_ptr<const ScannerKind> add(const std::string& name) {
    auto kind = std::make_shared<ScannerKind>();
    kind->config = settings;
    kind->config.name = name;
    kind->counters = std::make_shared<ScannerCounters>();
    kind->counters->name = name;
    hands[name] = std::make_shared<FakeScanner::Hand>();
    kinds.push_back(kind);
    return kind;
  }
  FakeScanner::Hand& hand(const std::string& name) { return *hands[name]; }
  void open() {
    desk = std::make_unique<ScanDesk>(
        tools, log, [this](const ScannerKind& kind, const ScannerTools&) {
          return std::make_unique<FakeScanner>(hands[kind.config.name]);
        });
    desk->apply(kinds);
  }
  void open_effective() {
    open();
    for (const auto& [name, hand] : hands) hand->pass_self_test();
  }
  Ticket judge(std::optional<Judgement>& into, const std::string& text = "text\r\n",
               Duration limit = Duration(300'000)) {
    return desk->judge(kinds, {.message = message(text), .facts = {}}, limit,
                       [&into](Judgement judgement) {
                         EXPECT_FALSE(into) << "told twice";
                         into = std::move(judgement);
                       });
  }
  static Cause cause(const std::optional<Judgement>& judgement, std::size_t i = 0) {
    return judgement ? judgement->trail.at(i).verdict.cause : Cause::count_;
  }

  ScanDeskTest() {
    settings.concurrency = 2;
    settings.queue = 3;
  }

  testing::RecordingLog log;
  std::map<std::string, std::shared_ptr<FakeScanner::Hand>> hands;
  ScanDesk::Kinds kinds;
  std::unique_ptr<ScanDesk> desk;
};

TEST_F(ScanDeskTest, asks_all_scanners_side_by_side) {
  add("one");
  add("two");
  open_effective();
  std::optional<Judgement> judgement;
  const Ticket ticket = judge(judgement, "hello\r\n");
  EXPECT_EQ(hand("one").text(), "hello\r\n");
  hand("two").answer(Verdict::of(Cause::infected, "Eicar"));
  EXPECT_FALSE(judgement);
  hand("one").answer(Verdict::clean());
  ASSERT_TRUE(judgement);
  EXPECT_EQ(judgement->to_string(), "one=clean two=infected(Eicar)");
}

TEST_F(ScanDeskTest, tests_a_scanner_with_both_samples_before_it_is_asked) {
  add("one");
  open();
  std::optional<Judgement> judgement;
  const Ticket ticket = judge(judgement);
  EXPECT_EQ(hand("one").scans.size(), 1U);
  EXPECT_EQ(hand("one").text(), known_bad_sample(config::ScannerType::clamd));
  hand("one").answer(Verdict::of(Cause::infected, "Sample"));
  EXPECT_EQ(hand("one").text(), known_good_sample());
  hand("one").answer(Verdict::clean());
  EXPECT_EQ(hand("one").text(), "text\r\n");
  hand("one").answer(Verdict::clean());
  EXPECT_EQ(cause(judgement), Cause::clean);
  EXPECT_EQ(kinds[0]->counters->ineffective, 0U);
  EXPECT_EQ(log.count("scanner_effective"), 1U);
}

TEST_F(ScanDeskTest, never_believes_a_scanner_that_finds_nothing) {
  add("one");
  open();
  hand("one").answer(Verdict::clean());
  EXPECT_EQ(kinds[0]->counters->ineffective, 1U);
  EXPECT_EQ(log.count("called clean"), 1U);
  std::optional<Judgement> judgement;
  const Ticket ticket = judge(judgement);
  EXPECT_FALSE(judgement) << "inside the call";
  timers.advance(Duration(0));
  EXPECT_EQ(cause(judgement), Cause::unreachable);
  EXPECT_TRUE(desk->versions(kinds).empty());
  EXPECT_TRUE(hand("one").scans.empty());
}

TEST_F(ScanDeskTest, does_not_believe_a_scanner_that_calls_all_infected) {
  add("one");
  open();
  hand("one").answer(Verdict::of(Cause::infected, "X"));
  hand("one").answer(Verdict::of(Cause::infected, "X"));
  EXPECT_EQ(kinds[0]->counters->ineffective, 1U);
}

TEST_F(ScanDeskTest, tests_again_when_somebody_asks_after_a_while) {
  add("one");
  open();
  hand("one").answer(Verdict::of(Cause::unreachable, "refused"));
  timers.advance(ScannerSeat::kRetest);
  std::optional<Judgement> judgement;
  const Ticket ticket = judge(judgement);
  hand("one").pass_self_test();
  hand("one").answer(Verdict::clean());
  EXPECT_EQ(cause(judgement), Cause::clean);
}

TEST_F(ScanDeskTest, tests_regularly) {
  add("one");
  open_effective();
  timers.advance(settings.self_test);
  ASSERT_EQ(hand("one").scans.size(), 1U);
  std::optional<Judgement> judgement;
  const Ticket ticket = judge(judgement);
  EXPECT_EQ(hand("one").scans.size(), 2U) << "in use meanwhile";
  hand("one").answer(Verdict::clean());  // the bad sample
  hand("one").answer(Verdict::clean());  // the message, asked before
  EXPECT_EQ(cause(judgement), Cause::not_understood);
}

TEST_F(ScanDeskTest, keeps_to_its_places_and_its_queue) {
  add("one");
  open_effective();
  std::vector<std::optional<Judgement>> judgements(6);
  std::vector<Ticket> tickets;
  for (auto& judgement : judgements) tickets.push_back(judge(judgement));
  EXPECT_EQ(hand("one").scans.size(), 2U);
  EXPECT_EQ(kinds[0]->counters->waiting, 3U);
  timers.advance(Duration(0));
  EXPECT_EQ(cause(judgements[5]), Cause::unreachable);
  tickets[2].reset();  // waiting
  tickets[0].reset();  // running
  EXPECT_EQ(hand("one").scans.size(), 2U);
  while (!hand("one").scans.empty()) hand("one").answer(Verdict::clean());
  for (const int i : {1, 3, 4}) EXPECT_EQ(cause(judgements[i]), Cause::clean);
  EXPECT_FALSE(judgements[0] || judgements[2]);
  EXPECT_EQ(kinds[0]->counters->waiting, 0U);
  EXPECT_EQ(kinds[0]->counters->running, 0U);
}

TEST_F(ScanDeskTest, ends_what_takes_too_long) {
  add("one");
  open_effective();
  std::optional<Judgement> by_scanner;
  std::optional<Judgement> by_limit;
  const Ticket one = judge(by_scanner);
  const Ticket two = judge(by_limit, "text\r\n", Duration(1'000));
  timers.advance(Duration(1'000));
  EXPECT_EQ(cause(by_limit), Cause::timeout);
  EXPECT_FALSE(by_scanner);
  timers.advance(settings.timeout);
  EXPECT_EQ(cause(by_scanner), Cause::timeout);
  EXPECT_GE(hand("one").cancelled, 2U);
}

TEST_F(ScanDeskTest, does_not_ask_about_what_is_too_large) {
  settings.max_size = 10;
  add("one");
  open_effective();
  std::optional<Judgement> judgement;
  const Ticket ticket = judge(judgement, "eleven oct.");
  timers.advance(Duration(0));
  EXPECT_EQ(cause(judgement), Cause::oversize);
  EXPECT_TRUE(hand("one").scans.empty());
}

TEST_F(ScanDeskTest, tests_after_trouble_and_lets_nobody_pass_meanwhile) {
  add("one");
  open_effective();
  std::optional<Judgement> first;
  std::optional<Judgement> second;
  const Ticket one = judge(first);
  const Ticket two = judge(second);
  hand("one").answer(Verdict::of(Cause::unreachable, "reset"));
  EXPECT_EQ(cause(first), Cause::unreachable);
  hand("one").answer(Verdict::clean());
  EXPECT_EQ(cause(second), Cause::not_understood);
  hand("one").pass_self_test();
  std::optional<Judgement> third;
  const Ticket ticket = judge(third);
  hand("one").answer(Verdict::clean());
  EXPECT_EQ(cause(third), Cause::clean);
}

TEST_F(ScanDeskTest, leaves_a_scanner_alone_after_too_much_trouble) {
  add("one");
  open_effective();
  for (std::uint32_t i = 0; i < settings.breaker_failures; ++i) {
    std::optional<Judgement> judgement;
    const Ticket ticket = judge(judgement);
    hand("one").answer(Verdict::of(Cause::not_understood, "what?"));
    EXPECT_EQ(cause(judgement), Cause::not_understood);
  }
  EXPECT_EQ(kinds[0]->counters->breaker_open, 1U);
  const std::size_t started = hand("one").started;
  std::optional<Judgement> judgement;
  const Ticket ticket = judge(judgement);
  timers.advance(Duration(0));
  EXPECT_EQ(cause(judgement), Cause::unreachable);
  EXPECT_EQ(hand("one").started, started);
  timers.advance(settings.breaker_pause);
  EXPECT_EQ(kinds[0]->counters->breaker_open, 0U);
  hand("one").pass_self_test();
  std::optional<Judgement> again;
  const Ticket other = judge(again);
  hand("one").answer(Verdict::clean());
  EXPECT_EQ(cause(again), Cause::clean);
}

TEST_F(ScanDeskTest, knows_what_remembered_verdicts_depend_on) {
  add("one");
  add("two");
  open();
  EXPECT_TRUE(desk->versions(kinds).empty());
  hand("one").pass_self_test();
  EXPECT_TRUE(desk->versions(kinds).empty());
  hand("two").pass_self_test();
  const std::string before = desk->versions(kinds);
  EXPECT_FALSE(before.empty());
  timers.advance(ScannerSeat::kVersionEvery);
  hand("one").version = "2";
  std::optional<Judgement> judgement;
  const Ticket ticket = judge(judgement);
  hand("one").tell_version();
  EXPECT_NE(desk->versions(kinds), before);
}

TEST_F(ScanDeskTest, may_go_while_scans_are_under_way) {
  add("one");
  open_effective();
  std::vector<std::optional<Judgement>> judgements(6);
  std::vector<Ticket> tickets;
  for (auto& judgement : judgements) tickets.push_back(judge(judgement));
  desk.reset();
  EXPECT_TRUE(hand("one").scans.empty());
  EXPECT_EQ(kinds[0]->counters->running, 0U);
  EXPECT_EQ(kinds[0]->counters->waiting, 0U);
  EXPECT_EQ(kinds[0]->counters->ineffective, 0U);
  timers.advance(Duration(100'000));
  for (const auto& judgement : judgements) EXPECT_FALSE(judgement);
}

TEST_F(ScanDeskTest, lets_a_scanner_go_that_is_not_configured_any_more) {
  const auto old = add("one");
  open_effective();
  std::optional<Judgement> judgement;
  Ticket ticket = judge(judgement);
  desk->apply({});
  hand("one").answer(Verdict::clean());
  EXPECT_EQ(cause(judgement), Cause::clean) << "what was under way goes on";
  desk->apply({});
  EXPECT_TRUE(desk->versions({old}).empty());
}

}  // namespace
}  // namespace gatepost::filters
