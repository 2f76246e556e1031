#include "proxy/command/retention_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_record_store.h"

namespace gatepost::command {
namespace {

using filters::Record;
using filters::to_hex;
using ::testing::HasSubstr;
using ::testing::Not;
using What = RetentionOptions::What;

struct Outcome {
  ExitCode code;
  std::string out;
  std::string err;
};

constexpr std::int64_t kDay = 86'400;

class RetentionCommand : public ::testing::Test {
 protected:
  RetentionCommand() {
    desk_.judge.policy.emplace();
    desk_.judge.policy->type = config::RetentionType::keep_for;
    desk_.judge.policy->period = std::chrono::seconds(30 * kDay);
    desk_.judge.now = 1'700'000'000 + 10 * kDay;
    put("shown", "1 s1700000000 r1700000100");
    put("hidden", "1 s1700000000 r1700000100 d1700000200 D0011223344556677");
    put("unseen", "1 s1600000000 d1700000200");
    put("due", "1 s1600000000 r1600000000");
    put("gone", "1 s1700000000 g1700000500");
    put("later", "2 something");
  }
  void put(const std::string& uidl, const std::string& value) {
    store_.put(account(), names_.uidl(account(), uidl), value);
  }
  [[nodiscard]] store::HashedName account() const { return names_.account("pool", "joe", false); }
  [[nodiscard]] std::string hex(const std::string& uidl) const {
    return to_hex(names_.uidl(account(), uidl));
  }
  [[nodiscard]] Record record(const std::string& uidl) const {
    return *filters::parse_record(store_.value(account(), names_.uidl(account(), uidl)));
  }
  Outcome run(What what, std::vector<std::string> uidls = {}) {
    options_.what = what;
    options_.uidls = std::move(uidls);
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const ExitCode code = look_after_retention(options_, desk_);
    std::fflush(stdout);
    return {code, ::testing::internal::GetCapturedStdout(),
            ::testing::internal::GetCapturedStderr()};
  }
  /// The line about a message.
  std::string line(const std::string& text, const std::string& uidl) {
    const std::size_t at = text.find(hex(uidl).substr(0, 12));
    return at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at);
  }

