#include "proxy/base/journal.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace gatepost {
namespace {

using About = Decision::About;

std::int64_t now = 0;
std::int64_t clock_of_the_test() { return now; }

class JournalTest : public ::testing::Test {
 protected:
  JournalTest() { now = 1'800'000'000'000; }

  /// The texts that the journal has about `id`, with a bar behind each.
  [[nodiscard]] std::string texts(std::string_view id) const {
    std::string all;
    for (const Decision& decision : journal.about(id).decisions) all += decision.text + '|';
    return all;
  }

  Journal journal{&clock_of_the_test};
};

TEST_F(JournalTest, HasNothingAtFirst) {
  EXPECT_EQ(texts("0-1"), "");
  EXPECT_TRUE(journal.sessions_of("joe").empty());
  EXPECT_EQ(texts("q1"), "");
  EXPECT_EQ(journal.size(), 0U);
}

TEST_F(JournalTest, TellsSessionsApart) {
  journal.note("0-1", About::arrival, "came");
  journal.note("0-11", About::arrival, "came, too");
  now += 5;
  journal.note("0-1", About::route, "goes there", "/routes/0");
  const Explanation explanation = journal.about("0-1");
  EXPECT_EQ(explanation.session, "0-1");
  EXPECT_EQ(explanation.message, 0U);
  EXPECT_FALSE(explanation.begins_later);
  ASSERT_EQ(explanation.decisions.size(), 2U);
  EXPECT_EQ(explanation.decisions[0].text, "came");
  EXPECT_EQ(explanation.decisions[0].rule, "");
  EXPECT_EQ(explanation.decisions[0].at, 1'800'000'000'000);
  EXPECT_EQ(explanation.decisions[1].about, About::route);
  EXPECT_EQ(explanation.decisions[1].text, "goes there");
  EXPECT_EQ(explanation.decisions[1].rule, "/routes/0");
  EXPECT_EQ(explanation.decisions[1].at, 1'800'000'000'005);
  EXPECT_EQ(texts("0-11"), "came, too|");
}

TEST_F(JournalTest, FindsAMessage) {
  journal.note("0-1", About::arrival, "came");
  journal.note("0-1", About::message, "one", "", 1);
  journal.note("0-1", About::message, "eleven", "", 11);
  journal.note("0-1", About::quarantined, "17", "", 11);
  journal.note("0-1", About::retention, "one stays", "", 1);
  EXPECT_EQ(texts("0-1/1"), "one|one stays|");
  EXPECT_EQ(texts("0-1/11"), "eleven|17|");
  EXPECT_EQ(texts("q17"), "eleven|17|");
  EXPECT_EQ(journal.about("q17").session, "0-1");
  EXPECT_EQ(journal.about("q17").message, 11U);
  EXPECT_EQ(texts("q1"), "");
  for (const char* const wrong :
       {"", "/", "0-1/", "0-1/0", "0-1/x", "0-1/1x", "/1", "q", "0-1/-1"}) {
    EXPECT_EQ(texts(wrong), "") << wrong;
  }
}

TEST_F(JournalTest, FindsTheSessionsOfAUser) {
  journal.note("0-1", About::arrival, "came");
  now += 1;
  journal.note("0-1", About::user, "Joe@Example.org");
  journal.note("0-1", About::user, "joe@example.org");
  journal.note("0-1", About::end, "quit");
  now += 1;
  journal.note("0-2", About::arrival, "came");
  journal.note("0-2", About::user, "ann");
  now += 1;
  journal.note("0-3", About::arrival, "came");
  now += 1;
  journal.note("0-3", About::user, "joe@EXAMPLE.org");
  const auto sessions = journal.sessions_of("joe@example.org");
  ASSERT_EQ(sessions.size(), 2U);
  EXPECT_EQ(sessions[0].session, "0-3");
  EXPECT_EQ(sessions[0].user, "joe@EXAMPLE.org");
  EXPECT_EQ(sessions[0].at, 1'800'000'000'003);
  EXPECT_EQ(sessions[0].end, "");
  EXPECT_EQ(sessions[1].session, "0-1");
  EXPECT_EQ(sessions[1].at, 1'800'000'000'000);
  EXPECT_EQ(sessions[1].end, "quit");
  EXPECT_TRUE(journal.sessions_of("jo").empty());
}

TEST_F(JournalTest, NamesNoMoreSessionsThanThat) {
  for (std::size_t i = 0; i < Journal::kMaxSessionsOfUser + 10; ++i) {
    journal.note("0-" + std::to_string(i), About::user, "joe");
  }
  const auto sessions = journal.sessions_of("joe");
  ASSERT_EQ(sessions.size(), Journal::kMaxSessionsOfUser);
  EXPECT_EQ(sessions.front().session, "0-" + std::to_string(Journal::kMaxSessionsOfUser + 9));
}

TEST_F(JournalTest, ForgetsTheOldestDecision) {
  for (std::size_t i = 0; i < Journal::kMaxDecisions + 3; ++i) {
    journal.note("0-" + std::to_string(i), About::arrival, "came");
    journal.note("0-" + std::to_string(i), About::end, "left");
  }
  EXPECT_EQ(journal.size(), Journal::kMaxDecisions);
  EXPECT_EQ(journal.forgotten(), Journal::kMaxDecisions + 6);
  EXPECT_EQ(texts("0-0"), "");
  EXPECT_EQ(texts("0-" + std::to_string(Journal::kMaxDecisions + 2)), "came|left|");
}

TEST_F(JournalTest, SaysThatASessionBeganBefore) {
  journal.note("0-0", About::arrival, "came");
  journal.note("0-0", About::login, "tried");
  for (std::size_t i = 0; i < Journal::kMaxDecisions - 1; ++i) {
    journal.note("0-1", About::end, "left");
  }
  EXPECT_EQ(texts("0-0"), "tried|");
  EXPECT_TRUE(journal.about("0-0").begins_later);
}

/// Wherever the memory ends, in an id, a text or a rule.
TEST_F(JournalTest, ForgetsByOctetsToo) {
  const std::string text(Journal::kMaxText - 7, 't');
  const std::string rule(Journal::kMaxRule - 5, 'r');
  std::size_t octets = 0;
  for (std::size_t i = 0; i < 5'000; ++i) {
    const std::string id = "0-" + std::to_string(i);
    const std::string own_text = text + std::to_string(i);
    journal.note(id, About::arrival, own_text, rule);
    octets = id.size() + own_text.size() + rule.size();
    const Explanation explanation = journal.about(id);
    ASSERT_EQ(explanation.decisions.size(), 1U) << id;
    ASSERT_EQ(explanation.decisions[0].text, own_text) << id;
    ASSERT_EQ(explanation.decisions[0].rule, rule) << id;
  }
  EXPECT_LE(journal.size() * (octets - 8), Journal::kMaxOctets);
  EXPECT_GE((journal.size() + 1) * octets, Journal::kMaxOctets);
  EXPECT_EQ(journal.size() + journal.forgotten(), 5'000U);
  const std::size_t last_kept = 5'000 - journal.size();
  EXPECT_EQ(texts("0-" + std::to_string(last_kept - 1)), "");
  EXPECT_EQ(texts("0-" + std::to_string(last_kept)), text + std::to_string(last_kept) + '|');
}

TEST_F(JournalTest, CutsWhatIsLong) {
  journal.note("0-1", About::arrival, std::string(Journal::kMaxText + 1, 't'),
               std::string(Journal::kMaxRule + 1, 'r'));
  const Explanation explanation = journal.about("0-1");
  ASSERT_EQ(explanation.decisions.size(), 1U);
  EXPECT_EQ(explanation.decisions[0].text, std::string(Journal::kMaxText, 't'));
  EXPECT_EQ(explanation.decisions[0].rule, std::string(Journal::kMaxRule, 'r'));
  journal.note(std::string(Journal::kMaxId, 'i'), About::arrival, "fits");
  EXPECT_EQ(texts(std::string(Journal::kMaxId, 'i')), "fits|");
  journal.note(std::string(Journal::kMaxId + 1, 'i'), About::arrival, "does not");
  EXPECT_EQ(texts(std::string(Journal::kMaxId + 1, 'i')), "");
}

TEST_F(JournalTest, GivesOneSessionItsShare) {
  const std::string id = "0-1";
  Journal::Page page(journal, id);
  for (std::uint32_t i = 0; i < Journal::Page::kMaxOfSession + 5; ++i) {
    page.note(About::message, "looked at", "", i + 1);
  }
  EXPECT_EQ(page.left_out(), 5U);
  EXPECT_EQ(journal.size(), Journal::Page::kMaxOfSession);
  page.note(About::end, "left");
  EXPECT_EQ(journal.about("0-1").decisions.back().text, "left");
}

TEST_F(JournalTest, HasANameForEveryKind) {
  for (std::uint8_t i = 0; i < static_cast<std::uint8_t>(About::count_); ++i) {
    EXPECT_NE(to_string(static_cast<About>(i)), "");
  }
  EXPECT_EQ(to_string(About::count_), "");
}

}  // namespace
}  // namespace gatepost
