#include "proxy/command/sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "proxy/command/sweep_command.h"
#include "proxy/server/master_login.h"
#include "tests/support/fake_connector.h"
#include "tests/support/fake_timers.h"
#include "tests/support/filter_host.h"
#include "tests/support/recording_log.h"
#include "tests/support/retention_fixture.h"
#include "tests/support/temporary_folder.h"

namespace gatepost::command {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Not inline: g++ 12 takes the default of `devices` for uninitialized then.
[[gnu::noinline]] config::RetentionPolicy after_retrieval() {
  config::RetentionPolicy policy;
  policy.name = "p";
  policy.type = config::RetentionType::delete_after_retrieval;
  return policy;
}

class SweepTest : public ::testing::Test {
 protected:
  SweepTest() {
    upstream::Server server;
    server.address = {.host = "pop.example", .port = 110, .path = {}};
    server.state = std::make_shared<upstream::ServerState>(config::HealthCheck());
    config::Pool pool;
    pool.name = "pool";
    plan_.pool = std::make_shared<const upstream::Pool>(pool, std::vector{std::move(server)});
    plan_.policy = gatepost::testing::RetentionFixture::policy(after_retrieval());
    auto master = std::make_shared<session::MasterLogin>();
    master->form = "{user}*boss";
    master->password = Secret("boss's word");
    plan_.master = std::move(master);
  }
  void start(std::vector<std::string> accounts, unsigned jobs = 1) {
    plan_.accounts = std::move(accounts);
    plan_.jobs = jobs;
    sweep_.emplace(
        services_, plan_, [this](const SweepResult& result) { results_.push_back(result); },
        [this] { ++done_; });
    sweep_->start();
    settle();
  }
  /// Lets everything happen that needs no server.
  void settle() {
    for (int i = 0; i < 50; ++i) {
      timers_.advance(Duration(1));
      filters_.background.run_all();
      if (peer_) static_cast<void>(peer_->turn());
    }
  }
  void accept() {
    ASSERT_EQ(connector_.pending(), 1U);
    peer_ = connector_.accept();
    settle();
  }
  /// The server got that, and answers so.
  void answer(std::string_view expected, std::string_view reply) {
    EXPECT_EQ(peer_->take_sent(), expected);
    peer_->deliver(reply);
    settle();
  }
  void log_in(const std::string& name) {
    accept();
    peer_->deliver("+OK\r\n");
    settle();
    answer("CAPA\r\n", "+OK\r\nUSER\r\nUIDL\r\n.\r\n");
    answer("USER " + name + "*boss\r\n", "+OK\r\n");
    EXPECT_EQ(peer_->take_sent(), "PASS boss's word\r\n");
  }

