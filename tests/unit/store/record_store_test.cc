// What every RecordStore promises, asked of all of them.

#include "proxy/store/record_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/chop.h"
#include "tests/unit/store/record_store_kits.h"
#include "tests/unit/store/records.h"

namespace gatepost::store {
namespace {

using testing::Asker;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::name;
using testing::run_for;
using testing::run_until;
using testing::StoreFace;
using testing::StoreKit;
using ::testing::UnorderedElementsAre;

const HashedName kAnn = name(1);
const HashedName kBob = name(2);

class RecordStoreTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    kit_ = testing::make_store_kit(GetParam());
    ASSERT_TRUE(kit_) << "redis-server is not installed";
    face_ = kit_->face(RecordStore::kMaxRecords);
    ask_.emplace(face_->loop(), face_->store());
  }

  static std::vector<std::string> values(const std::vector<Entry>& entries) {
    std::vector<std::string> found;
    for (const Entry& entry : entries) found.push_back(entry.value);
    return found;
  }
  std::vector<std::string> values(const HashedName& account) {
    const auto entries = ask_->load(account);
    EXPECT_TRUE(entries) << entries.error().detail;
    return entries ? values(*entries) : std::vector<std::string>{};
  }

  std::unique_ptr<StoreKit> kit_;
  std::unique_ptr<StoreFace> face_;
  std::optional<Asker> ask_;
};

TEST_P(RecordStoreTest, nothing_is_there_at_first) {
  EXPECT_TRUE(ask_->check());
  EXPECT_THAT(ask_->load(kAnn).value(), IsEmpty());
  EXPECT_THAT(ask_->accounts(10).value(), IsEmpty());
}

TEST_P(RecordStoreTest, gives_back_what_was_written_by_name) {
  const std::string odd("\0\r\n'\" \xff", 7);
  ask_->put(kAnn, {{name(300), 0, "c"}, {name(2), 0, "a"}, {name(257), 0, odd}});
  ask_->put(kBob, {{name(2), 0, "of bob"}});
  const auto entries = ask_->load(kAnn).value();
  EXPECT_THAT(values(entries), ElementsAre("a", odd, "c"));
  EXPECT_EQ(entries.at(0).name, name(2));
  EXPECT_EQ(entries.at(2).name, name(300));
  for (const Entry& entry : entries) EXPECT_GT(entry.version, 0U);
  EXPECT_THAT(values(kBob), ElementsAre("of bob"));
}

TEST_P(RecordStoreTest, every_octet_may_stand_in_a_name) {
  std::vector<Write> writes;
  for (unsigned i = 0; i < 256; ++i) {
    HashedName every;
    every.octets.fill(static_cast<std::uint8_t>(i));
    writes.push_back({every, 0, "value " + std::to_string(i)});
  }
  ask_->put(kAnn, writes);
  const auto entries = ask_->load(kAnn).value();
  ASSERT_EQ(entries.size(), writes.size());
  for (std::size_t i = 0; i < writes.size(); ++i) {
    EXPECT_EQ(entries[i].name, writes[i].name);
    EXPECT_EQ(entries[i].value, writes[i].value);
  }
}

TEST_P(RecordStoreTest, a_write_changes_the_version) {
  ask_->put(kAnn, {{name(1), 0, "a"}, {name(2), 0, "b"}});
  const Entry first = ask_->get(kAnn, name(1));
  const Entry other = ask_->get(kAnn, name(2));
  ask_->put(kAnn, {{name(1), first.version, "a"}});
  EXPECT_NE(ask_->get(kAnn, name(1)).version, first.version);
  EXPECT_EQ(ask_->get(kAnn, name(2)).version, other.version);
}

