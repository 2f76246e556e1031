// Random lives of mailboxes under a policy: sessions, some at once, that end in order, break off or
// are killed; an upstream and a store that fail; a clock that jumps. A model knows of each message
// whether it may be gone, whether it must be hidden and what its text is.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "filters/retention/record.h"
#include "proxy/store/memory_records.h"
#include "proxy/store/sqlite_records.h"
#include "tests/support/model_server.h"
#include "tests/support/session_harness.h"
#include "tests/support/temporary_folder.h"

namespace gatepost::testing {
namespace {

using config::CountFrom;
using config::RetentionType;

constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

/// A table that fails now and then, before or after the work was done.
class FailingTable final : public store::RecordTable {
 public:
  FailingTable(std::shared_ptr<store::RecordTable> table, Random& random)
      : table_(std::move(table)), random_(random) {}

  std::size_t one_in = 0;  ///< 0: it does not fail

  Result<std::vector<store::Entry>> load(const store::HashedName& account) override {
    if (fails()) return fail(ErrorCode::system, "no");
    return table_->load(account);
  }
  Result<store::RecordStore::Committed> commit(const store::HashedName& account,
                                               const std::vector<store::Write>& writes,
                                               std::int64_t now) override {
    if (fails()) return fail(ErrorCode::system, "no");
    auto done = table_->commit(account, writes, now);
    if (fails()) return fail(ErrorCode::system, "lost");
    return done;
  }
  Result<std::vector<store::RecordStore::AccountInfo>> accounts(std::size_t limit) override {
    return table_->accounts(limit);
  }
  Result<void> check() override { return {}; }

 private:
  [[nodiscard]] bool fails() { return one_in > 0 && random_.between(1, one_in) == 1; }

  const std::shared_ptr<store::RecordTable> table_;
  Random& random_;
};

/// What is known of one message from outside. Times are the earliest that are possible.
struct Known {
  std::int64_t seen = kNever;       // some session may have
  std::int64_t retrieved = kNever;  // whole, in a session whose QUIT may have counted
  std::int64_t deleted = kNever;    // the same
  bool told_deleted = false;        // QUIT was answered +OK
  std::int64_t undeleted = 0;
  std::int64_t purged = kNever;
};

/// What all sessions of a life share.
class Life {
 public:
  Life(config::RetentionPolicy policy, std::shared_ptr<store::RecordTable> table, Random& random)
      : policy_(std::move(policy)),
        random_(random),
        table_(std::make_shared<FailingTable>(std::move(table), random)) {
    server_.on_removed = [this](const ModelServer::Message& message) { removed(message); };
    for (std::size_t i = random_.between(0, 6); i > 0; --i) arrive();
  }

  void run() {
    for (std::size_t visit = random_.between(3, 10); visit > 0; --visit) {
      pass_time();
      if (random_.between(1, 3) == 1) arrive();
      if (random_.between(1, 12) == 1) undelete();
      table_->one_in = faults() ? random_.between(2, 12) : 0;
      faulty_ = table_->one_in > 0;
      two_sessions();
    }
  }

 private:
  friend class Visit;
  class Visit;

  [[nodiscard]] bool faults() { return random_.between(1, 3) == 1; }
  void two_sessions();
  void removed(const ModelServer::Message& message);
  void undelete();

  void pass_time() {
    const std::size_t what = random_.between(1, 10);
    if (what == 1) {
      now_ -= 3'600;  // somebody set the clock
    } else if (what < 6) {
      now_ += static_cast<std::int64_t>(random_.between(0, 600));
    } else {
      now_ += static_cast<std::int64_t>(random_.between(0, 12)) * kDay;
    }
  }
  void arrive() {
    const std::string uidl = "u" + std::to_string(next_++);
    server_.messages.push_back(std::make_shared<const ModelServer::Message>(
        uidl, "Subject: " + uidl + "\r\n\r\n" + std::string(random_.between(0, 90), 'x') + "\r\n"));
  }