  BlockPool pool_;
  gatepost::testing::FakeTimers timers_;
  gatepost::testing::RecordingLog log_;
  gatepost::testing::FakeConnector connector_{pool_};
  gatepost::testing::FilterHost filters_{timers_, connector_, pool_, log_};
  gatepost::testing::RetentionFixture retention_{timers_, filters_.background, log_};
  session::Counters counters_;
  guard::Guard guard_;
  Journal journal_;
  session::Services services_{
      timers_,       connector_,      pool_,
      log_,          counters_,       guard_,
      filters_.host, retention_.host, filters::inspection_maker(filters_.host),
      journal_};
  SweepPlan plan_;
  std::shared_ptr<gatepost::testing::MemoryPeer> peer_;
  std::optional<Sweep> sweep_;
  std::vector<SweepResult> results_;
  int done_ = 0;
};

TEST_F(SweepTest, OpensAMailboxAndLeaves) {
  start({"joe"});
  log_in("joe");
  peer_->deliver("+OK\r\n");
  settle();
  EXPECT_THAT(peer_->sent(), HasSubstr("LIST\r\n"));
  EXPECT_THAT(results_, IsEmpty());
  // Whatever it asks for, the mailbox is empty.
  for (int i = 0; i < 5 && done_ == 0; ++i) {
    const std::string said = peer_->take_sent();
    if (said.contains("LIST\r\n")) peer_->deliver("+OK\r\n.\r\n");
    if (said.contains("UIDL\r\n")) peer_->deliver("+OK\r\n.\r\n");
    if (said.contains("QUIT\r\n")) peer_->deliver("+OK\r\n");
    settle();
  }
  ASSERT_THAT(results_, SizeIs(1));
  EXPECT_EQ(results_[0].problem, "");
  EXPECT_TRUE(results_[0].logged_in);
  EXPECT_EQ(sweep_text(results_[0]), "joe: removed 0, kept 0");
  EXPECT_EQ(done_, 1);
}

TEST_F(SweepTest, GoesOnAfterOneThatFails) {
  start({"joe", "ann"});
  log_in("joe");
  peer_->deliver("-ERR [AUTH] No\r\n");
  settle();
  ASSERT_THAT(results_, SizeIs(1));
  EXPECT_EQ(sweep_text(results_[0]), "joe: failed: -ERR [AUTH] No; removed 0, kept 0");
  EXPECT_EQ(done_, 0);
  log_in("ann");
  peer_->end();
  settle();
  ASSERT_THAT(results_, SizeIs(2));
  EXPECT_THAT(results_[1].problem, HasSubstr("-ERR [SYS/TEMP]"));
  EXPECT_EQ(done_, 1);
  EXPECT_EQ(sweep_->untried(), 0U);
}

TEST_F(SweepTest, GivesUpWhenNoMailboxCanBeOpened) {
  std::vector<std::string> accounts;
  for (std::size_t i = 0; i < Sweep::kMaxFailuresAtFirst + 3; ++i) {
    accounts.push_back("joe" + std::to_string(i));
  }
  start(accounts, 2);
  for (std::size_t i = 0; i < accounts.size() && connector_.pending() > 0; ++i) {
    EXPECT_LE(connector_.pending(), 2U);
    connector_.fail(ErrorCode::network);
    settle();
  }
  EXPECT_EQ(done_, 1);
  EXPECT_EQ(results_.size() + sweep_->untried(), accounts.size());
  EXPECT_GE(results_.size(), Sweep::kMaxFailuresAtFirst);
  EXPECT_GT(sweep_->untried(), 0U);
}

TEST(SweepCommandTest, AccountsStandInLines) {
  std::vector<std::string> accounts = {"joe"};
  ASSERT_TRUE(add_accounts("ann\r\n\njoe\nann\nmax a", accounts));
  EXPECT_THAT(accounts, ElementsAre("joe", "ann", "max a"));
  const auto wrong = add_accounts("a\n\nb\rQUIT\n", accounts);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().detail, "account 3 is no user name");
}

TEST(SweepCommandTest, AFileOfAccountsHasALimit) {
  gatepost::testing::TemporaryFolder folder;
  const std::string file = folder.file("accounts");
  std::ofstream(file) << std::string(kMaxAccountsFile, '\n');
  EXPECT_TRUE(read_accounts(file));
  std::ofstream(file, std::ios::app) << "\n";
  const auto text = read_accounts(file);
  ASSERT_FALSE(text);
  EXPECT_THAT(text.error().detail, HasSubstr("more than 16 MiB"));
}

TEST(SweepCommandTest, TextSaysWhatStays) {
  SweepResult result;
  result.account = "joe";
  result.removed = 3;
  result.kept = {{"not_retrieved", 1}, {"brake", 4}};
  EXPECT_EQ(sweep_text(result), "joe: removed 3, kept 5 (not_retrieved 1, brake 4)");
}

