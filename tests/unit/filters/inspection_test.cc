#include "filters/inspection.h"

#include <functional>
#include <random>

#include "filters/chain_inspection.h"
#include "filters/message/header_reader.h"
#include "tests/unit/filters/inspection_harness.h"
#include "tests/unit/filters/message/naive_message.h"

namespace gatepost::filters::test {
namespace {

std::string large(std::size_t size) {
  std::mt19937 random(7);
  std::string text = "Subject: large\r\n\r\n";
  while (text.size() < size) {
    for (int i = 0; i < 70; ++i) text += static_cast<char>('a' + random() % 26);
    text += "\r\n";
  }
  return text;
}

// ------------------------------------------------------------------------- what becomes of a
// message

TEST_F(InspectionTest, clean_message_passes_unchanged) {
  auto scanner = add_scanner("clamd");
  begin();
  feed(kMail.substr(0, 40));
  EXPECT_EQ(inspection->outcome(), Outcome::undecided);
  feed(kMail.substr(40));
  inspection->end();
  turn();
  ASSERT_EQ(scanner->scans.size(), 1U);
  EXPECT_EQ(scanner->text(), kMail);
  EXPECT_EQ(scanner->scans.front()->job.facts.user, "alice");
  EXPECT_EQ(inspection->outcome(), Outcome::undecided);
  const std::size_t before = told;
  answer(0, Verdict::clean());
  EXPECT_GT(told, before);
  EXPECT_EQ(inspection->outcome(), Outcome::pass);
  EXPECT_EQ(inspection->cause(), Cause::clean);
  EXPECT_EQ(inspection->action(), Action::deliver);
  EXPECT_EQ(inspection->octets(), kMail.size());
  EXPECT_EQ(take_all(), kMail);
  EXPECT_EQ(counters.octets_scanned.get(), kMail.size());
  EXPECT_EQ(inspection->judgement().to_string(), "clamd=clean");
}

struct Case {
  Cause cause;
  Action action;
};

struct EveryActionTest : InspectionTest, ::testing::WithParamInterface<Case> {};

/// The message whose cause it is, up to the decision.
TEST_P(EveryActionTest, is_done_and_counted_once) {
  const auto [cause, action] = GetParam();
  open_quarantine();
  policy(cause, action);
  add_scanner("clamd");
  std::string mail(kMail);
  if (cause == Cause::partial) mail = "Content-Type: message/partial\r\n" + mail;
  if (cause == Cause::spool_full) room = std::make_shared<SpoolRoom>("", 4'000'000, 10);
  begin();
  feed_all(mail);
  if (cause == Cause::timeout) {
    timers.advance(Duration(60'000));
    turn();
  } else if (cause != Cause::spool_full) {
    answer(0, cause == Cause::partial ? Verdict::clean() : Verdict::of(cause, "Threat.Name"));
  }
  turn();
  ASSERT_NE(inspection->outcome(), Outcome::undecided);
  const bool lost = cause == Cause::spool_full;  // nothing there to be delivered or kept
  const bool stays = action == Action::refuse || (lost && action != Action::notice);
  EXPECT_EQ(inspection->cause(), cause);
  EXPECT_EQ(inspection->action(), stays ? Action::refuse : action);
  EXPECT_EQ(causes(), 1U);
  EXPECT_EQ(actions(), 1U);
  EXPECT_EQ(counters.causes[cause].get(), 1U);
  EXPECT_EQ(counters.actions[inspection->action()].get(), 1U);
  EXPECT_EQ(counters.spool_failures.get(), lost ? 1U : 0U);
  EXPECT_EQ(counters.quarantine_failures.get(), 0U);
  if (stays) {
    EXPECT_EQ(inspection->outcome(), Outcome::refused);
    EXPECT_FALSE(inspection->refusal().empty());
    EXPECT_EQ(inspection->refusal().find("Threat"), std::string_view::npos);
    EXPECT_EQ(room->used(), 0U);
    return;
  }
  EXPECT_EQ(inspection->outcome(), Outcome::pass);
  const std::string text = take_all();
  const std::string name(to_string(cause));
  if (action == Action::deliver) {
    EXPECT_EQ(text, mail);
  } else if (action == Action::tag) {
    const std::size_t end = text.find("\r\n");
    EXPECT_TRUE(text.starts_with("X-Gatepost-Verdict: " + name + "; ")) << text;
    std::string expected = mail;
    expected.insert(expected.find("Hello"), "[" + name + "] ");
    EXPECT_EQ(text.substr(end + 2), expected);
  } else {
    EXPECT_NE(text.find("\r\nX-Gatepost-Notice: " + name + "\r\n"), std::string::npos) << text;
    EXPECT_EQ(text.find(mail.substr(mail.find("body"))), std::string::npos);
  }
  EXPECT_EQ(inspection->quarantine_number(), action == Action::quarantine ? 1U : 0U);
  if (action != Action::quarantine) return;
  const auto record = quarantine->show(1);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->user, "alice");
  EXPECT_EQ(record->subject, "Hello");
  EXPECT_EQ(record->cause, name);
  std::string original;
  ASSERT_TRUE(quarantine->read(1, [&original](std::string_view piece) {
    original += piece;
    return true;
  }));
  EXPECT_EQ(original, mail);
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (auto cause = static_cast<int>(Cause::spam); cause < static_cast<int>(Cause::count_);
       ++cause) {
    for (int action = 0; action < static_cast<int>(Action::count_); ++action) {
      cases.push_back({static_cast<Cause>(cause), static_cast<Action>(action)});
    }
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(All, EveryActionTest, ::testing::ValuesIn(all_cases()),
                         [](const auto& test) {
                           return std::string(to_string(test.param.cause)) + "_" +
                                  std::string(to_string(test.param.action));
                         });

TEST_F(InspectionTest, worst_of_several_scanners_counts) {
  policy(Cause::infected, Action::refuse);
  add_scanner("one");
  add_scanner("two");
  begin();
  feed_all(kMail);
  answer(0, Verdict::of(Cause::infected, "Eicar"));
  EXPECT_EQ(inspection->outcome(), Outcome::undecided);
  answer(1, Verdict::of(Cause::spam, ""));
  EXPECT_EQ(inspection->cause(), Cause::infected);
  EXPECT_EQ(inspection->outcome(), Outcome::refused);
  EXPECT_EQ(inspection->refusal(), "Message held back: infected");
  EXPECT_EQ(inspection->judgement().to_string(), "one=infected(Eicar) two=spam");
}

TEST_F(InspectionTest, scanners_edits_come_with_every_delivery) {
  policy(Cause::spam, Action::tag);
  add_scanner("rspamd");
  for (const bool spam : {false, true}) {
    begin();
    feed_all(kMail);
    Verdict verdict = spam ? Verdict::of(Cause::spam, "8 of 6") : Verdict::clean();
    verdict.edits.push_back({.name = "X-Spam-Score", .value = "8"});
    verdict.edits.push_back(
        {.what = HeaderEdit::What::replace, .name = "Subject", .value = "*** Hello"});
    if (!inspection->judgement().remembered) answer(0, verdict);
    const std::string text = take_all();
    EXPECT_NE(text.find("X-Spam-Score: 8\r\n"), std::string::npos);
    const std::string subject = spam ? "Subject: [spam] *** Hello\r\n" : "Subject: *** Hello\r\n";
    EXPECT_NE(text.find(subject), std::string::npos) << text;
    EXPECT_EQ(text.find("Subject: Hello"), std::string::npos);
    EXPECT_EQ(text.find("X-Gatepost-Verdict: spam; 8 of 6; rspamd\r\n") != std::string::npos, spam);
    memory = std::make_shared<VerdictMemory>(100, std::chrono::seconds(3600));
    host().memory = memory;
  }
}

TEST_F(InspectionTest, forged_tag_is_replaced) {
  policy(Cause::spam, Action::tag);
  add_scanner("rspamd");
  begin();
  feed_all("x-gatepost-verdict: clean\r\n" + std::string(kMail));
  answer(0, Verdict::of(Cause::spam, ""));
  EXPECT_EQ(take_all().find("clean"), std::string::npos);
}

// ------------------------------------------------------------------------------------ troubles

TEST_F(InspectionTest, what_cannot_be_kept_in_quarantine_is_refused) {
  add_scanner("clamd");  // and there is no quarantine
  begin();
  feed_all(kMail);
  answer(0, Verdict::of(Cause::infected, "Eicar"));
  EXPECT_EQ(inspection->outcome(), Outcome::refused);
  EXPECT_EQ(inspection->action(), Action::refuse);
  EXPECT_EQ(counters.quarantine_failures.get(), 1U);
  EXPECT_EQ(causes(), 1U);
  EXPECT_EQ(actions(), 1U);
}

TEST_F(InspectionTest, quarantine_that_does_not_answer_in_time_is_a_failure) {
  open_quarantine();
  add_scanner("clamd");
  begin();
  feed_all(kMail);
  hands[0]->answer(Verdict::of(Cause::infected, "Eicar"));
  EXPECT_EQ(inspection->outcome(), Outcome::undecided);
  timers.advance(Duration(60'000));
  EXPECT_EQ(inspection->outcome(), Outcome::refused);
  EXPECT_EQ(counters.quarantine_failures.get(), 1U);
  background.run_all();
  EXPECT_EQ(actions(), 1U);
}

TEST_F(InspectionTest, quarantine_has_some_time_even_when_none_is_left) {
  open_quarantine();
  policy(Cause::timeout, Action::quarantine);
  for (const Duration more : {ChainInspection::kKeeping - Duration(1), ChainInspection::kKeeping}) {
    if (hands.empty()) add_scanner("clamd");
    while (!hands[0]->scans.empty()) hands[0]->pass_self_test();
    begin(Duration(30'000));
    feed_all(kMail);
    timers.advance(Duration(30'000));
    timers.advance(more);
    turn();
    const bool in_time = more < ChainInspection::kKeeping;
    EXPECT_EQ(inspection->outcome(), in_time ? Outcome::pass : Outcome::refused);
    while (!hands[0]->scans.empty()) hands[0]->pass_self_test();
    timers.advance(Duration(60'000));
  }
}

TEST_F(InspectionTest, answers_for_a_desk_that_does_not) {
  policy(Cause::timeout, Action::notice);
  add_scanner("clamd");
  begin(Duration(0));
  feed_all(kMail);
  timers.advance(ChainInspection::kGrace + Duration(1));
  EXPECT_EQ(inspection->outcome(), Outcome::pass);
  EXPECT_EQ(inspection->cause(), Cause::timeout);
}

TEST_F(InspectionTest, filter_that_fails_makes_a_message_unscannable) {
  class Failing : public FilterKind, public MessageFilter {
   public:
    [[nodiscard]] std::unique_ptr<MessageFilter> make() const override {
      return std::make_unique<Failing>();
    }
    Result<FilterStatus> step(Input in, Output out) override {
      seen_ += in.bytes.size();
      if (seen_ > 100'000) return fail(ErrorCode::limit, "too much");
      out.bytes.append(std::move(in.bytes));
      return in.end ? FilterStatus::finished : FilterStatus::need_input;
    }
    [[nodiscard]] std::size_t held() const override { return 0; }

   private:
    std::size_t seen_ = 0;
  };
  chain.filters.push_back(std::make_shared<Failing>());
  const std::string mail = large(200'000);
  for (const Action action :
       {Action::deliver, Action::tag, Action::refuse, Action::notice, Action::quarantine}) {
    if (chain.scanners.empty()) add_scanner("clamd");
    policy(Cause::unscannable, action);
    begin();
    feed_all(mail);
    EXPECT_EQ(inspection->cause(), Cause::unscannable);
    const bool notice = action == Action::notice;
    EXPECT_EQ(inspection->outcome(), notice ? Outcome::pass : Outcome::refused);
    EXPECT_EQ(inspection->judgement().to_string(), "gatepost=unscannable(too much)");
  }
  // What has gone out already must not look complete.
  chain.scanners.clear();
  begin();
  feed_all(mail);
  EXPECT_EQ(inspection->outcome(), Outcome::pass);
  EXPECT_TRUE(take_all().ends_with("broken: filter: too much"));
  EXPECT_EQ(causes(), 6U);
}

TEST_F(InspectionTest, upstream_that_takes_too_long_is_a_timeout) {
  add_scanner("clamd");
  for (const Action action : {Action::refuse, Action::notice, Action::quarantine}) {
    policy(Cause::timeout, action);
    begin(Duration(10'000));
    feed(kMail);
    timers.advance(Duration(10'000));
    EXPECT_EQ(inspection->cause(), Cause::timeout);
    EXPECT_EQ(inspection->outcome(), action == Action::notice ? Outcome::pass : Outcome::refused);
    feed("more\r\n");
    inspection->end();
    EXPECT_EQ(room->used(), 0U);
  }
  policy(Cause::timeout, Action::deliver);
  begin(Duration(10'000));
  feed(kMail);
  timers.advance(Duration(10'000));
  EXPECT_EQ(inspection->outcome(), Outcome::pass);
  EXPECT_EQ(take_all(), std::string(kMail) + "waits");
  feed("more\r\n");
  inspection->end();
  EXPECT_EQ(take_all(), "more\r\n");
  EXPECT_EQ(hands[0]->started, 2U) << "only the self-test";
}

TEST_F(InspectionTest, odd_header_is_unscannable) {
  policy(Cause::unscannable, Action::refuse);
  add_scanner("clamd", 10'000'000);
  begin();
  std::string mail;
  for (std::size_t i = 0; i <= HeaderReader::kMaxFields; ++i) mail += "A: 1\r\n";
  feed_all(mail + "\r\nbody\r\n");
  answer(0, Verdict::clean());
  EXPECT_EQ(inspection->cause(), Cause::unscannable);
  EXPECT_EQ(inspection->outcome(), Outcome::refused);
}

TEST_F(InspectionTest, scanner_that_never_answers_is_a_timeout) {
  policy(Cause::timeout, Action::refuse);
  auto scanner = add_scanner("clamd");
  begin(Duration(30'000));
  feed_all(kMail);
  timers.advance(Duration(29'999));
  EXPECT_EQ(inspection->outcome(), Outcome::undecided);
  timers.advance(Duration(1));
  EXPECT_EQ(inspection->outcome(), Outcome::refused);
  EXPECT_EQ(inspection->judgement().to_string(), "clamd=timeout(no verdict in time)");
  EXPECT_EQ(scanner->cancelled, 1U);
  EXPECT_EQ(memory->size(), 0U);
}

TEST_F(InspectionTest, spool_that_fails_halfway_is_refused) {
  room = std::make_shared<SpoolRoom>(folder.file("gone"), 4'000'000, 8'000'000);
  add_scanner("clamd");
  begin();
  feed_all(large(900'000));
  EXPECT_EQ(inspection->cause(), Cause::spool_full);
  EXPECT_EQ(inspection->outcome(), Outcome::refused);
  EXPECT_EQ(counters.spool_failures.get(), 1U);
  EXPECT_EQ(room->used(), 0U);
}

// -------------------------------------------------------------------------------------- memory

TEST_F(InspectionTest, verdicts_are_remembered) {
  auto scanner = add_scanner("clamd");
  for (int round = 0; round < 3; ++round) {
    begin();
    feed_all(kMail);
    if (round == 0) answer(0, Verdict::clean());
    EXPECT_EQ(inspection->outcome(), Outcome::pass);
    EXPECT_EQ(inspection->judgement().remembered, round > 0);
    EXPECT_EQ(take_all(), kMail);
  }
  EXPECT_EQ(scanner->started, 3U) << "self-test, one message";
  EXPECT_EQ(counters.remembered.get(), 2U);
  EXPECT_EQ(counters.not_remembered.get(), 1U);
  chain.fingerprint = "another";
  begin();
  feed_all(kMail);
  EXPECT_EQ(inspection->outcome(), Outcome::undecided);
}

TEST_F(InspectionTest, own_opinion_holds_for_a_remembered_verdict_too) {
  policy(Cause::partial, Action::refuse);
  add_scanner("clamd");
  for (int round = 0; round < 2; ++round) {
    begin();
    feed_all("Content-Type: message/partial\r\n\r\n");
    if (round == 0) answer(0, Verdict::clean());
    EXPECT_EQ(inspection->outcome(), Outcome::refused);
    EXPECT_EQ(inspection->judgement().trail.size(), 2U);
  }
}

TEST_F(InspectionTest, nothing_is_remembered_that_might_change) {
  auto scanner = add_scanner("clamd");
  for (const Cause cause : {Cause::unreachable, Cause::timeout, Cause::not_understood}) {
    begin();
    feed_all(kMail);
    answer(0, Verdict::of(cause, ""));
    EXPECT_EQ(memory->size(), 0U);
    if (scanner->scans.size() == 2) scanner->pass_self_test();
    while (!scanner->scans.empty()) scanner->pass_self_test();
  }
  chain.config.remember = false;
  begin();
  feed_all(kMail);
  answer(0, Verdict::clean());
  EXPECT_EQ(memory->size(), 0U);
}

TEST_F(InspectionTest, verdict_of_a_database_that_changed_meanwhile_is_not_remembered) {
  auto scanner = add_scanner("clamd");
  begin();
  feed_all(kMail);
  const std::unique_ptr<Inspection> first = std::move(inspection);
  scanner->version = "2";
  timers.advance(Duration(11'000));
  begin();  // makes the desk ask for the version again
  feed_all("x\r\n");
  scanner->tell_version();
  answer(0, Verdict::clean());
  EXPECT_EQ(first->outcome(), Outcome::pass);
  answer(0, Verdict::clean());
  EXPECT_EQ(inspection->outcome(), Outcome::pass);
  EXPECT_EQ(memory->size(), 0U);
  begin();
  feed_all(kMail);
  answer(0, Verdict::clean());
  EXPECT_EQ(memory->size(), 1U);
}

TEST_F(InspectionTest, second_answer_of_a_scanner_is_not_heard) {
  policy(Cause::infected, Action::refuse);
  auto scanner = add_scanner("clamd");
  begin();
  feed_all(kMail);
  const auto scan = scanner->scans.front();
  answer(0, Verdict::of(Cause::infected, "Eicar"));
  scan->done(Verdict::clean());
  turn();
  EXPECT_EQ(inspection->outcome(), Outcome::refused);
  EXPECT_EQ(inspection->cause(), Cause::infected);
  EXPECT_EQ(causes(), 1U);
}

TEST_F(InspectionTest, what_timed_out_after_ok_is_refused_at_once) {
  policy(Cause::timeout, Action::notice);
  auto scanner = add_scanner("clamd");
  begin(Duration(30'000));
  feed_all(kMail);
  timers.advance(Duration(30'000));
  EXPECT_EQ(inspection->outcome(), Outcome::pass);
  inspection->note_timeout_after_ok();
  begin(Duration(30'000));
  feed_all(kMail);
  EXPECT_EQ(inspection->outcome(), Outcome::refused);
  EXPECT_EQ(inspection->cause(), Cause::timeout);
  EXPECT_EQ(counters.refused_again.get(), 1U);
  timers.advance(Duration(600'000));
  while (!scanner->scans.empty()) scanner->pass_self_test();
  begin(Duration(30'000));
  feed_all(kMail);
  EXPECT_EQ(inspection->outcome(), Outcome::undecided);
}

// ----------------------------------------------------------------------------------- large
// messages

TEST_F(InspectionTest, message_in_a_file_is_delivered_as_it_was_scanned) {
  add_scanner("clamd", 4'000'000);
  begin();
  const std::string mail = large(3'000'000);
  feed_all(mail);
  answer(0, Verdict::clean());
  EXPECT_EQ(take_all(), mail);
}

TEST_F(InspectionTest, too_large_for_all_scanners_is_decided_early) {
  add_scanner("one", 300'000);
  add_scanner("two", 200'000);
  const std::string mail = large(3'000'000);
  const std::string start = mail.substr(0, 400'000);
  for (const Action action : {Action::deliver, Action::tag, Action::refuse, Action::notice}) {
    policy(Cause::oversize, action);
    begin();
    feed(start);
    turn();
    ASSERT_NE(inspection->outcome(), Outcome::undecided) << to_string(action);
    EXPECT_EQ(inspection->cause(), Cause::oversize);
    EXPECT_EQ(inspection->action(), action);
    if (action == Action::refuse) {
      EXPECT_EQ(inspection->outcome(), Outcome::refused);
    }
    const bool through = action == Action::deliver || action == Action::tag;
    std::string text = inspection->outcome() == Outcome::pass ? take_all() : "";
    for (std::size_t at = start.size(); at < mail.size(); at += 100'000) {
      EXPECT_FALSE(inspection->congested());
      feed(std::string_view(mail).substr(at, 100'000));
      if (through) text += take_all();
    }
    inspection->end();
    if (through) text += take_all();
    for (std::size_t at = text.find("waits"); at != std::string::npos; at = text.find("waits")) {
      text.erase(at, 5);
    }
    if (action == Action::deliver) {
      EXPECT_EQ(text, mail);
    }
    if (action == Action::tag) {
      EXPECT_EQ(text.substr(0, 55), "X-Gatepost-Verdict: oversize; larger than 300000 octets");
      EXPECT_TRUE(text.ends_with(mail.substr(mail.find("\r\n\r\n"))));
    }
  }
  EXPECT_EQ(causes(), 4U);
  EXPECT_EQ(hands[0]->started, 2U);
}

TEST_F(InspectionTest, too_large_for_all_scanners_goes_to_quarantine_whole) {
  open_quarantine();
  add_scanner("one", 300'000);
  begin();
  const std::string mail = large(3'000'000);
  feed_all(mail);
  EXPECT_EQ(inspection->action(), Action::quarantine);
  EXPECT_EQ(inspection->quarantine_number(), 1U);
  std::string original;
  ASSERT_TRUE(quarantine->read(1, [&original](std::string_view piece) {
    original += piece;
    return true;
  }));
  EXPECT_EQ(original, mail);
}

TEST_F(InspectionTest, too_large_for_the_spool_is_decided_early) {
  open_quarantine();
  add_scanner("one", 100'000'000);
  for (const std::size_t more : {0U, 1U, 500'000U}) {
    room = std::make_shared<SpoolRoom>(folder.path().string(), 400'000, 8'000'000);
    host().room = room;
    std::string mail = large(500'000).substr(0, 400'000 - 2) + "\r\n";
    mail.insert(mail.size() - 2, std::string(more, 'x'));
    for (const Action action :
         {Action::deliver, Action::refuse, Action::notice, Action::quarantine}) {
      policy(Cause::oversize, action);
      begin();
      std::string text;
      std::string_view rest = mail;
      while (!rest.empty()) {
        feed(rest.substr(0, 50'000));
        rest.remove_prefix(std::min<std::size_t>(rest.size(), 50'000));
        if (rest.empty()) inspection->end();
        turn();
        if (inspection->outcome() == Outcome::pass) text += take_all();
        if (text.ends_with("waits")) text.resize(text.size() - 5);
      }
      if (more == 0) {
        if (!inspection->judgement().remembered) answer(0, Verdict::clean());
        if (action == Action::deliver) text = take_all();
        EXPECT_EQ(inspection->cause(), Cause::clean);
        EXPECT_TRUE(action != Action::deliver || text == mail);
        continue;
      }
      EXPECT_EQ(inspection->cause(), Cause::oversize);
      EXPECT_EQ(inspection->action(), action == Action::quarantine ? Action::refuse : action);
      if (action == Action::deliver) {
        EXPECT_TRUE(text == mail);
      }
    }
  }
}

TEST_F(InspectionTest, partial_message_is_not_let_through_because_it_is_large) {
  policy(Cause::oversize, Action::deliver);
  policy(Cause::partial, Action::refuse);
  add_scanner("one", 1'000);
  begin();
  feed_all("Content-Type: message/partial\r\n" + large(100'000));
  EXPECT_EQ(inspection->outcome(), Outcome::refused);
  EXPECT_EQ(inspection->cause(), Cause::partial);
}

TEST_F(InspectionTest, holds_little_memory_whatever_the_client_does) {
  add_scanner("one", 1'000'000);
  policy(Cause::oversize, Action::deliver);
  room = std::make_shared<SpoolRoom>(folder.path().string(), 50'000'000, 80'000'000);
  begin();
  const std::string piece = large(60'000);
  std::size_t fed = 0;
  std::size_t taken = 0;
  std::size_t most = 0;
  bool ended = false;
  for (int round = 0; round < 3000 && !ended; ++round) {
    if (!inspection->congested() && fed < 20'000'000) {
      feed(piece);
      fed += piece.size();
      if (fed >= 20'000'000) inspection->end();
    }
    turn();
    if (inspection->outcome() == Outcome::pass && round % 3 == 0) {  // a slow client
      ByteChain out;
      ended = inspection->take(out) == Progress::end;
      taken += out.size();
    }
    most = std::max(most, pool.held_blocks());
  }
  EXPECT_TRUE(ended);
  EXPECT_EQ(taken, fed);
  EXPECT_LE(most, 16U);
}

TEST_F(InspectionTest, waits_for_a_slow_disk) {
  add_scanner("one", 100'000'000);
  begin();
  const std::string piece = large(60'000);
  std::size_t fed = 0;
  while (!inspection->congested() && fed < 10'000'000) {
    feed(piece);
    fed += piece.size();
  }
  EXPECT_LT(fed, 800'000U);
  const std::size_t before = told;
  turn();
  EXPECT_GT(told, before);
  EXPECT_FALSE(inspection->congested());
  inspection->end();
  turn();
  EXPECT_EQ(hands[0]->scans.front()->job.message->size(), fed);
}

// ------------------------------------------------------------------------------ without scanners

TEST_F(InspectionTest, without_scanners_messages_stream) {
  chain.filters.push_back(
      *make_filter({"add_header", {{"lines", std::vector<std::string>{"X: 1"}}}}));
  begin();
  feed(kMail.substr(0, 60));
  turn();
  EXPECT_EQ(inspection->outcome(), Outcome::pass);
  std::string text = take_all();
  EXPECT_TRUE(text.ends_with("waits"));
  text.resize(text.size() - 5);
  EXPECT_FALSE(text.empty());
  feed(kMail.substr(60));
  inspection->end();
  EXPECT_EQ(text + take_all(), "X: 1\r\n" + std::string(kMail));
  EXPECT_EQ(counters.causes[Cause::clean].get(), 1U);
  EXPECT_EQ(counters.actions[Action::deliver].get(), 1U);
  EXPECT_EQ(room->used(), 0U);
}

TEST_F(InspectionTest, without_scanners_a_slow_client_holds_upstream_back) {
  begin();
  std::size_t fed = 0;
  while (!inspection->congested()) {
    feed(std::string(50'000, 'x'));
    fed += 50'000;
    ASSERT_LT(fed, 1'000'000U);
  }
  turn();
  const std::size_t before = told;
  std::string text = take_all();
  turn();
  EXPECT_GT(told, before);
  EXPECT_FALSE(inspection->congested());
  inspection->end();
  text.resize(text.size() - 5);
  EXPECT_EQ((text + take_all()).size(), fed + 2);
}

TEST_F(InspectionTest, empty_message_passes) {
  begin();
  inspection->end();
  EXPECT_EQ(inspection->outcome(), Outcome::pass);
  EXPECT_EQ(take_all(), "");
  add_scanner("clamd");
  begin();
  inspection->end();
  turn();
  answer(0, Verdict::clean());
  EXPECT_EQ(take_all(), "");
}

// --------------------------------------------------------------------------------- random and
// killed

TEST_F(InspectionTest, what_is_scanned_is_what_is_delivered) {
  add_scanner("clamd", 10'000'000);
  chain.filters.push_back(
      *make_filter({"remove_header", {{"names", std::vector<std::string>{"B"}}}}));
  chain.config.remember = false;
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  const std::vector<std::string> parts = {"A: 1\r\n",  "B: 2\r\n", "\r\n",  "\n", "\r",
                                          " folded\n", "x",        ".\r\n", "..", "\r\r\n"};
  for (int round = 0; round < 60; ++round) {
    const ::testing::ScopedTrace trace(__FILE__, __LINE__, "seed " + std::to_string(seed));
    std::string mail;
    for (auto n = random() % 40; n > 0; --n) mail += parts[random() % parts.size()];
    if (round % 10 == 0) mail += large(random() % 600'000);
    begin();
    std::string_view rest = mail;
    while (!rest.empty()) {
      const std::size_t n = 1 + random() % (mail.size() > 1000 ? 90'000 : 5);
      feed(rest.substr(0, n));
      rest.remove_prefix(std::min(n, rest.size()));
      if (inspection->congested()) turn();
    }
    inspection->end();
    turn();
    const std::shared_ptr<const Spool> spool = hands[0]->scans.front()->job.message;
    std::string scanned;
    SpoolReader reader(spool, [] {});
    for (auto progress = SpoolReader::Progress::data; progress != SpoolReader::Progress::end;) {
      ByteChain piece;
      progress = reader.next(piece);
      scanned += piece.to_string();
      if (progress == SpoolReader::Progress::wait) background.run_all();
    }
    answer(0, Verdict::clean());
    const std::string delivered = take_all();
    ASSERT_TRUE(delivered == scanned);
    ASSERT_TRUE(naive_canonical(delivered) == delivered);
  }
}

TEST_F(InspectionTest, may_go_at_any_point) {
  open_quarantine();
  policy(Cause::infected, Action::quarantine);
  add_scanner("clamd");
  const std::string mail = large(500'000);
  for (int point = 0; point < 12; ++point) {
    memory = std::make_shared<VerdictMemory>(0, std::chrono::seconds(1));
    host().memory = memory;
    begin();
    const auto steps = std::vector<std::function<void()>>{
        [&] { feed(std::string_view(mail).substr(0, 100'000)); },
        [&] { feed(std::string_view(mail).substr(100'000, 200'000)); },
        [&] { background.turn(); },
        [&] { feed(std::string_view(mail).substr(300'000)); },
        [&] { inspection->end(); },
        [&] { background.run_all(); },
        [&] { hands[0]->answer(Verdict::of(Cause::infected, "Eicar")); },
        [&] { background.turn(); },
        [&] { turn(); },
        [&] {
          ByteChain out;
          static_cast<void>(inspection->take(out));
        },
        [&] { EXPECT_EQ(inspection->action(), Action::quarantine); },
    };
    for (int i = 0; i < std::min<int>(point, static_cast<int>(steps.size())); ++i) {
      steps[static_cast<std::size_t>(i)]();
    }
    inspection.reset();
    turn();
    EXPECT_EQ(room->used(), 0U) << point;
    EXPECT_TRUE(hands[0]->scans.empty()) << point;
  }
}

}  // namespace
}  // namespace gatepost::filters::test