  const config::RetentionPolicy policy_;
  Random& random_;
  ModelServer server_;
  std::shared_ptr<FailingTable> table_;
  std::map<std::string, Known> known_;
  std::set<std::string> quit_deletes_;  // by clients whose QUIT is being settled
  std::size_t removed_in_session_ = 0;
  std::int64_t now_ = 1'800'000'000;
  std::size_t next_ = 1;
  bool faulty_ = false;
};

/// One session, from the client's and the server's side.
class Life::Visit {
 public:
  Visit(Life& life, std::size_t kill_after)
      : life_(life),
        harness_({.kill_after = kill_after}),
        connection_(life.server_),
        upstream_fails_(life.faulty_ && life.random_.between(1, 3) == 1) {
    harness_.ignore_the_rest();
    harness_.settings.retention = RetentionFixture::policy(life.policy_);
    harness_.retention.host.store =
        std::make_shared<store::TableRecords>(life.table_, harness_.filters.background);
    harness_.retention.host.clock = [&life] { return life.now_; };
    connection_.fails = [this](std::string_view command) {
      if (command == "LIST") saw_all();
      return upstream_fails_ && life_.random_.between(1, 12) == 1;
    };
    connection_.refuses_dele = [this] { return life_.faulty_ && life_.random_.between(1, 8) == 1; };
  }

  /// Whether the client may go on.
  bool log_in() {
    harness_.start();
    say("USER joe\r\n");
    harness_.client("PASS secret\r\n");
    if (gone()) return false;
    harness_.upstream_accepts();
    deliver("+OK ready\r\n");
    flow();
    const std::string reply = last_line();
    if (!gone() && !life_.faulty_) {
      EXPECT_TRUE(reply.starts_with("+OK")) << reply;
    }
    return !gone() && reply.starts_with("+OK");
  }

  void look() {
    if (gone()) return;
    const std::string listing = say("UIDL\r\n");
    if (!listing.ends_with("\r\n.\r\n")) return;
    std::istringstream lines(listing);
    std::string line;
    std::getline(lines, line);
    std::set<std::string> shown;
    for (std::size_t number = 1; std::getline(lines, line) && line != ".\r"; ++number) {
      line.pop_back();
      const std::string uidl = line.substr(line.find(' ') + 1);
      EXPECT_EQ(line, std::to_string(number) + " " + uidl);
      EXPECT_TRUE(shown.insert(uidl).second) << uidl;
      uidls_.push_back(uidl);
    }
    const std::string stat = say("STAT\r\n");
    if (!gone()) {
      EXPECT_TRUE(stat.starts_with("+OK " + std::to_string(uidls_.size()) + " ")) << stat;
    }
    const bool hides =
        life_.policy_.type == RetentionType::keep || life_.policy_.type == RetentionType::keep_for;
    for (const auto& message : connection_.messages()) {
      const Known& known = life_.known_[message->uidl];
      const bool visible = shown.contains(message->uidl);
      if (!visible) {
        EXPECT_TRUE(hides && !life_.policy_.dry_run && known.deleted != kNever)
            << message->uidl << " is hidden";
      } else if (hides && !life_.policy_.dry_run && listed_at_ > known.undeleted) {
        EXPECT_FALSE(told_before_.contains(message->uidl)) << message->uidl << " is shown again";
      }
    }
    EXPECT_LE(shown.size(), connection_.messages().size());
  }

  void act() {
    for (std::size_t step = life_.random_.between(0, 8); step > 0 && !gone(); --step) {
      if (uidls_.empty()) return;
      const std::size_t number = life_.random_.between(1, uidls_.size());
      const std::string uidl = uidls_[number - 1];
      const std::string argument = " " + std::to_string(number);
      switch (life_.random_.between(1, 8)) {
        case 1:
        case 2:
        case 3:
          retrieve(uidl, say("RETR" + argument + "\r\n"));
          break;
        case 4:
        case 5:
        case 6:
          if (say("DELE" + argument + "\r\n").starts_with("+OK")) deleted_.insert(uidl);
          break;
        case 7:
          if (life_.random_.between(1, 3) == 1 && say("RSET\r\n").starts_with("+OK")) {
            deleted_.clear();
          }
          break;
        default:
          say("NOOP\r\n");
      }
    }
  }

  void end() {
    if (gone() || std::exchange(over_, true)) return;
    const std::size_t how = life_.random_.between(1, 10);
    if (how == 1) return harness_.kill();
    if (how == 2) {
      harness_.client_ends(ErrorCode::network);
      return flow();
    }
    quit();
  }

 private:
  [[nodiscard]] bool gone() const { return harness_.killed() || harness_.ended(); }
  void deliver(std::string_view text) {
    if (!harness_.killed()) harness_.upstream(text);
  }

