#include "filters/retention/account_book.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/filters/retention/book_harness.h"

namespace gatepost::filters {
namespace {

using config::CountFrom;
using config::RetentionType;
using config::RetentionView;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class AccountBookTest : public BookTest {
 protected:
  /// A session that deletes `index`, having fetched it or not.
  void delete_one(std::size_t index, const std::string& device = {}, bool fetched = true) {
    const auto session = open(device);
    EXPECT_EQ(session->book->refuse_dele(index, fetched, 0), std::nullopt);
    if (fetched) session->retrieve(index);
    session->dele(index);
    EXPECT_THAT(quit(*session), IsEmpty());
    EXPECT_EQ((*session->settled)->refused, 0U);
  }
};

TEST_F(AccountBookTest, keep_hides_what_was_deleted_and_removes_nothing) {
  use(keep());
  delete_one(1);
  EXPECT_EQ(count(RetentionDecision::hidden), 1U);
  EXPECT_THAT(shown(), ElementsAre("a", "c"));
  EXPECT_EQ(cells_.hidden_messages.get(), 1U);
  pass(10'000 * kDay);
  EXPECT_THAT(quit(*open()), IsEmpty());
  EXPECT_THAT(upstream_, ElementsAre("a", "b", "c"));
  EXPECT_THAT(audit_->lines, IsEmpty());
}

TEST_F(AccountBookTest, keep_hides_from_the_device_that_deleted_it) {
  use(keep(RetentionView::hide_for_device));
  delete_one(0, "phone");
  delete_one(1, "laptop", false);
  EXPECT_THAT(shown("phone"), ElementsAre("b", "c"));
  EXPECT_THAT(shown("laptop"), ElementsAre("a", "c"));
  EXPECT_THAT(shown("tablet"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(shown(), ElementsAre("a", "b", "c"));
}

TEST_F(AccountBookTest, what_a_client_without_device_deleted_is_hidden_from_no_device) {
  use(keep(RetentionView::hide_for_device));
  delete_one(0);
  EXPECT_EQ(count(RetentionDecision::kept), 1U);
  EXPECT_THAT(shown(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(shown("phone"), ElementsAre("a", "b", "c"));
}

TEST_F(AccountBookTest, keep_can_show_all) {
  use(keep(RetentionView::show));
  delete_one(0);
  EXPECT_EQ(count(RetentionDecision::kept), 1U);
  EXPECT_THAT(shown(), ElementsAre("a", "b", "c"));
}

TEST_F(AccountBookTest, the_usual_session_does_not_write) {
  use(keep_for(30, CountFrom::seen));
  open();
  EXPECT_EQ(store_->commits, 1U);
  const std::size_t loads = store_->loads;
  EXPECT_THAT(quit(*open()), IsEmpty());
  EXPECT_EQ(store_->commits, 1U);
  EXPECT_EQ(store_->loads, loads + 1);
}

TEST_F(AccountBookTest, keep_notes_no_first_sight) {
  use(keep());
  quit(*open());
  EXPECT_EQ(store_->commits, 0U);
}

TEST_F(AccountBookTest, keep_for_removes_after_the_period_whether_hidden_or_not) {
  use(keep_for(30, CountFrom::seen));
  const auto first = open();
  first->retrieve(0);
  first->retrieve(1);
  first->dele(1);
  EXPECT_THAT(quit(*first), IsEmpty());
  pass(30 * kDay - 1);
  EXPECT_THAT(quit(*open()), IsEmpty());
  pass(1);
  const auto last = open();
  EXPECT_TRUE(last->book->hidden(1));
  EXPECT_THAT(quit(*last), ElementsAre(0, 1));
  EXPECT_THAT(upstream_, ElementsAre("c"));
  EXPECT_EQ(record("a").removed, now_);
  ASSERT_EQ(audit_->lines.size(), 2U);
  EXPECT_EQ(audit_->lines[1].uidl, name("b"));
  EXPECT_EQ(audit_->lines[1].reason, "30d after it was seen");
  EXPECT_EQ(count(RetentionDecision::due), 2U);
  EXPECT_EQ(count(RetentionDecision::removed), 2U);
  EXPECT_EQ(count(RetentionDecision::failed), 0U);
}

TEST_F(AccountBookTest, keep_for_counts_from_the_first_retrieval) {
  use(keep_for(7, CountFrom::retrieved));
  open();
  pass(100 * kDay);
  for (int i = 0; i < 2; ++i) {
    const auto session = open();
    session->retrieve(2);
    EXPECT_THAT(quit(*session), IsEmpty());
    pass(3 * kDay);
  }
  EXPECT_THAT(quit(*open()), IsEmpty());
  pass(1 * kDay);
  EXPECT_THAT(quit(*open()), ElementsAre(2));
}

TEST_F(AccountBookTest, keep_for_counts_from_the_first_deletion) {
  use(keep_for(7, CountFrom::deleted));
  const auto session = open();
  session->retrieve(0);
  session->retrieve(1);
  session->dele(1);
  quit(*session);
  pass(7 * kDay);
  EXPECT_THAT(quit(*open()), ElementsAre(1));
  pass(1'000 * kDay);
  EXPECT_THAT(quit(*open()), IsEmpty());
}

TEST_F(AccountBookTest, delete_after_retrieval_removes_what_was_fetched) {
  use(delete_after());
  const auto session = open();
  session->retrieve(0);
  session->retrieve(2);
  EXPECT_THAT(quit(*session), ElementsAre(0, 2));
  EXPECT_EQ(store_->commits, 2U);
  EXPECT_THAT(upstream_, ElementsAre("b"));
  EXPECT_EQ(audit_->lines[0].reason, "it was retrieved");
}

TEST_F(AccountBookTest, delete_after_retrieval_waits_for_the_period_but_not_with_dele) {
  use(delete_after(7));
  const auto session = open();
  session->retrieve(0);
  session->retrieve(1);
  session->dele(1);
  EXPECT_THAT(quit(*session), ElementsAre(1));
  EXPECT_EQ(audit_->lines[0].reason, "deleted by the client");
  const auto next = open();
  EXPECT_EQ(next->book->refuse_dele(0, false, 0), std::nullopt);
  pass(7 * kDay);
  EXPECT_THAT(quit(*next), ElementsAre(0));
  EXPECT_EQ(audit_->lines[1].reason, "7d after it was retrieved");
}

TEST_F(AccountBookTest, delete_after_retrieval_refuses_what_was_never_fetched) {
  use(delete_after());
  const auto session = open();
  EXPECT_EQ(session->book->refuse_dele(0, false, 0),
            "this message was never retrieved, so it is kept");
  // RETR was asked for, and broke off.
  EXPECT_EQ(session->book->refuse_dele(1, true, 0), std::nullopt);
  session->dele(1);
  session->retrieve(2);
  EXPECT_THAT(quit(*session), ElementsAre(2));
  EXPECT_EQ((*session->settled)->refused, 1U);
  EXPECT_EQ(count(RetentionDecision::refused), 2U);
  EXPECT_EQ(count(RetentionGuard::not_retrieved), 2U);
  EXPECT_THAT(upstream_, ElementsAre("a", "b"));
}

TEST_F(AccountBookTest, the_clients_dele_goes_first_and_in_its_order) {
  use(delete_after());
  const auto session = open();
  for (std::size_t i = 0; i < 3; ++i) session->retrieve(i);
  session->dele(2);
  session->dele(1);
  session->dele(2);
  EXPECT_THAT(quit(*session), ElementsAre(2, 1, 0));
}

TEST_F(AccountBookTest, read_only_refuses) {
  use(policy(RetentionType::read_only));
  const auto session = open();
  EXPECT_THAT(session->book->refuse_dele(0, true, 0).value_or(""), HasSubstr("read-only"));
  session->retrieve(0);
  EXPECT_THAT(quit(*session), IsEmpty());
}

TEST_F(AccountBookTest, a_client_with_a_brake_decides_up_to_it) {
  auto chosen = policy(RetentionType::client);
  chosen.brake.messages = 2;
  use(chosen);
  host_.store = nullptr;
  const auto session = open();
  EXPECT_EQ(session->book->refuse_dele(0, false, 1), std::nullopt);
  EXPECT_THAT(session->book->refuse_dele(0, false, 2).value_or(""), HasSubstr("too many"));
  for (std::size_t i = 0; i < 3; ++i) session->dele(i);
  EXPECT_THAT(quit(*session), ElementsAre(0, 1));
  EXPECT_EQ((*session->settled)->refused, 1U);
  EXPECT_EQ(count(RetentionGuard::brake), 2U);
  EXPECT_EQ(audit_->lines.size(), 2U);
  EXPECT_EQ(audit_->lines[1].uidl, name("b"));
}

// ---- Guards

TEST_F(AccountBookTest, what_was_not_allowed_stays_until_it_is) {
  use(delete_after());
  const auto first = open();
  first->retrieve(0, false);
  first->dele(0);
  EXPECT_THAT(quit(*first), IsEmpty());
  EXPECT_EQ((*first->settled)->refused, 1U);
  EXPECT_EQ(count(RetentionGuard::not_allowed), 1U);
  const auto second = open();
  EXPECT_THAT(second->book->refuse_dele(0, false, 0).value_or(""), HasSubstr("not delivered"));
  quit(*second);
  const auto third = open();
  third->retrieve(0);
  EXPECT_THAT(quit(*third), ElementsAre(0));
}

TEST_F(AccountBookTest, what_is_not_allowed_any_more_stays) {
  use(delete_after(7));
  const auto first = open();
  first->retrieve(0);
  quit(*first);
  const auto second = open();
  second->retrieve(0, false);
  quit(*second);
  pass(8 * kDay);
  EXPECT_THAT(quit(*open()), IsEmpty());
}

TEST_F(AccountBookTest, messages_with_one_uidl_stay_and_are_shown) {
  upstream_ = {"a", "b", "a"};
  use(delete_after());
  const auto session = open();
  EXPECT_THAT(session->book->refuse_dele(0, true, 0).value_or(""), HasSubstr("same UIDL"));
  for (std::size_t i = 0; i < 3; ++i) session->retrieve(i);
  session->dele(2);
  EXPECT_THAT(quit(*session), ElementsAre(1));
  EXPECT_EQ((*session->settled)->refused, 1U);
  EXPECT_EQ(text("a"), "");
  use(keep(RetentionView::show));
  const auto show = open();
  EXPECT_EQ(show->book->refuse_dele(0, true, 0), std::nullopt);
  show->dele(0);
  EXPECT_THAT(quit(*show), IsEmpty());
  EXPECT_EQ((*show->settled)->refused, 0U);
}

TEST_F(AccountBookTest, a_record_counts_no_more_once_its_uidl_is_another_messages_too) {
  use(keep_for(30, CountFrom::seen));
  delete_one(0);
  EXPECT_THAT(shown(), ElementsAre("b", "c"));
  upstream_ = {"a", "b", "c", "a"};
  EXPECT_THAT(shown(), ElementsAre("a", "b", "c", "a"));
  upstream_ = {"b", "c", "a"};
  EXPECT_THAT(shown(), ElementsAre("b", "c", "a"));
  pass(31 * kDay);
  EXPECT_THAT(quit(*open()), IsEmpty());  // this "a" was never retrieved
}

TEST_F(AccountBookTest, a_legal_hold_keeps_everything) {
  host_.hold = {"J*"};
  use(delete_after());
  ASSERT_TRUE(policy_->held);
  const auto session = open();
  EXPECT_EQ(session->book->refuse_dele(0, false, 0), std::nullopt);
  session->retrieve(0);
  session->dele(0);
  EXPECT_THAT(quit(*session), IsEmpty());
  EXPECT_THAT(shown(), ElementsAre("b", "c"));
  change("a", [this](Record& record) {
    record.purge_asked = now_;
    record.purge_forced = true;
  });
  EXPECT_THAT(quit(*open()), IsEmpty());
}

TEST_F(AccountBookTest, a_hold_that_comes_meanwhile_counts) {
  use(delete_after());
  const auto session = open();
  session->retrieve(0);
  session->retrieve(1);
  session->dele(1);
  host_.hold = {"joe"};
  EXPECT_THAT(quit(*session), IsEmpty());
  EXPECT_EQ((*session->settled)->refused, 1U);
  EXPECT_EQ(count(RetentionGuard::hold), 2U);
}

TEST_F(AccountBookTest, the_brake_lets_the_oldest_go_first) {
  auto chosen = keep_for(30, CountFrom::retrieved);
  chosen.brake.percent = 40;  // of three: one
  use(chosen);
  for (const std::size_t index : {2U, 0U, 1U}) {
    const auto session = open();
    session->retrieve(index);
    quit(*session);
    pass(1);
  }
  pass(30 * kDay);
  EXPECT_THAT(quit(*open()), ElementsAre(2));
  EXPECT_EQ(count(RetentionGuard::brake), 2U);
  EXPECT_THAT(quit(*open()), ElementsAre(0));
  EXPECT_THAT(quit(*open()), ElementsAre(0));
  EXPECT_THAT(upstream_, IsEmpty());
}

TEST_F(AccountBookTest, the_brake_counts_what_the_client_deletes_and_what_is_due_together) {
  auto chosen = delete_after();
  chosen.brake.messages = 2;
  use(chosen);
  const auto session = open();
  for (std::size_t i = 0; i < 3; ++i) session->retrieve(i);
  session->dele(2);
  EXPECT_THAT(session->book->refuse_dele(1, true, 2).value_or(""), HasSubstr("too many"));
  EXPECT_THAT(quit(*session), ElementsAre(2, 0));
  EXPECT_THAT(quit(*open()), ElementsAre(0));
}

// ---- What the administrator does

TEST_F(AccountBookTest, a_purge_removes_what_was_retrieved) {
  use(keep());
  delete_one(0);
  delete_one(1, "", false);
  for (const char* uidl : {"a", "b"}) {
    change(uidl, [this](Record& record) { record.purge_asked = now_; });
  }
  EXPECT_THAT(quit(*open()), ElementsAre(0));
  EXPECT_EQ(audit_->lines[0].reason, "purged by the administrator");
  change("b", [](Record& record) { record.purge_forced = true; });
  EXPECT_THAT(quit(*open()), ElementsAre(0));
  EXPECT_THAT(upstream_, ElementsAre("c"));
}

TEST_F(AccountBookTest, an_undelete_brings_back_and_starts_the_period_anew) {
  use(keep_for(30, CountFrom::seen));
  delete_one(0);
  pass(29 * kDay);
  change("a", [this](Record& record) { record.undelete(now_); });
  EXPECT_THAT(shown(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(shown(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(count(RetentionDecision::undeleted), 1U);
  pass(29 * kDay);
  EXPECT_THAT(quit(*open()), IsEmpty());
  pass(1 * kDay);
  EXPECT_THAT(quit(*open()), ElementsAre(0));
}

TEST_F(AccountBookTest, what_was_undeleted_has_to_be_fetched_again_before_it_goes_at_once) {
  auto chosen = delete_after();
  use(chosen);
  const auto session = open();
  session->retrieve(0);
  settle(*session);  // upstream is lost before it removes
  change("a", [this](Record& record) { record.undelete(now_); });
  EXPECT_THAT(quit(*open()), IsEmpty());
  pass(1);
  const auto again = open();
  again->retrieve(0);
  EXPECT_THAT(quit(*again), ElementsAre(0));
}

TEST_F(AccountBookTest, an_undelete_that_comes_meanwhile_wins) {
  use(delete_after(7));
  const auto first = open();
  first->retrieve(0);
  first->retrieve(1);
  quit(*first);
  pass(7 * kDay);
  const auto session = open();
  session->dele(1);
  store_->before_commit = [this] {
    for (const char* uidl : {"a", "b"}) {
      change(uidl, [this](Record& record) { record.undelete(now_); });
    }
  };
  EXPECT_THAT(quit(*session), IsEmpty());
  EXPECT_EQ((*session->settled)->refused, 1U);
  EXPECT_EQ(count(RetentionGuard::changed), 2U);  // a conflict, and what came of it
}

// ---- What upstream does

TEST_F(AccountBookTest, records_of_vanished_messages_are_forgotten) {
  use(keep_for(30, CountFrom::seen));
  open();
  upstream_ = {"b", "c"};
  open();
  EXPECT_EQ(record("a").gone, now_);
  pass(90 * kDay - 1);
  open();
  EXPECT_NE(text("a"), "");
  pass(1);
  open();
  EXPECT_EQ(text("a"), "");
  EXPECT_EQ(store_->records(account()), 2U);
}

TEST_F(AccountBookTest, what_comes_back_is_a_new_message) {
  use(keep_for(30, CountFrom::seen));
  delete_one(0);
  upstream_ = {"b", "c"};
  open();
  pass(40 * kDay);
  upstream_ = {"a"};
  EXPECT_THAT(shown(), ElementsAre("a"));
  EXPECT_EQ(text("a"), fmt::format("1 s{}", now_));
  EXPECT_THAT(quit(*open()), IsEmpty());
}

TEST_F(AccountBookTest, what_upstream_did_not_remove_after_all_is_shown_and_due_again) {
  use(keep_for(30, CountFrom::deleted));
  delete_one(0);
  pass(30 * kDay);
  EXPECT_THAT(quit(*open()), ElementsAre(0));
  upstream_ = {"a", "b", "c"};
  EXPECT_THAT(shown(), ElementsAre("a", "b", "c"));
  const auto session = open();
  EXPECT_THAT(quit(*session), ElementsAre(0));
}

TEST_F(AccountBookTest, a_removal_whose_answer_was_lost_is_found_out) {
  use(delete_after());
  const auto session = open();
  session->retrieve(0);
  remove_upstream(*session, settle(*session));
  session->book.reset();
  EXPECT_EQ(count(RetentionDecision::failed), 1U);
  EXPECT_THAT(audit_->lines, IsEmpty());
  open();
  ASSERT_EQ(audit_->lines.size(), 1U);
  EXPECT_EQ(audit_->lines[0].uidl, name("a"));
  EXPECT_THAT(audit_->lines[0].reason, HasSubstr("found gone"));
  EXPECT_EQ(record("a").removed, now_);
  open();
  EXPECT_EQ(audit_->lines.size(), 1U);
}

TEST_F(AccountBookTest, what_upstream_refused_to_remove_is_due_again) {
  use(delete_after());
  const auto session = open();
  session->retrieve(0);
  session->retrieve(1);
  EXPECT_THAT(settle(*session), ElementsAre(0, 1));
  session->ticket = session->book->removed({1}, [](const Result<void>&) {});
  run();
  session->book.reset();
  EXPECT_EQ(count(RetentionDecision::removed), 1U);
  EXPECT_EQ(count(RetentionDecision::failed), 1U);
  upstream_ = {"a", "c"};
  EXPECT_THAT(quit(*open()), ElementsAre(0));
}

TEST_F(AccountBookTest, without_uidls_there_is_no_session) {
  use(keep());
  Session session;
  ASSERT_TRUE(session.inventory.add_size(1, 10));
  session.book.emplace(host_, policy_, AccountBook::Account{"s1", "pool", "joe", ""});
  session.ticket = session.book->open(
      session.inventory, [&session](Result<void> opened) { session.opened = std::move(opened); });
  run();
  ASSERT_TRUE(session.opened && !*session.opened);
  EXPECT_EQ(session.opened->error().code, ErrorCode::protocol);
}

TEST_F(AccountBookTest, a_record_that_cannot_be_read_keeps_its_message) {
  store_->put(account(), name("a"), "2 whatever comes later");
  use(keep_for(0, CountFrom::retrieved));
  const auto session = open();
  EXPECT_FALSE(session->book->hidden(0));
  EXPECT_THAT(session->book->refuse_dele(0, true, 0).value_or(""), HasSubstr("cannot be read"));
  session->retrieve(0);
  session->dele(0);
  session->retrieve(1);
  EXPECT_THAT(quit(*session), ElementsAre(1));
  EXPECT_EQ((*session->settled)->refused, 1U);
  EXPECT_EQ(text("a"), "2 whatever comes later");
  EXPECT_EQ(cells_.store_errors.get(), 1U);
  EXPECT_EQ(log_.count("retention_unreadable"), 1U);
}

TEST_F(AccountBookTest, goes_on_with_what_there_was_at_the_login) {
  use(delete_after());
  const auto session = open();
  session->retrieve(0);
  const auto store = std::exchange(host_.store, nullptr);
  const auto names = std::exchange(host_.names, nullptr);
  const auto audit = std::exchange(host_.audit, nullptr);
  EXPECT_THAT(quit(*session), ElementsAre(0));
  EXPECT_EQ(audit_->lines.size(), 1U);
  // Who logs in now, under a configuration that has gone, is turned away.
  const auto late = start();
  run();
  ASSERT_TRUE(late->opened && !*late->opened);
  EXPECT_EQ(late->opened->error().code, ErrorCode::config);
}

TEST_F(AccountBookTest, may_ask_the_store_ahead_of_the_list) {
  use(keep());
  delete_one(1);
  for (const bool early : {true, false}) {
    Session session;
    for (std::uint64_t number = 1; number <= upstream_.size(); ++number) {
      ASSERT_TRUE(session.inventory.add_size(number, 100));
    }
    for (std::uint64_t number = 1; number <= upstream_.size(); ++number) {
      ASSERT_TRUE(session.inventory.add_uidl(number, upstream_[number - 1]));
    }
    session.book.emplace(host_, policy_, AccountBook::Account{"s1", "pool", "joe", ""});
    session.book->read_ahead();
    if (early) run();
    session.ticket = session.book->open(
        session.inventory, [&session](Result<void> opened) { session.opened = std::move(opened); });
    EXPECT_FALSE(session.opened);
    run();
    ASSERT_TRUE(session.opened && *session.opened);
    EXPECT_FALSE(session.book->hidden(0));
    EXPECT_TRUE(session.book->hidden(1));
  }
}

TEST_F(AccountBookTest, fails_when_the_store_failed_ahead_of_the_list) {
  use(keep());
  AccountBook book(host_, policy_, {"s1", "pool", "joe", ""});
  const mailbox::Inventory inventory;
  std::optional<Result<void>> opened;
  store_->fail_call(1);
  book.read_ahead();
  const Ticket ticket =
      book.open(inventory, [&opened](Result<void> done) { opened = std::move(done); });
  run();
  ASSERT_TRUE(opened);
  EXPECT_FALSE(*opened);
}

TEST_F(AccountBookTest, stops_waiting_when_nobody_waits) {
  use(keep());
  AccountBook book(host_, policy_, {"s1", "pool", "joe", ""});
  const mailbox::Inventory inventory;
  book.read_ahead();
  book.open(inventory, [](const Result<void>&) { FAIL() << "was given up"; }).reset();
  run();
}

}  // namespace
}  // namespace gatepost::filters
