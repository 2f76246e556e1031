#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/unit/filters/inspection_harness.h"

namespace gatepost::filters::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Options = std::map<std::string, config::FilterOption>;
using Texts = std::vector<std::string>;

config::Rule rule(const std::string& type, const Options& options) {
  config::Rule rule;
  rule.filter = {type, options};
  return rule;
}
config::Rule tag(const std::string& text) { return rule("tag_subject", {{"tag", text}}); }

/// A chain with rules.
struct RulesTest : InspectionTest {
  void rules(std::vector<config::Rule> all) {
    chain.config.rewrite = std::move(all);
    auto book = RuleBook::create(chain.config);
    ASSERT_TRUE(book) << book.error().detail;
    chain.rules = std::make_shared<const RuleBook>(std::move(*book));
  }
  /// What becomes of a message that no scanner has to look at.
  std::string through(std::string_view mail) {
    begin();
    feed_all(mail);
    EXPECT_EQ(inspection->outcome(), Outcome::pass);
    return take_all();
  }
  [[nodiscard]] static std::string marked(const std::string& mark) {
    std::string mail(kMail);
    return mail.insert(mail.find("Hello"), mark);
  }
};

TEST_F(RulesTest, of_the_header_do_not_hold_a_message_up) {
  rules({tag("[X]")});
  begin();
  feed(kMail.substr(0, 30));
  EXPECT_EQ(inspection->outcome(), Outcome::undecided) << "the header is not complete";
  feed(kMail.substr(30, kMail.find("body") - 30));
  turn();
  EXPECT_EQ(inspection->outcome(), Outcome::pass);
  std::string text = take_all();
  EXPECT_TRUE(text.ends_with("\r\n\r\nwaits")) << text;
  text.resize(text.size() - 5);
  feed(kMail.substr(kMail.find("body")));
  inspection->end();
  EXPECT_EQ(text + take_all(), marked("[X] "));
  EXPECT_EQ(room->used(), 0U);
  EXPECT_EQ(chain.rules->counters().front()->applied, 1U);
  EXPECT_THAT(inspection->notes(), ElementsAre("tag_subject"));
}

TEST_F(RulesTest, work_on_messages_without_body_or_header) {
  rules({tag("[X]")});
  EXPECT_EQ(through(""), "Subject: [X]\r\n");
  EXPECT_EQ(through("A: 1\r\n"), "A: 1\r\nSubject: [X]\r\n");
  EXPECT_EQ(through("\r\nbody\r\n"), "Subject: [X]\r\n\r\nbody\r\n");
}

TEST_F(RulesTest, know_the_verdict) {
  add_scanner("rspamd");
  policy(Cause::spam, Action::deliver);
  auto spam = tag("[{verdict} {score}]");
  spam.when.verdicts = {"spam"};
  auto bad = tag("[bad]");
  bad.when.min_score = 9.0;
  rules({spam, bad});
  begin();
  feed_all(kMail);
  Verdict verdict = Verdict::of(Cause::spam, "");
  verdict.score = 7.5;
  answer(0, verdict);
  EXPECT_EQ(take_all(), marked("[spam 7.5] "));
  inspection.reset();
  memory = nullptr;
  made_host.reset();
  begin();
  feed_all(kMail);
  answer(0, Verdict::clean());
  EXPECT_EQ(take_all(), kMail);
}

TEST_F(RulesTest, say_why_they_do_not_apply) {
  add_scanner("rspamd");
  auto spam = tag("[spam]");
  spam.when.verdicts = {"spam"};
  auto others = tag("[others]");
  others.unless.verdicts = {"clean"};
  rules({spam, tag("[all]"), others});
  begin();
  feed_all(kMail);
  answer(0, Verdict::clean());
  const Inspection::Reasons reasons = inspection->reasons();
  EXPECT_EQ(reasons.key, "/policy/clean");
  EXPECT_THAT(reasons.passed_by,
              ElementsAre("/rewrite/0/when does not hold", "/rewrite/2/unless holds"));
}

TEST_F(RulesTest, say_which_of_them_stopped_a_message) {
  const config::FilterOption names = Texts{"*.exe"};
  rules({tag("[X]"), rule("attachments", {{"names", names}, {"action", std::string("refuse")}})});
  begin();
  feed_all("Content-Disposition: attachment; filename=a.exe\r\n\r\nMZ\r\n");
  turn();
  EXPECT_EQ(inspection->action(), Action::refuse);
  EXPECT_EQ(inspection->reasons().key, "/rewrite/1");
}

TEST_F(RulesTest, mark_the_subject_that_a_scanner_sets) {
  add_scanner("rspamd");
  rules({tag("[X]")});
  begin();
  feed_all(kMail);
  Verdict verdict = Verdict::clean();
  verdict.edits.push_back({HeaderEdit::What::replace, "Subject", "Other"});
  answer(0, verdict);
  const std::string text = take_all();
  EXPECT_THAT(text, HasSubstr("Subject: [X] Other\r\n"));
  EXPECT_EQ(text.find("Hello"), std::string::npos);
}