class SweepChoiceTest : public ::testing::Test {
 protected:
  SweepChoiceTest() {
    add_pool("one", "{user}*m");
    config_.retention.policies = {after_retrieval()};
    config_.listeners.emplace_back().retention = "p";
  }
  void add_pool(const std::string& name, const std::string& master) {
    auto& pool = config_.pools.emplace_back();
    pool.name = name;
    pool.master_user = master;
    config_.routes.emplace_back().pool = name;
  }
  [[nodiscard]] std::string problem(ErrorCode code, const std::string& pool = {},
                                    const std::string& policy = {}) const {
    SweepOptions options;
    options.pool = pool;
    options.policy = policy;
    const auto choice = choose_sweep(config_, options);
    if (choice) return "none";
    EXPECT_EQ(choice.error().code, code);
    return choice.error().detail;
  }
  config::Config config_;
};

TEST_F(SweepChoiceTest, TheOnlyOnesNeedNoNames) {
  add_pool("without", "");
  const auto choice = choose_sweep(config_, {});
  ASSERT_TRUE(choice) << choice.error().detail;
  EXPECT_EQ(choice->pool->name, "one");
  EXPECT_EQ(choice->policy->name, "p");
}

TEST_F(SweepChoiceTest, SeveralNeedNames) {
  add_pool("two", "{user}");
  EXPECT_THAT(problem(ErrorCode::refused), HasSubstr("Say --pool; with a master_user: one, two"));
  EXPECT_EQ(problem(ErrorCode::refused, "two"), "none");
  config_.retention.policies.push_back(after_retrieval());
  config_.retention.policies.back().name = "q";
  EXPECT_EQ(problem(ErrorCode::refused, "two"), "none") << "nobody is under it";
  config_.routes[1].retention = "q";
  config_.listeners.emplace_back().retention = "q";
  EXPECT_THAT(problem(ErrorCode::refused, "one"), HasSubstr("for pool one: p, q"));
  EXPECT_EQ(problem(ErrorCode::refused, "one", "q"), "none");
  EXPECT_THAT(problem(ErrorCode::refused, "two", "p"), HasSubstr("two: q"));
}

TEST_F(SweepChoiceTest, SomethingMustBeRemoved) {
  config_.retention.policies[0].dry_run = true;
  EXPECT_THAT(problem(ErrorCode::config), HasSubstr("no policy removes anything from pool one"));
  config_.pools[0].master_user.clear();
  EXPECT_THAT(problem(ErrorCode::config), HasSubstr("no pool has a master_user"));
}

TEST(MasterLoginTest, ThePasswordIsTheFirstLine) {
  gatepost::testing::TemporaryFolder folder;
  config::Config config;
  config::Pool& pool = config.pools.emplace_back();
  pool.name = "p";
  EXPECT_THAT(server::judge_master_logins(config), IsEmpty());
  EXPECT_FALSE(server::read_master_login(pool));
  pool.master_user = "{user}*m";
  pool.master_password_file = folder.file("password");
  EXPECT_THAT(server::judge_master_logins(config), SizeIs(1)) << "it is not there";
  std::ofstream(pool.master_password_file) << "word\nnothing\n";
  ::chmod(pool.master_password_file.c_str(), 0600);
  const auto login = server::read_master_login(pool);
  ASSERT_TRUE(login) << login.error().detail;
  EXPECT_EQ((*login)->password.reveal(), "word");
  EXPECT_EQ((*login)->form, "{user}*m");
  EXPECT_THAT(server::judge_master_logins(config), IsEmpty());
  ::chmod(pool.master_password_file.c_str(), 0640);
  const auto shared = server::judge_master_logins(config);
  ASSERT_THAT(shared, SizeIs(1));
  EXPECT_TRUE(shared[0].warning);
  EXPECT_EQ(shared[0].path, "/pools/p/master_password_file");
  for (const std::string& text : {std::string("\nword\n"), std::string(5'000, 'x')}) {
    std::ofstream(pool.master_password_file) << text;
    const auto wrong = server::read_master_login(pool);
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code, ErrorCode::config);
    EXPECT_THAT(wrong.error().detail, HasSubstr("is to have 1 to 4096 octets"));
  }
}

}  // namespace
}  // namespace gatepost::command
