#include "filters/shadow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/filters/inspection_harness.h"

namespace gatepost::filters::test {
namespace {

using ::testing::HasSubstr;

config::Rule tag(const std::string& text) {
  config::Rule rule;
  rule.filter = {"tag_subject", {{"tag", text}}};
  return rule;
}

/// A chain with a shadow.
struct ShadowTest : InspectionTest {
  ShadowTest() {
    chain.config.name = "main";
    chain.config.shadow = "next";
    shadow->config.name = "next";
    shadow->config.policy = config::default_policy(true);
  }
  ~ShadowTest() override { inspection.reset(); }
  static void rules(Chain& of, std::vector<config::Rule> all) {
    of.config.rewrite = std::move(all);
    of.rules = std::make_shared<const RuleBook>(*RuleBook::create(of.config));
    of.notice = *NoticeWriter::create({});
  }
  void begin_with_shadow() {
    if (!shadows) shadows.emplace(host(), log);
    chain.shadow = shadow;
    chain.notice = *NoticeWriter::create({});
    MessageFacts facts;
    facts.user = "alice";
    inspection =
        shadows->make(std::make_shared<const Chain>(chain), facts, Duration(60'000), *this);
  }
  [[nodiscard]] std::vector<std::uint64_t> counts() const {
    return {counters.shadow_same.get(), counters.shadow_differs.get(),
            counters.shadow_left_out.get()};
  }
  using Counts = std::vector<std::uint64_t>;

  std::shared_ptr<Chain> shadow = std::make_shared<Chain>();
  std::optional<Shadows> shadows;
};

TEST_F(ShadowTest, of_the_same_mind_says_nothing) {
  begin_with_shadow();
  feed_all(kMail);
  EXPECT_EQ(take_all(), kMail);
  turn();
  EXPECT_EQ(counts(), (Counts{1, 0, 0}));
  EXPECT_EQ(shadows->running(), 0U);
  EXPECT_EQ(counters.actions[Action::deliver].get(), 1U) << "the shadow counts for nothing";
}

TEST_F(ShadowTest, has_no_effect_and_tells_what_it_would_do) {
  rules(*shadow, {tag("[next]")});
  begin_with_shadow();
  feed_all(kMail);
  EXPECT_EQ(take_all(), kMail);
  turn();
  EXPECT_EQ(counts(), (Counts{0, 1, 0}));
  EXPECT_THAT(log.find("shadow_octets"), HasSubstr("number=\"\" chain=main action=deliver"));
}

/// Who is asked whether the client has all of a message, as retention is, must hear the truth.
TEST_F(ShadowTest, does_not_hide_that_a_part_is_left_out) {
  config::Rule strip;
  strip.filter = {"attachments", {{"names", std::vector<std::string>{"*.exe"}}}};
  rules(chain, {strip});
  begin_with_shadow();
  feed_all("Content-Disposition: attachment; filename=a.exe\r\n\r\nMZ\r\n");
  EXPECT_EQ(take_all().find("MZ"), std::string::npos);
  EXPECT_FALSE(inspection->keeps_all());
  EXPECT_EQ(inspection->reasons().key, "/policy/clean");
}

TEST_F(ShadowTest, may_take_longer_than_the_message) {
  auto late = tag("[late]");
  late.when.larger_than = 1;
  rules(*shadow, {late});
  begin_with_shadow();
  background.hold = true;
  feed(kMail);
  inspection->end();
  timers.advance(Duration(0));
  EXPECT_EQ(inspection->outcome(), Outcome::pass);
  ByteChain out;
  while (inspection->take(out) == Progress::data) continue;
  EXPECT_EQ(out.to_string(), kMail);
  inspection.reset();
  EXPECT_EQ(shadows->running(), 1U);
  background.hold = false;
  turn();
  EXPECT_EQ(counts(), (Counts{0, 1, 0}));
  EXPECT_EQ(shadows->running(), 0U);
}

TEST_F(ShadowTest, ends_with_a_client_that_goes) {
  begin_with_shadow();
  feed(kMail.substr(0, 50));
  inspection.reset();
  turn();
  EXPECT_EQ(shadows->running(), 0U);
  EXPECT_EQ(counts(), (Counts{0, 0, 0}));
}

TEST_F(ShadowTest, keeps_nothing_in_quarantine) {
  open_quarantine();
  add_scanner("clamd");
  shadow->scanners = std::exchange(chain.scanners, {});
  shadow->notice = *NoticeWriter::create({});
  policy(Cause::infected, Action::quarantine);
  begin_with_shadow();
  feed_all(kMail);
  EXPECT_EQ(take_all(), kMail);
  answer(0, Verdict::of(Cause::infected, "X"));
  turn();
  EXPECT_EQ(counts(), (Counts{0, 1, 0}));
  EXPECT_FALSE(quarantine->show(1));
}

TEST_F(ShadowTest, has_room_for_so_many_at_a_time) {
  begin_with_shadow();
  std::vector<std::unique_ptr<Inspection>> all;
  for (std::size_t i = 0; i < Shadows::kMost; ++i) {
    all.push_back(std::move(inspection));
    begin_with_shadow();
  }
  EXPECT_EQ(shadows->running(), Shadows::kMost);
  EXPECT_EQ(counts(), (Counts{0, 0, 1}));
  feed_all(kMail);
  EXPECT_EQ(take_all(), kMail);
  all.clear();
}

}  // namespace
}  // namespace gatepost::filters::test