  /// Until nobody has anything to say.
  void flow() {
    while (!harness_.killed()) {
      harness_.run();
      if (harness_.killed() || harness_.at_upstream() == nullptr || hung_up_) return;
      const std::string commands = harness_.at_upstream()->take_sent();
      if (commands.empty()) return;
      const auto replies = connection_.receive(commands);
      if (!replies) {
        hung_up_ = true;
        harness_.upstream_ends();
        return;
      }
      deliver(*replies);
    }
  }
  std::string say(std::string_view command) {
    if (gone()) return {};
    static_cast<void>(harness_.at_client().take_sent());
    harness_.client(command);
    flow();
    return harness_.killed() ? std::string() : harness_.at_client().take_sent();
  }
  std::string last_line() {
    if (harness_.killed()) return {};
    const std::string text = harness_.at_client().take_sent();
    const std::size_t end = text.size() < 2 ? 0 : text.rfind("\r\n", text.size() - 3);
    return end == std::string::npos || end == 0 ? text : text.substr(end + 2);
  }

  void saw_all() {
    listed_at_ = life_.now_;
    for (const auto& message : connection_.messages()) {
      Known& known = life_.known_[message->uidl];
      known.seen = std::min(known.seen, life_.now_);
      if (known.told_deleted) told_before_.insert(message->uidl);
    }
  }

  void retrieve(const std::string& uidl, const std::string& reply) {
    if (!reply.ends_with("\r\n.\r\n")) return;
    const auto message = std::ranges::find(connection_.messages(), uidl,
                                           [](const auto& held) { return held->uidl; });
    EXPECT_EQ(reply, "+OK\r\n" + (*message)->text + ".\r\n");
    retrieved_.insert(uidl);
  }

  void quit() {
    // From now on it may count.
    for (const std::string& uidl : retrieved_) {
      Known& known = life_.known_[uidl];
      known.retrieved = std::min(known.retrieved, life_.now_);
    }
    for (const std::string& uidl : deleted_) {
      Known& known = life_.known_[uidl];
      known.deleted = std::min(known.deleted, life_.now_);
    }
    life_.quit_deletes_ = deleted_;
    life_.removed_in_session_ = 0;
    const std::string reply = say("QUIT\r\n");
    life_.quit_deletes_.clear();
    const bool ok = reply.starts_with("+OK");
    if (!life_.faulty_ && !harness_.killed() && !refusals_possible()) {
      EXPECT_TRUE(ok) << reply;
    }
    if (!ok) return;
    for (const std::string& uidl : deleted_) {
      life_.known_[uidl].told_deleted = true;
      const bool there = std::ranges::any_of(
          life_.server_.messages, [&uidl](const auto& held) { return held->uidl == uidl; });
      if (life_.policy_.type == RetentionType::delete_after_retrieval || life_.policy_.dry_run) {
        EXPECT_FALSE(there) << uidl << " was acknowledged as deleted";
      }
    }
  }
  /// What the client deleted may turn out to be kept at QUIT.
  [[nodiscard]] bool refusals_possible() const {
    return life_.policy_.type == RetentionType::delete_after_retrieval;
  }

