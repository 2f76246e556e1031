#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "filters/retention/account_book.h"
#include "tests/support/chop.h"
#include "tests/unit/filters/retention/book_harness.h"

namespace gatepost::filters {
namespace {

using config::CountFrom;
using config::RetentionType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using AccountBookFaults = BookTest;

TEST_F(AccountBookFaults, a_store_that_cannot_be_read_stops_the_session) {
  use(keep());
  store_->broken = Error{ErrorCode::timeout, "no answer"};
  const auto session = start();
  run();
  ASSERT_TRUE(session->opened && !*session->opened);
  EXPECT_EQ(session->opened->error().code, ErrorCode::timeout);
  EXPECT_EQ(cells_.store_errors.get(), 1U);
  EXPECT_THAT(log_.find("retention_store"), HasSubstr("at=open"));
}

TEST_F(AccountBookFaults, without_a_store_there_is_no_session) {
  use(keep());
  host_.store = nullptr;
  const auto session = start();
  run();
  ASSERT_TRUE(session->opened && !*session->opened);
  EXPECT_EQ(session->opened->error().code, ErrorCode::config);
}

TEST_F(AccountBookFaults, what_is_not_noted_at_the_beginning_stops_nothing) {
  use(keep_for(30, CountFrom::seen));
  store_->fail_call(2);
  open();
  EXPECT_EQ(text("a"), "");
  EXPECT_EQ(log_.count("retention_store"), 1U);
  store_->conflicts = 1;
  open();
  EXPECT_EQ(text("a"), "");
  EXPECT_EQ(log_.count("retention_store"), 1U);
  open();
  EXPECT_NE(text("a"), "");
}

TEST_F(AccountBookFaults, nothing_is_removed_when_the_store_fails_at_the_end) {
  for (const std::size_t call : {1U, 2U}) {
    use(delete_after());
    const auto session = open();
    session->retrieve(0);
    session->dele(0);
    store_->fail_call(call);
    EXPECT_THAT(settle(*session), IsEmpty());
    ASSERT_TRUE(session->settled && !*session->settled);
    EXPECT_EQ(session->settled->error().detail, "disk on fire");
    EXPECT_EQ(text("a"), "");
    EXPECT_EQ(count(RetentionDecision::failed), call);
    EXPECT_EQ(count(RetentionDecision::due), 0U);
  }
}

TEST_F(AccountBookFaults, what_was_removed_has_its_line_even_if_the_store_fails) {
  for (const std::size_t call : {1U, 2U}) {
    upstream_ = {"a"};
    use(delete_after());
    const auto session = open();
    session->retrieve(0);
    const auto remove = settle(*session);
    EXPECT_THAT(remove, ElementsAre(0));
    store_->fail_call(call);
    session->ticket = session->book->removed(
        remove, [s = session.get()](Result<void> removed) { s->removed = std::move(removed); });
    EXPECT_EQ(audit_->lines.size(), call);
    run();
    EXPECT_TRUE(session->removed && !*session->removed);
    store_->put(account(), name("a"), "");
  }
}

TEST_F(AccountBookFaults, tries_again_while_others_write) {
  use(keep());
  const auto session = open();
  session->dele(0);
  store_->conflicts = AccountBook::kMaxAttempts - 1;
  EXPECT_THAT(quit(*session), IsEmpty());
  EXPECT_TRUE(session->settled && *session->settled);
  EXPECT_EQ(count(RetentionGuard::changed), AccountBook::kMaxAttempts - 1);
  EXPECT_EQ(count(RetentionDecision::hidden), 1U);
  EXPECT_NE(text("a"), "");
}

TEST_F(AccountBookFaults, gives_up_when_others_write_for_ever) {
  use(delete_after());
  const auto session = open();
  session->retrieve(0);
  store_->conflicts = AccountBook::kMaxAttempts;
  EXPECT_THAT(settle(*session), IsEmpty());
  ASSERT_TRUE(session->settled && !*session->settled);
  EXPECT_EQ(session->settled->error().code, ErrorCode::limit);

  const auto other = open();
  other->retrieve(0);
  const auto remove = settle(*other);
  store_->conflicts = AccountBook::kMaxAttempts;
  other->ticket = other->book->removed(
      remove, [s = other.get()](Result<void> removed) { s->removed = std::move(removed); });
  run();
  EXPECT_TRUE(other->removed && !*other->removed);
}

TEST_F(AccountBookFaults, two_sessions_at_once_keep_what_both_did) {
  use(keep(config::RetentionView::hide_for_device));
  const auto phone = open("phone");
  const auto laptop = open("laptop");
  phone->dele(0);
  laptop->dele(0);
  laptop->retrieve(1);
  ask_settle(*phone);
  ask_settle(*laptop);
  run();
  EXPECT_TRUE(*phone->settled && *laptop->settled);
  EXPECT_EQ(record("a").devices.size(), 2U);
  EXPECT_EQ(record("b").retrieved, now_);
}

TEST_F(AccountBookFaults, only_one_of_two_sessions_need_remove) {
  use(delete_after());
  const auto one = open();
  const auto two = open();
  one->retrieve(0);
  two->dele(0);
  EXPECT_THAT(quit(*one), ElementsAre(0));
  // The other had not fetched it; but by now it is known that someone has.
  EXPECT_THAT(settle(*two), ElementsAre(0));
}

TEST_F(AccountBookFaults, nobody_hears_of_what_was_cancelled) {
  use(keep_for(30, CountFrom::seen));
  for (std::size_t turns = 0; turns < 4; ++turns) {
    const auto session = start();
    for (std::size_t i = 0; i < turns; ++i) {
      if (!background_.turn()) store_->turn();
    }
    session->ticket.reset();
    run();
    EXPECT_FALSE(session->opened) << turns;
    store_ = std::make_shared<gatepost::testing::FakeRecordStore>();
    host_.store = store_;
  }
  auto session = open();
  session->retrieve(0);
  ask_settle(*session);
  auto* const asked = session.get();
  asked->book.reset();
  run();
  EXPECT_FALSE(asked->settled);
}

TEST_F(AccountBookFaults, an_old_ticket_stops_nothing_new) {
  use(keep());
  const auto session = open();
  Ticket old = std::move(session->ticket);
  session->dele(0);
  ask_settle(*session);
  old.reset();
  run();
  EXPECT_TRUE(session->settled.has_value());
}

TEST_F(AccountBookFaults, the_book_may_go_inside_its_callback) {
  use(keep());
  const auto session = start();
  session->ticket = {};
  session->book.emplace(host_, policy_, AccountBook::Account{"s2", "pool", "joe", ""});
  session->ticket = session->book->open(session->inventory, [s = session.get()](Result<void>) {
    s->ticket = s->book->settle({}, [s](const Result<AccountBook::Settlement>&) {
      s->book.reset();
      s->removed.emplace();
    });
  });
  run();
  EXPECT_TRUE(session->removed.has_value());
}

// ---- Dry runs

class DryRun : public BookTest {
 protected:
  void use_dry(config::RetentionPolicy chosen) {
    chosen.dry_run = true;
    use(chosen);
  }
};

TEST_F(DryRun, does_what_the_client_says_and_notes_what_would_have_been) {
  use_dry(keep());
  const auto session = open();
  EXPECT_EQ(session->book->refuse_dele(0, false, 99), std::nullopt);
  session->dele(1);
  EXPECT_THAT(quit(*session), ElementsAre(1));
  EXPECT_EQ(count(RetentionDecision::hidden), 1U);
  EXPECT_THAT(log_.find("retention_dry_run"), HasSubstr("would_hide=1"));
  EXPECT_EQ(store_->records(account()), 0U);
  EXPECT_EQ(record("b", true).deleted, now_);
  EXPECT_THAT(shown(), ElementsAre("a", "c"));
  EXPECT_EQ(record("b", true).gone, now_);
}

TEST_F(DryRun, never_hides) {
  use_dry(keep());
  const auto session = open();
  session->dele(1);
  settle(*session);
  EXPECT_THAT(shown(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(cells_.hidden_messages.get(), 0U);
}

TEST_F(DryRun, says_once_what_would_have_been_removed) {
  use_dry(delete_after());
  const auto session = open();
  session->retrieve(0);
  EXPECT_THAT(quit(*session), IsEmpty());
  ASSERT_EQ(audit_->lines.size(), 1U);
  EXPECT_TRUE(audit_->lines[0].dry_run);
  EXPECT_EQ(audit_->lines[0].uidl, name("a", true));
  EXPECT_THAT(upstream_, ElementsAre("a", "b", "c"));
  const auto next = open();
  next->retrieve(1);
  quit(*next);
  EXPECT_EQ(audit_->lines.size(), 2U);
  EXPECT_EQ(count(RetentionDecision::due), 2U);
  EXPECT_EQ(count(RetentionDecision::removed), 0U);
}

TEST_F(DryRun, counts_what_would_have_been_refused) {
  use_dry(policy(RetentionType::read_only));
  const auto session = open();
  session->dele(0);
  EXPECT_THAT(quit(*session), ElementsAre(0));
  EXPECT_EQ(count(RetentionDecision::refused), 1U);
  EXPECT_EQ((*session->settled)->refused, 0U);
}

TEST_F(DryRun, does_without_a_store) {
  use_dry(keep_for(0, CountFrom::seen));
  for (std::size_t call = 1; call <= 5; ++call) {
    upstream_ = {"a", "b", "c"};
    store_ = std::make_shared<gatepost::testing::FakeRecordStore>();
    host_.store = store_;
    store_->fail_call(call);
    const auto session = open();
    session->retrieve(0);
    session->dele(2);
    EXPECT_THAT(quit(*session), ElementsAre(2)) << call;
    EXPECT_TRUE(*session->removed);
  }
  host_.store = nullptr;
  const auto session = open();
  session->dele(0);
  EXPECT_THAT(quit(*session), ElementsAre(0));
}

// ---- Size

TEST_F(AccountBookFaults, fifty_thousand_messages_do_not_take_long) {
  const std::size_t messages = gatepost::testing::kSlowBuild ? 5'000 : 50'000;
  upstream_.clear();
  for (std::size_t i = 0; i < messages; ++i) {
    upstream_.push_back(fmt::format("{:08x}00112233445566778899aabb", i));
  }
  use(keep_for(30, CountFrom::seen));
  const auto begin = std::chrono::steady_clock::now();
  open();
  EXPECT_EQ(store_->commits, 1U);
  EXPECT_EQ(store_->written, messages);
  const auto session = open();
  for (std::size_t i = 0; i < messages; i += 2) session->dele(i);
  quit(*session);
  EXPECT_EQ(store_->commits, 2U);
  EXPECT_EQ(shown().size(), messages / 2);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

}  // namespace
}  // namespace gatepost::filters