TEST_P(RecordStoreTest, a_conflict_is_named_and_nothing_is_written) {
  ask_->put(kAnn, {{name(1), 0, "a"}, {name(2), 0, "b"}, {name(3), 0, "c"}});
  const std::uint64_t a = ask_->get(kAnn, name(1)).version;
  const std::uint64_t b = ask_->get(kAnn, name(2)).version;
  const auto outcome = ask_->commit(kAnn, {{name(1), a, "new"},
                                           {name(2), b + 1'000, "wrong version"},
                                           {name(3), 0, "is there"},
                                           {name(4), 7, "is not there"},
                                           {name(5), 0, "new"},
                                           {name(6), 7, ""}});
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(outcome->written);
  EXPECT_THAT(outcome->conflicts, UnorderedElementsAre(name(2), name(3), name(4), name(6)));
  EXPECT_THAT(values(kAnn), ElementsAre("a", "b", "c"));
  EXPECT_EQ(ask_->get(kAnn, name(1)).version, a);
}

TEST_P(RecordStoreTest, erases) {
  ask_->put(kAnn, {{name(1), 0, "a"}, {name(2), 0, "b"}});
  const std::uint64_t version = ask_->get(kAnn, name(1)).version;
  const auto wrong = ask_->commit(kAnn, {{name(1), version + 1'000, ""}});
  EXPECT_FALSE(wrong.value().written);
  const auto there = ask_->commit(kAnn, {{name(1), 0, ""}});
  EXPECT_FALSE(there.value().written);
  ask_->put(kAnn, {{name(1), version, ""}});
  EXPECT_THAT(values(kAnn), ElementsAre("b"));
  ask_->put(kAnn, {{name(1), 0, ""}});  // as expected, it is not there
  EXPECT_THAT(values(kAnn), ElementsAre("b"));
}

TEST_P(RecordStoreTest, a_record_made_again_has_a_version_that_it_never_had) {
  std::vector<std::uint64_t> seen;
  for (int i = 0; i < 20; ++i) {
    ask_->put(kAnn, {{name(1), 0, "a"}});
    const std::uint64_t version = ask_->get(kAnn, name(1)).version;
    EXPECT_THAT(seen, ::testing::Not(::testing::Contains(version)));
    seen.push_back(version);
    ask_->put(kAnn, {{name(1), version, ""}});  // the account goes with it
  }
  EXPECT_THAT(ask_->accounts(10).value(), IsEmpty());
}

TEST_P(RecordStoreTest, a_value_has_its_limit) {
  const std::string largest(RecordStore::kMaxValue, 'x');
  ask_->put(kAnn, {{name(1), 0, largest}});
  EXPECT_THAT(values(kAnn), ElementsAre(largest));
  const auto beyond = ask_->commit(kAnn, {{name(2), 0, "b"}, {name(3), 0, largest + "x"}});
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, ErrorCode::limit);
  EXPECT_THAT(values(kAnn), ElementsAre(largest));
}

TEST_P(RecordStoreTest, records_of_an_account_have_their_limit) {
  const auto small = kit_->face(3);
  Asker ask(small->loop(), small->store());
  ask.put(kAnn, {{name(1), 0, "a"}, {name(2), 0, "b"}});
  const auto beyond = ask.commit(kAnn, {{name(3), 0, "c"}, {name(4), 0, "d"}});
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, ErrorCode::limit);
  EXPECT_EQ(ask.load(kAnn).value().size(), 2U);
  ask.put(kAnn, {{name(3), 0, "c"}});
  EXPECT_EQ(ask.load(kAnn).value().size(), 3U);
  // One goes, one comes; one changes.
  ask.put(kAnn, {{name(4), 0, "d"}, {name(3), ask.get(kAnn, name(3)).version, ""}});
  ask.put(kAnn, {{name(4), ask.get(kAnn, name(4)).version, "D"}});
  EXPECT_EQ(ask.load(kAnn).value().size(), 3U);
}

TEST_P(RecordStoreTest, accounts_that_were_not_written_for_long_come_first) {
  ask_->put(name(30), {{name(1), 0, "a"}}, 3'000);
  ask_->put(name(10), {{name(1), 0, "a"}, {name(2), 0, "b"}}, 5'000);
  ask_->put(name(20), {{name(1), 0, "a"}}, 4'000);
  ask_->put(name(40), {{name(1), 0, "a"}}, 1'000);
  ask_->put(name(40), {{name(2), 0, "b"}, {name(3), 0, "c"}}, 6'000);
  const auto all = ask_->accounts(100).value();
  ASSERT_EQ(all.size(), 4U);
  const std::vector<HashedName> order = {name(30), name(20), name(10), name(40)};
  for (std::size_t i = 0; i < order.size(); ++i) EXPECT_EQ(all[i].name, order[i]);
  EXPECT_EQ(all[0].written_at, 3'000);
  EXPECT_EQ(all[2].records, 2U);
  EXPECT_EQ(all[3].records, 3U);
  EXPECT_EQ(all[3].written_at, 6'000);
  EXPECT_EQ(ask_->accounts(2).value().size(), 2U);
  EXPECT_EQ(ask_->accounts(2).value().at(1).name, name(20));
  EXPECT_THAT(ask_->accounts(0).value(), IsEmpty());
}

TEST_P(RecordStoreTest, faces_see_the_same_records) {
  const auto other = kit_->face(RecordStore::kMaxRecords);
  Asker ask(other->loop(), other->store());
  ask_->put(kAnn, {{name(1), 0, "a"}});
  const Entry seen = ask.get(kAnn, name(1));
  EXPECT_EQ(seen.value, "a");
  ask_->put(kAnn, {{name(1), seen.version, "b"}});
  EXPECT_FALSE(ask.commit(kAnn, {{name(1), seen.version, "c"}}).value().written);
}

TEST_P(RecordStoreTest, nobody_hears_of_what_was_given_up) {
  std::vector<Ticket> tickets;
  int heard = 0;
  for (unsigned i = 0; i < 50; ++i) {
    tickets.push_back(face_->store().commit(kAnn, {{name(i), 0, "a"}, {name(1'000 + i), 0, "b"}},
                                            1'000, [&heard](auto) { ++heard; }));
    tickets.push_back(face_->store().load(kAnn, [&heard](auto) { ++heard; }));
    tickets.push_back(face_->store().accounts(5, [&heard](auto) { ++heard; }));
    tickets.push_back(face_->store().check([&heard](auto) { ++heard; }));
    if (i == 25) run_for(face_->loop(), std::chrono::milliseconds(2));
    if (i == 25) heard = 0;
    tickets.clear();
  }
  run_for(face_->loop(), std::chrono::milliseconds(100));
  EXPECT_EQ(heard, 0);
  // Written or not, but never in part.
  const auto entries = ask_->load(kAnn).value();
  for (const Entry& entry : entries) {
    const unsigned number = entry.name.octets[0] * 256U + entry.name.octets[1];
    const HashedName twin = name(number >= 1'000 ? number - 1'000 : number + 1'000);
    EXPECT_TRUE(std::ranges::find(entries, twin, &Entry::name) != entries.end()) << number;
  }
}

TEST_P(RecordStoreTest, a_callback_may_ask_again_and_drop_its_ticket) {
  int heard = 0;
  Ticket first;
  Ticket second;
  first = face_->store().check([&](auto) {
    first.reset();
    second = face_->store().load(kAnn, [&](auto) { ++heard; });
    EXPECT_EQ(heard, 0);
  });
  EXPECT_TRUE(run_until(face_->loop(), [&] { return heard == 1; }));
}

TEST_P(RecordStoreTest, many_who_count_at_once_lose_nothing) {
  constexpr int kTimes = 100;
  ask_->put(kAnn, {{name(1), 0, "0"}, {name(2), 0, "0"}});
  const auto count = [this] {
    const auto face = kit_->face(RecordStore::kMaxRecords);
    Asker ask(face->loop(), face->store());
    int conflicts = 0;
    for (int done = 0; done < kTimes;) {
      std::vector<Write> writes;
      const auto entries = ask.load(kAnn);
      ASSERT_TRUE(entries) << entries.error().detail;
      ASSERT_EQ(entries->size(), 2U);
      // Both change together, or they were torn apart.
      EXPECT_EQ(entries->at(0).value, entries->at(1).value);
      for (const Entry& entry : *entries) {
        writes.push_back({entry.name, entry.version, std::to_string(std::stoi(entry.value) + 1)});
      }
      const auto outcome = ask.commit(kAnn, std::move(writes));
      ASSERT_TRUE(outcome) << outcome.error().detail;
      outcome->written ? ++done : ++conflicts;
    }
  };
  std::thread other(count);
  count();
  other.join();
  EXPECT_THAT(values(kAnn), ElementsAre("200", "200"));
}

TEST_P(RecordStoreTest, a_large_mailbox_is_written_in_one_go) {
  constexpr unsigned kMany = testing::kSlowBuild ? 2'000 : 50'000;
  std::vector<Write> writes;
  for (unsigned i = 0; i < kMany; ++i) writes.push_back({name(i), 0, std::string(60, 'v')});
  EXPECT_TRUE(ask_->check());  // the clock of a loop stands still while it does not run
  ask_->put(kAnn, std::move(writes));
  EXPECT_EQ(ask_->load(kAnn).value().size(), kMany);
  EXPECT_EQ(ask_->accounts(1).value().at(0).records, kMany);
}

INSTANTIATE_TEST_SUITE_P(stores, RecordStoreTest, ::testing::ValuesIn(testing::store_kinds()),
                         [](const auto& parameter) { return std::string(parameter.param); });

}  // namespace
}  // namespace gatepost::store
