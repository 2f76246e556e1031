#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "filters/retention/judge.h"
#include "tests/support/chop.h"
#include "tests/unit/filters/retention/book_harness.h"

/// Random sessions, days, faults and administrators against what a child could say about each
/// message.
namespace gatepost::filters {
namespace {

using config::CountFrom;
using config::RetentionType;
using config::RetentionView;
using gatepost::testing::Random;

/// What is true of one message, whatever the store may say.
struct Truth {
  std::int64_t arrived = 0;
  std::int64_t seen = 0;       // 0: no session has noted it
  std::int64_t retrieved = 0;  // whole and allowed, for the first time
  bool allowed = true;         // the last time
  std::int64_t deleted = 0;
  std::set<std::string> devices;
  std::int64_t undeleted = 0;
  bool purged = false;
};

class BookModel : public BookTest {
 protected:
  void play(std::uint64_t seed) {
    random_ = Random(seed);
    store_ = std::make_shared<gatepost::testing::FakeRecordStore>();
    host_.store = store_;
    upstream_.clear();
    truth_.clear();
    use(choose());
    for (int day = 0; day < 30; ++day) {
      while (chance(2)) arrive();
      pass(static_cast<std::int64_t>(random_.between(0, 3 * kDay)));
      if (chance(5)) administer();
      session();
      if (HasFailure()) return;
    }
  }

 private:
  bool chance(std::size_t one_in) { return random_.between(1, one_in) == 1; }

  config::RetentionPolicy choose() {
    config::RetentionPolicy chosen;
    switch (random_.between(0, 3)) {
      case 0:
        chosen = keep();
        break;
      case 1:
        chosen = keep_for(static_cast<std::int64_t>(random_.between(0, 10)),
                          static_cast<CountFrom>(random_.between(0, 2)));
        break;
      case 2:
        chosen = delete_after(static_cast<std::int64_t>(random_.between(0, 5)));
        break;
      default:
        chosen = policy(RetentionType::read_only);
    }
    chosen.view = static_cast<RetentionView>(random_.between(0, 2));
    if (chance(3)) chosen.brake.messages = static_cast<std::uint32_t>(random_.between(1, 3));
    return chosen;
  }

  void arrive() {
    const std::string uidl = "m" + std::to_string(++last_);
    upstream_.push_back(uidl);
    truth_[uidl].arrived = now_;
  }

  void administer() {
    for (const std::string& uidl : upstream_) {
      if (text(uidl).empty() || !chance(3)) continue;
      Truth& truth = truth_[uidl];
      const bool purge = chance(2);
      change(uidl, [&](Record& record) {
        if (purge) {
          record.purge_asked = now_;
        } else {
          record.undelete(now_);
        }
      });
      if (purge) {
        truth.purged = true;
      } else {
        truth.purged = false;
        truth.deleted = 0;
        truth.devices.clear();
        truth.undeleted = now_;
      }
    }
  }

  [[nodiscard]] bool must_hide(const Truth& truth, const std::string& device) const {
    const auto& chosen = policy_->config;
    const bool keeps = chosen.type == RetentionType::keep || chosen.type == RetentionType::keep_for;
    if (!keeps || truth.deleted == 0) return false;
    if (chosen.view == RetentionView::hide_for_device) return truth.devices.contains(device);
    return chosen.view == RetentionView::hide;
  }

  [[nodiscard]] bool period_is_over(const Truth& truth) const {
    const auto& chosen = policy_->config;
    const std::int64_t period = chosen.period.count();
    if (chosen.type == RetentionType::delete_after_retrieval) {
      return truth.retrieved > truth.undeleted && truth.retrieved + period <= now_;
    }
    if (chosen.type != RetentionType::keep_for) return false;
    const std::int64_t from = chosen.count_from == CountFrom::seen        ? truth.seen
                              : chosen.count_from == CountFrom::retrieved ? truth.retrieved
                                                                          : truth.deleted;
    return from > 0 && std::max(from, truth.undeleted) + period <= now_;
  }