TEST_F(RulesTest, that_ask_for_the_size_wait_for_all_of_it) {
  auto large = tag("[large]");
  large.when.larger_than = 200'000;
  auto small = tag("[small]");
  small.when.smaller_than = 200'000;
  rules({large, small});
  EXPECT_TRUE(chain.waits());
  EXPECT_EQ(through(kMail), marked("[small] "));
  const std::string body(300'000, 'x');
  const std::string mail = std::string(kMail) + body + "\r\n";
  EXPECT_EQ(through(mail), marked("[large] ") + body + "\r\n");
  inspection.reset();
  EXPECT_EQ(room->used(), 0U);
}

TEST_F(RulesTest, that_take_too_long_are_a_timeout) {
  auto large = tag("[large]");
  large.when.larger_than = 1;
  for (const Action action : {Action::refuse, Action::deliver}) {
    policy(Cause::timeout, action);
    rules({large});
    begin(Duration(1'000));
    background.hold = true;
    feed(kMail);
    inspection->end();
    EXPECT_EQ(inspection->outcome(), Outcome::undecided);
    timers.advance(Duration(2'500));
    EXPECT_EQ(inspection->cause(), Cause::timeout);
    EXPECT_EQ(inspection->action(), action);
    background.hold = false;
    turn();
    if (action == Action::deliver) {
      EXPECT_EQ(take_all(), kMail) << "as the policy wants it";
    }
  }
}

TEST_F(RulesTest, cannot_be_got_round_by_size) {
  auto any = tag("[any]");
  any.when.larger_than = 1;
  rules({any});
  room = std::make_shared<SpoolRoom>(folder.path().string(), 100'000, 8'000'000);
  begin();
  feed_all(std::string(kMail) + std::string(200'000, 'x') + "\r\n");
  EXPECT_EQ(inspection->cause(), Cause::oversize);
  EXPECT_EQ(inspection->outcome(), Outcome::refused);
}

TEST_F(RulesTest, hold_what_scanners_find_too_large) {
  add_scanner("clamd", 1'000);
  policy(Cause::oversize, Action::deliver);
  auto any = tag("[any]");
  any.when.larger_than = 1;
  rules({any});
  const std::string rest = std::string(300'000, 'x') + "\r\n";
  begin();
  feed_all(std::string(kMail) + rest);
  if (inspection->outcome() == Outcome::undecided) answer(0, Verdict::of(Cause::oversize, ""));
  EXPECT_EQ(inspection->cause(), Cause::oversize);
  EXPECT_EQ(take_all(), marked("[any] ") + rest);
}

TEST_F(RulesTest, know_a_verdict_that_comes_early) {
  add_scanner("clamd", 100'000);
  policy(Cause::oversize, Action::deliver);
  auto large = tag("[{verdict}]");
  large.when.verdicts = {"oversize"};
  rules({large});
  begin();
  feed(kMail);
  feed(std::string(300'000, 'x'));
  turn();
  ASSERT_EQ(inspection->outcome(), Outcome::pass) << "before the end of the message";
  EXPECT_THAT(take_all(), HasSubstr("Subject: [oversize] Hello"));
}

TEST_F(RulesTest, tell_external_mail_from_our_own) {
  chain.config.internal.domains = {"example.org"};
  auto external = tag("[EXTERNAL]");
  external.when.external = true;
  rules({external});
  EXPECT_EQ(through(kMail), kMail);
  EXPECT_THAT(through("From: x@elsewhere.test\r\nSubject: Hi\r\n\r\n"),
              HasSubstr("Subject: [EXTERNAL] Hi"));
  const std::string from_outside =
      "Received: from mx (mx [8.8.8.8]) by us; Mon, 2 Mar 2026 10:00:00 +0000\r\n";
  EXPECT_THAT(through(from_outside + std::string(kMail)), HasSubstr("[EXTERNAL] Hello"))
      << "anybody can write any address";
  chain.config.internal.networks = {IpNetwork::parse("8.8.8.0/24").value()};
  EXPECT_EQ(through(from_outside + std::string(kMail)), from_outside + std::string(kMail));
}

TEST_F(RulesTest, leave_no_forged_word_of_ours) {
  rules({tag("[X]")});
  EXPECT_EQ(through("X-Gatepost-Verdict: clean\r\nx-gatepost-anything: 1\r\n folded\r\n" +
                    std::string(kMail)),
            marked("[X] "));
}

TEST_F(RulesTest, end_with_the_message_that_goes) {
  auto any = tag("[any]");
  any.when.larger_than = 1;
  rules({any});
  background.hold = true;
  begin();
  feed(kMail);
  inspection->end();
  inspection.reset();
  background.hold = false;
  turn();
  EXPECT_EQ(room->used(), 0U);
  EXPECT_EQ(counters.rewrite_held.get(), 0U);
}

}  // namespace
}  // namespace gatepost::filters::test