  gatepost::testing::FakeRecordStore store_;
  filters::NameHasher names_{"0123456789abcdef"};
  RetentionDesk desk_{store_, names_, {}, [this] { return store_.turn(); }};
  RetentionOptions options_ = [] {
    RetentionOptions options;
    options.account = "joe";
    options.pool = "pool";
    return options;
  }();
};

TEST_F(RetentionCommand, lists_what_is_known_and_what_will_become_of_it) {
  const Outcome list = run(What::list);
  EXPECT_EQ(list.code, ExitCode::ok);
  EXPECT_EQ(std::ranges::count(list.out, '\n'), 7);
  EXPECT_THAT(line(list.out, "shown"), HasSubstr("shown"));
  EXPECT_THAT(line(list.out, "shown"), HasSubstr("due on 2023-12-14 22:13:20"));
  EXPECT_THAT(line(list.out, "hidden"), HasSubstr("hidden"));
  EXPECT_THAT(line(list.out, "unseen"), HasSubstr("kept: never retrieved"));
  EXPECT_TRUE(line(list.out, "due").ends_with("  due"));
  EXPECT_THAT(line(list.out, "gone"), HasSubstr("gone"));
  EXPECT_THAT(line(list.out, "later"), HasSubstr("unreadable"));
  EXPECT_THAT(list.out, Not(HasSubstr("joe")));
  options_.json = true;
  EXPECT_THAT(run(What::list).out, HasSubstr("\"state\":\"hidden\""));
  desk_.judge.held = true;
  options_.json = false;
  EXPECT_THAT(line(run(What::list).out, "due"), HasSubstr("kept: legal hold"));
}

TEST_F(RetentionCommand, says_which_devices_do_not_see_it) {
  desk_.judge.policy->view = config::RetentionView::hide_for_device;
  EXPECT_THAT(line(run(What::list).out, "hidden"), HasSubstr("hidden for 1 device "));
  EXPECT_THAT(line(run(What::list).out, "unseen"), HasSubstr("deleted, shown"));
  desk_.judge.policy.reset();
  EXPECT_THAT(line(run(What::list).out, "hidden"), HasSubstr("deleted"));
}

TEST_F(RetentionCommand, shows_one_in_full) {
  const Outcome show = run(What::show, {hex("hidden").substr(0, 6)});
  EXPECT_EQ(show.code, ExitCode::ok);
  EXPECT_THAT(show.out, HasSubstr("uidl           " + hex("hidden")));
  EXPECT_THAT(show.out, HasSubstr("deleted        2023-11-14 22:16:40 UTC"));
  EXPECT_EQ(run(What::show, {"ffff0000ffff"}).code, ExitCode::runtime);
  EXPECT_EQ(run(What::show, {hex("hidden").substr(0, kMinUidlDigits - 1)}).code, ExitCode::usage);
  EXPECT_EQ(run(What::show, {"joe!"}).code, ExitCode::usage);
  EXPECT_EQ(run(What::show).code, ExitCode::usage);
}

TEST_F(RetentionCommand, undeletes_some_or_all) {
  options_.dry_run = true;
  EXPECT_EQ(run(What::undelete, {hex("hidden")}).out,
            "1 message would be shown again from the next login on\n");
  EXPECT_NE(record("hidden").deleted, 0);
  options_.dry_run = false;
  EXPECT_EQ(run(What::undelete, {hex("hidden"), hex("hidden")}).out,
            "1 message will be shown again from the next login on\n");
  EXPECT_EQ(record("hidden").deleted, 0);
  EXPECT_EQ(record("hidden").undeleted, desk_.judge.now);
  options_.all = true;
  const Outcome all = run(What::undelete);
  EXPECT_EQ(all.code, ExitCode::runtime);
  EXPECT_THAT(all.out, HasSubstr("1 message will be shown"));
  EXPECT_THAT(all.out, HasSubstr("1 message left alone: the record cannot be read"));
  EXPECT_EQ(record("unseen").deleted, 0);
  EXPECT_EQ(record("shown").undeleted, 0);
}

TEST_F(RetentionCommand, purges_only_when_it_is_meant) {
  const Outcome asks = run(What::purge, {hex("hidden")});
  EXPECT_EQ(asks.code, ExitCode::usage);
  EXPECT_THAT(asks.err, HasSubstr("--yes"));
  options_.yes = true;
  const Outcome purged = run(What::purge, {hex("hidden"), hex("unseen"), hex("gone")});
  EXPECT_EQ(purged.code, ExitCode::ok);
  EXPECT_EQ(purged.out,
            "1 message will be removed at the user's next login, or by gatepost retention sweep\n"
            "1 message marked, but kept by a guard: see the list\n"
            "1 message upstream has no more\n");
  EXPECT_EQ(record("hidden").purge_asked, desk_.judge.now);
  EXPECT_FALSE(record("hidden").purge_forced);
  options_.force = true;
  run(What::purge, {hex("unseen")});
  EXPECT_TRUE(record("unseen").purge_forced);
  EXPECT_TRUE(line(run(What::list).out, "unseen").ends_with("  due"));
}

TEST_F(RetentionCommand, tries_again_when_a_session_writes_meanwhile) {
  store_.conflicts = 2;
  EXPECT_EQ(run(What::undelete, {hex("hidden")}).code, ExitCode::ok);
  EXPECT_EQ(record("hidden").deleted, 0);
  store_.conflicts = 100;
  const Outcome given_up = run(What::undelete, {hex("unseen")});
  EXPECT_EQ(given_up.code, ExitCode::runtime);
  EXPECT_THAT(given_up.err, HasSubstr("try again"));
}

TEST_F(RetentionCommand, reports) {
  const auto dry = names_.account("pool", "joe", true);
  store_.put(dry, names_.uidl(dry, "x"), "1 s1700000000 d1700000001");
  const Outcome report = run(What::report);
  EXPECT_THAT(report.out, HasSubstr("What clients see\n       1  gone\n       2  hidden\n"));
  EXPECT_THAT(report.out, HasSubstr("become of it\n       1  due\n       2  due later\n"));
  EXPECT_THAT(report.out, HasSubstr("       1  kept it, although a client deleted it\n"));
  options_.account.clear();
  EXPECT_THAT(run(What::report).out, HasSubstr(to_hex(account())));
  options_.json = true;
  EXPECT_THAT(run(What::report).out, HasSubstr("\"records\":6"));
  EXPECT_EQ(run(What::list).code, ExitCode::usage);
}

TEST_F(RetentionCommand, reports_so_many_accounts) {
  options_.account.clear();
  for (std::size_t i = 0; i < kMaxListedAccounts; ++i) {
    const auto other = names_.account("pool", std::to_string(i), false);
    store_.put(other, names_.uidl(other, "x"), "1");
  }
  EXPECT_EQ(std::ranges::count(run(What::report).out, '\n'), kMaxListedAccounts + 1);
}

TEST_F(RetentionCommand, says_what_the_store_says) {
  for (const What what : {What::list, What::report}) {
    store_.fail_call(1);
    const Outcome outcome = run(what);
    EXPECT_EQ(outcome.code, ExitCode::runtime);
    EXPECT_EQ(outcome.err, "gatepost: disk on fire\n");
  }
  store_.hold = true;
  EXPECT_THAT(run(What::list).err, HasSubstr("does not answer"));
}

}  // namespace
}  // namespace gatepost::command