  void session() {
    const std::string device = chance(3) ? "" : chance(2) ? "phone" : "laptop";
    if (chance(6)) store_->fail_call(random_.between(1, 6));
    if (chance(6)) store_->conflicts = random_.between(1, 2);
    const auto session = start(device);
    run();
    ASSERT_TRUE(session->opened);
    if (!*session->opened) return;
    const std::vector<std::string> listed = upstream_;
    for (const std::string& uidl : listed) {
      if (truth_[uidl].seen == 0 && !text(uidl).empty()) truth_[uidl].seen = record(uidl).seen;
    }
    for (std::size_t i = 0; i < listed.size(); ++i) {
      const bool hidden = session->book->hidden(i);
      ASSERT_EQ(hidden, must_hide(truth_[listed[i]], device)) << listed[i];
      if (!hidden) command(*session, i);
    }
    if (chance(4)) return;  // the connection breaks: nothing counts
    ask_settle(*session);
    run();
    ASSERT_TRUE(session->settled);
    if (!*session->settled) return check_unchanged(*session, listed);
    believe(*session, listed, device);
    const auto remove = (*session->settled)->remove;
    judge(*session, listed, remove);
    if (chance(5)) return;  // upstream breaks off before it removes
    remove_upstream(*session, remove);
    if (chance(5)) return;  // we break off right after
    session->ticket = session->book->removed(remove, [](const Result<void>&) {});
    run();
  }

  void command(Session& session, std::size_t index) {
    const bool whole = chance(2);
    if (whole) session.retrieve(index, !chance(4));
    if (!chance(3)) return;
    if (!session.book->refuse_dele(index, whole, session.facts.deleted.size())) {
      session.dele(index);
    }
  }

  void check_unchanged(const Session&, const std::vector<std::string>& listed) {
    EXPECT_EQ(upstream_, listed);
  }

  void believe(const Session& session, const std::vector<std::string>& listed,
               const std::string& device) {
    for (const auto& retrieval : session.facts.retrieved) {
      Truth& truth = truth_[listed[retrieval.index]];
      truth.allowed = retrieval.allowed;
      if (truth.seen == 0) truth.seen = now_;
      const bool first = truth.retrieved == 0 || truth.retrieved <= truth.undeleted;
      if (retrieval.allowed && first) truth.retrieved = now_;
    }
    const bool keeps = policy_->config.type == RetentionType::keep ||
                       policy_->config.type == RetentionType::keep_for;
    if (!keeps) return;
    for (const std::size_t index : session.facts.deleted) {
      Truth& truth = truth_[listed[index]];
      if (truth.seen == 0) truth.seen = now_;
      if (truth.deleted == 0) truth.deleted = now_;
      if (!device.empty()) truth.devices.insert(device);
    }
  }

  void judge(const Session& session, const std::vector<std::string>& listed,
             const std::vector<std::size_t>& remove) {
    const std::set<std::size_t> removed(remove.begin(), remove.end());
    const std::set<std::size_t> deleted(session.facts.deleted.begin(), session.facts.deleted.end());
    EXPECT_EQ(removed.size(), remove.size());
    const std::size_t most = brake_limit(policy_->config.brake, listed.size());
    EXPECT_LE(remove.size(), most);
    for (std::size_t i = 0; i < listed.size(); ++i) {
      const Truth& truth = truth_[listed[i]];
      const bool wished =
          policy_->config.type == RetentionType::delete_after_retrieval && deleted.contains(i);
      const bool may =
          truth.retrieved > 0 && truth.allowed && (truth.purged || period_is_over(truth) || wished);
      if (removed.contains(i)) {
        EXPECT_TRUE(may) << listed[i] << ": " << text(listed[i]);
      } else if (may && remove.size() < most && !record(listed[i]).undelete_unseen) {
        ADD_FAILURE() << listed[i] << " should have gone: " << text(listed[i]);
      }
    }
  }

  Random random_;
  int last_ = 0;
  std::map<std::string, Truth> truth_;
};

TEST_F(BookModel, agrees_with_the_book) {
  const std::uint64_t games = gatepost::testing::kSlowBuild ? 100 : 1'000;
  for (std::uint64_t game = 0; game < games && !HasFailure(); ++game) {
    const ::testing::ScopedTrace trace(__FILE__, __LINE__,
                                       "game " + std::to_string(game) + ", " + Random::name());
    play(game);
  }
}

}  // namespace
}  // namespace gatepost::filters