  Life& life_;
  SessionHarness harness_;
  ModelServer::Connection connection_;
  const bool upstream_fails_;
  bool hung_up_ = false;
  bool over_ = false;
  std::int64_t listed_at_ = 0;
  std::vector<std::string> uidls_;     // by number
  std::set<std::string> told_before_;  // the session began
  std::set<std::string> retrieved_;
  std::set<std::string> deleted_;
};

void Life::two_sessions() {
  const auto begin = [this] {
    const std::size_t kill_after = random_.between(1, 4) == 1 ? random_.between(1, 120) : 0;
    auto visit = std::make_unique<Visit>(*this, kill_after);
    if (visit->log_in()) visit->look();
    return visit;
  };
  const auto first = begin();
  std::unique_ptr<Visit> second;
  if (random_.between(1, 3) == 1) second = begin();
  first->act();
  if (second) second->act();
  if (second && random_.between(1, 2) == 1) second->end();
  first->end();
  if (second) second->end();
}

/// The heart of it: was this allowed?
void Life::removed(const ModelServer::Message& message) {
  const Known& known = known_[message.uidl];
  const std::string what = message.uidl + " at " + std::to_string(now_);
  if (policy_.brake.messages > 0 && !policy_.dry_run) {
    EXPECT_LE(++removed_in_session_, policy_.brake.messages) << what;
  }
  const bool by_client = quit_deletes_.contains(message.uidl);
  if (policy_.dry_run || policy_.type == RetentionType::client) {
    EXPECT_TRUE(by_client) << what;
    return;
  }
  EXPECT_NE(known.retrieved, kNever) << what << " was never retrieved";
  switch (policy_.type) {
    case RetentionType::client:
      break;
    case RetentionType::keep:
    case RetentionType::read_only:
      ADD_FAILURE() << what << " was to be kept";
      break;
    case RetentionType::keep_for: {
      const std::int64_t from = policy_.count_from == CountFrom::seen        ? known.seen
                                : policy_.count_from == CountFrom::retrieved ? known.retrieved
                                                                             : known.deleted;
      ASSERT_NE(from, kNever) << what;
      EXPECT_GE(now_ - std::max(from, known.undeleted), policy_.period.count()) << what;
      break;
    }
    case RetentionType::delete_after_retrieval:
      if (by_client) break;
      EXPECT_GE(now_ - known.retrieved, policy_.period.count()) << what;
      break;
  }
}

/// The administrator brings everything back.
void Life::undelete() {
  if (policy_.dry_run) return;
  const filters::NameHasher names("a key for the tests only");
  const auto account = names.account("pool", "joe", false);
  const std::size_t faults = std::exchange(table_->one_in, 0);
  std::vector<store::Write> writes;
  const auto entries = table_->load(account);
  ASSERT_TRUE(entries);
  for (const store::Entry& entry : *entries) {
    auto record = filters::parse_record(entry.value);
    ASSERT_TRUE(record);
    record->undelete(now_);
    writes.push_back({entry.name, entry.version, filters::format_record(*record)});
  }
  const auto done = table_->commit(account, std::move(writes), now_);
  ASSERT_TRUE(done && done->written);
  table_->one_in = faults;
  for (auto& [uidl, known] : known_) {
    // Where the store knows nothing, there is nothing to be brought back.
    const auto entry = std::ranges::find(*entries, names.uidl(account, uidl), &store::Entry::name);
    if (entry == entries->end()) continue;
    known.deleted = kNever;
    known.told_deleted = false;
    known.undeleted = now_;
  }
}

std::vector<config::RetentionPolicy> policies() {
  std::vector<config::RetentionPolicy> all;
  const auto add = [&all](std::string name, RetentionType type, std::int64_t days = 0) {
    config::RetentionPolicy& policy = all.emplace_back();
    policy.name = std::move(name);
    policy.type = type;
    policy.period = std::chrono::seconds(days * kDay);
    return &policy;
  };
  for (const CountFrom from : {CountFrom::seen, CountFrom::retrieved, CountFrom::deleted}) {
    add("days", RetentionType::keep_for, 7)->count_from = from;
  }
  add("keep", RetentionType::keep);
  add("archive", RetentionType::read_only);
  add("pop", RetentionType::delete_after_retrieval);
  add("later", RetentionType::delete_after_retrieval, 3);
  add("braked", RetentionType::delete_after_retrieval)->brake.messages = 1;
  add("client", RetentionType::client)->brake.messages = 2;
  add("dry", RetentionType::keep_for, 1)->dry_run = true;
  return all;
}

TEST(RetentionModel, loses_nothing_in_random_lives) {
  SCOPED_TRACE(Random::name());
  const std::uint64_t lives = kSlowBuild ? 300 : 2'000;
  const auto all = policies();
  for (std::uint64_t life = 0; life < lives && !::testing::Test::HasFailure(); ++life) {
    SCOPED_TRACE("life " + std::to_string(life) + " under " + all[life % all.size()].name);
    Random random(life);
    Life(all[life % all.size()], std::make_shared<store::MemoryRecords>(), random).run();
  }
}

TEST(RetentionModel, loses_nothing_with_sqlite) {
  SCOPED_TRACE(Random::name());
  const auto all = policies();
  for (std::uint64_t life = 0; life < all.size() * 4 && !::testing::Test::HasFailure(); ++life) {
    SCOPED_TRACE("life " + std::to_string(life) + " under " + all[life % all.size()].name);
    Random random(1'000'000 + life);
    const TemporaryFolder folder;
    auto table = store::SqliteRecords::open(folder.file("retention.sqlite"));
    ASSERT_TRUE(table) << table.error().detail;
    Life(all[life % all.size()], std::move(*table), random).run();
  }
}

}  // namespace
}  // namespace gatepost::testing
