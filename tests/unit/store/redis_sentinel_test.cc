// A RedisClient that asks Sentinels where the master is.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/store/redis_client_harness.h"

namespace gatepost::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class SentinelTest : public RedisClientHarness {
 protected:
  SentinelTest() {
    access_->config.addresses = {*Endpoint::parse("one.example:26379"),
                                 *Endpoint::parse("two.example:26379"),
                                 *Endpoint::parse("three.example:26379")};
    access_->config.sentinel_master = "mail";
    access_->password = Secret("secret");
    access_->sentinel_password = Secret("for sentinels");
  }
  static std::string at(const std::string& host, const std::string& port) {
    return redis_command({host, port});  // of the same form
  }
};

TEST_F(SentinelTest, are_asked_in_turn_until_one_knows) {
  ask("A");
  EXPECT_EQ(connector_.target().to_string(), "one.example:26379");
  connector_.fail(ErrorCode::refused);
  EXPECT_EQ(connector_.target().to_string(), "two.example:26379");
  const auto second = accept("+OK\r\n*-1\r\n");
  EXPECT_EQ(greeted_, redis_command({"AUTH", "for sentinels"}) +
                          redis_command({"SENTINEL", "get-master-addr-by-name", "mail"}));
  EXPECT_TRUE(second->destroyed());
  EXPECT_EQ(connector_.target().to_string(), "three.example:26379");
  accept("+OK\r\n" + at("192.0.2.7", "6380"));
  EXPECT_EQ(connector_.target().to_string(), "192.0.2.7:6380");
  const auto master = accept("+OK\r\n" + kReady);
  EXPECT_THAT(greeted_, HasSubstr(redis_command({"AUTH", "secret"})));
  say(master, "+1\r\n");
  EXPECT_THAT(take_answers(), ElementsAre("A: 1"));

  // Who knew is asked first, and asked again whenever the master is lost.
  ask("B");
  run(master);
  say(master, "-READONLY no\r\n");
  take_answers();
  ask("C");
  EXPECT_EQ(connector_.target().to_string(), "three.example:26379");
  accept("+OK\r\n" + at("192.0.2.8", "6380"));
  EXPECT_EQ(connector_.target().to_string(), "192.0.2.8:6380");
}

TEST_F(SentinelTest, one_that_is_silent_leaves_time_for_the_others) {
  ask("A");
  EXPECT_EQ(connector_.limit(), Duration(500));
  timers_.advance(Duration(500));  // never connects
  EXPECT_EQ(connector_.target().to_string(), "two.example:26379");
  accept("");
  timers_.advance(Duration(500));  // never answers
  EXPECT_EQ(connector_.target().to_string(), "three.example:26379");
  accept("+OK\r\n" + at("192.0.2.7", "6380"));
  EXPECT_EQ(connector_.limit(), Duration(1'000));
  say(accept("+OK\r\n" + kReady), "+1\r\n");
  EXPECT_THAT(take_answers(), ElementsAre("A: 1"));
}

TEST_F(SentinelTest, a_master_that_is_none_any_more_is_not_used) {
  ask("A");
  accept("+OK\r\n" + at("192.0.2.7", "6380"));
  const auto peer = accept("+OK\r\n" + kReplica);
  EXPECT_THAT(take_answers(), ElementsAre(HasSubstr("replica")));
  EXPECT_THAT(peer->sent(), Not(HasSubstr(redis_command({"A"}))));
  timers_.advance(Duration(60'000));
  ask("A");
  accept("+OK\r\n" + at("192.0.2.7", "6380"));
  accept("+OK\r\n-NOPERM no\r\n");  // one that was found must say what it is
  EXPECT_EQ(take_answers().size(), 1U);
}

TEST_F(SentinelTest, what_is_no_address_is_not_gone_to) {
  for (const std::string& wrong :
       {at("192.0.2.7", "0"), at("192.0.2.7", "65536"), at("192.0.2.7", "1x"), at("", "6379"),
        at("a b", "6379"), std::string("*0\r\n"), std::string(":1\r\n"),
        std::string("-IDONTKNOW\r\n")}) {
    client_.reset();
    timers_.advance(Duration(60'000));
    ask("A");
    const std::size_t before = connector_.started();
    for (int i = 0; i < 3; ++i) accept("+OK\r\n" + wrong);
    EXPECT_EQ(take_answers().size(), 1U) << wrong;
    EXPECT_EQ(connector_.started(), before + 2) << wrong;
    EXPECT_EQ(connector_.pending(), 0U);
  }
}

}  // namespace
}  // namespace gatepost::store
