#include "proxy/store/redis_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/support/chop.h"
#include "tests/support/fake_tls.h"
#include "tests/unit/store/redis_client_harness.h"

namespace gatepost::store {
namespace {

using testing::Chopping;
using ::testing::ElementsAre;
using testing::for_each_chopping;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MemoryPeer;
using ::testing::Not;

using RedisClientTest = RedisClientHarness;

TEST_F(RedisClientTest, connects_when_it_is_needed) {
  client();
  run();
  EXPECT_EQ(connector_.started(), 0U);
  ask("A");
  EXPECT_EQ(connector_.target().to_string(), "redis.example:6379");
  EXPECT_EQ(connector_.limit(), Duration(2'000));
  const auto peer = accept();
  EXPECT_EQ(greeted_, redis_command({"ROLE"}) + redis_command({"CONFIG", "GET", "append*"}) +
                          redis_command({"INFO", "persistence"}) + redis_command({"PING"}));
  EXPECT_EQ(peer->take_sent(), redis_command({"A"}));
  say(peer, "+one\r\n");
  EXPECT_THAT(take_answers(), ElementsAre("A: one"));
  ask("B");
  run(peer);
  EXPECT_EQ(peer->take_sent(), redis_command({"B"}));
  EXPECT_EQ(connector_.started(), 1U);
}

TEST_F(RedisClientTest, understands_however_it_arrives) {
  access_->password = Secret("secret");
  for_each_chopping([&](Chopping& chopping) {
    client_.reset();
    ask("A");
    ask("B");
    testing::WireOptions wire;
    wire.deliver_sizes = [&chopping] { return chopping.next(); };
    const auto peer = connector_.accept(wire);
    run(peer);
    say(peer, "+OK\r\n" + kReady);
    say(peer, "$7\r\n1\r\n2\r\n3\r\n+two\r\n");
    EXPECT_THAT(take_answers(), ElementsAre("A: 1\r\n2\r\n3", "B: two"));
    client_.reset();
  });
}

TEST_F(RedisClientTest, requests_do_not_wait_for_each_other) {
  ask("A");
  const auto peer = accept();
  ask("B");
  ask("C");
  run(peer);
  EXPECT_EQ(peer->take_sent(), redis_command({"A"}) + redis_command({"B"}) + redis_command({"C"}));
  say(peer, "+1\r\n+2\r\n");
  EXPECT_THAT(take_answers(), ElementsAre("A: 1", "B: 2"));
  say(peer, "-ERR three\r\n");
  EXPECT_THAT(take_answers(), ElementsAre("C: ERR three"));
}

TEST_F(RedisClientTest, a_reply_that_nobody_wants_is_read_in_its_place) {
  ask("A");
  const auto peer = accept();
  ask("B");
  ask("C");
  run(peer);
  tickets_[1].reset();
  say(peer, "+1\r\n+2\r\n+3\r\n");
  EXPECT_THAT(take_answers(), ElementsAre("A: 1", "C: 3"));
}

TEST_F(RedisClientTest, what_was_given_up_before_there_was_a_connection_is_not_sent) {
  ask("A");
  ask("B");
  tickets_[0].reset();
  const auto peer = accept();
  EXPECT_EQ(peer->take_sent(), redis_command({"B"}));
}

TEST_F(RedisClientTest, logs_in_and_chooses_its_database) {
  access_->password = Secret("secret");
  access_->config.user = "gatepost";
  access_->config.database = 3;
  ask("A");
  const auto peer = accept("+OK\r\n+OK\r\n" + kReady);
  EXPECT_THAT(greeted_, ::testing::StartsWith(redis_command({"AUTH", "gatepost", "secret"}) +
                                              redis_command({"SELECT", "3"})));
  EXPECT_EQ(peer->take_sent(), redis_command({"A"}));
  client_.reset();
  access_->config.user = "";
  ask("A");
  accept("+OK\r\n+OK\r\n" + kReady);
  EXPECT_THAT(greeted_, ::testing::StartsWith(redis_command({"AUTH", "secret"})));
}

TEST_F(RedisClientTest, a_password_is_in_no_error) {
  access_->password = Secret("secret");
  for (const char* refusal : {"-WRONGPASS invalid username-password pair\r\n",
                              "-ERR unknown command `AUTH`, with args beginning with: `secret`\r\n",
                              "-secret\r\n", ":7\r\n"}) {
    client_.reset();
    ask("A");
    accept(refusal);
    ASSERT_EQ(answers_.size(), 1U);
    EXPECT_THAT(take_answers().front(),
                ::testing::AllOf(HasSubstr("AUTH"), Not(HasSubstr("`secret`"))));
  }
}

TEST_F(RedisClientTest, fails_at_once_after_a_failure_until_a_growing_pause_is_over) {
  Duration pause = RedisClient::kFirstPause;
  ask("A");
  for (int i = 0; i < 10; ++i) {
    connector_.fail(ErrorCode::network);
    run();
    EXPECT_THAT(take_answers(), ElementsAre(HasSubstr("A: ! Redis redis.example:6379: ")));
    EXPECT_EQ(codes_.back(), ErrorCode::closed);
    timers_.advance(pause - Duration(1));
    ask("B");
    EXPECT_EQ(connector_.pending(), 0U);
    run();
    EXPECT_THAT(take_answers(), ElementsAre(HasSubstr("B: ! Redis redis.example:6379: ")));
    EXPECT_EQ(codes_.back(), ErrorCode::closed);
    timers_.advance(Duration(1));
    ask("A");
    EXPECT_EQ(connector_.pending(), 1U);
    pause = std::min(pause * 2, RedisClient::kLongestPause);
  }
  const auto peer = accept();
  say(peer, "+1\r\n");
  EXPECT_THAT(take_answers(), ElementsAre("A: 1"));
  // From the beginning again.
  peer->end();
  run(peer);
  ask("A");
  connector_.fail(ErrorCode::network);
  run();
  timers_.advance(RedisClient::kFirstPause);
  ask("A");
  EXPECT_EQ(connector_.pending(), 1U);
}

TEST_F(RedisClientTest, gives_a_connection_its_time_and_no_more) {
  for (const bool connected : {false, true}) {
    client_.reset();
    timers_.advance(Duration(60'000));
    ask("A");
    std::shared_ptr<MemoryPeer> peer;
    if (connected) peer = accept(kMaster);  // and no more
    timers_.advance(Duration(1'999));
    EXPECT_THAT(answers_, IsEmpty());
    timers_.advance(Duration(1));
    EXPECT_THAT(take_answers(), ElementsAre(HasSubstr("no answer in time")));
    EXPECT_EQ(codes_.back(), ErrorCode::timeout);
    EXPECT_EQ(connector_.pending(), 0U);
  }
}

TEST_F(RedisClientTest, gives_a_request_its_time_and_no_more) {
  ask("A");
  const auto peer = accept();
  timers_.advance(Duration(3'000));
  ask("B");
  run(peer);
  say(peer, "+1\r\n");
  EXPECT_THAT(take_answers(), ElementsAre("A: 1"));
  timers_.advance(Duration(4'999));
  EXPECT_THAT(answers_, IsEmpty());
  ask("C");
  timers_.advance(Duration(1));
  run();
  EXPECT_THAT(take_answers(), ElementsAre(HasSubstr("B: ! "), HasSubstr("C: ! ")));
  EXPECT_EQ(codes_.back(), ErrorCode::timeout);
  EXPECT_TRUE(peer->destroyed());
  ask("D");
  say(accept(), "+4\r\n");
  EXPECT_THAT(take_answers(), ElementsAre("D: 4"));
}

TEST_F(RedisClientTest, a_connection_that_is_lost_is_made_again) {
  ask("A");
  const auto peer = accept();
  ask("B");
  run(peer);
  say(peer, "+1\r\n+2");
  peer->end();
  run(peer);
  EXPECT_THAT(take_answers(), ElementsAre("A: 1", HasSubstr("B: ! ")));
  EXPECT_EQ(codes_.back(), ErrorCode::closed);
  EXPECT_TRUE(peer->destroyed());
  ask("C");
  const auto second = accept();
  say(second, "+3\r\n");
  second->break_now();
  run(second);
  ask("D");
  say(accept(), "+4\r\n");
  EXPECT_THAT(take_answers(), ElementsAre("C: 3", "D: 4"));
}

TEST_F(RedisClientTest, who_asks_again_inside_a_callback_is_told_in_another_turn) {
  int rounds = 0;
  std::function<void()> again = [&] {
    tickets_.push_back(client().ask(redis_command({"A"}), [&](auto) {
      if (++rounds < 3) again();
    }));
  };
  again();
  connector_.fail(ErrorCode::refused);
  run();
  EXPECT_EQ(rounds, 3);
}

TEST_F(RedisClientTest, a_server_that_cannot_be_written_to_is_left) {
  for (const char* word : {"READONLY", "LOADING", "MASTERDOWN"}) {
    ask("A");
    const auto peer = accept();
    ask("B");
    run(peer);
    say(peer, std::string("-") + word + " really\r\n");
    EXPECT_THAT(take_answers(),
                ElementsAre(std::string("A: ") + word + " really", HasSubstr("B: ! ")));
    EXPECT_EQ(codes_.back(), ErrorCode::closed);
    EXPECT_TRUE(peer->destroyed());
  }
}

TEST_F(RedisClientTest, nonsense_costs_the_connection) {
  for (const char* nonsense : {"hello\r\n", "+1\r\n+unasked\r\n"}) {
    ask("A");
    const auto peer = accept();
    say(peer, nonsense);
    EXPECT_EQ(take_answers().size(), 1U);
    EXPECT_TRUE(peer->destroyed());
  }
  ask("A");
  say(accept(), "hello\r\n");
  EXPECT_EQ(codes_.back(), ErrorCode::protocol);
  take_answers();
  // In place of a greeting, too.
  ask("A");
  accept("220 mail.example ESMTP\r\n");
  EXPECT_EQ(codes_.back(), ErrorCode::protocol);
}

TEST_F(RedisClientTest, is_told_of_a_role_and_of_a_file_that_is_being_read) {
  const std::vector<std::string> greetings = {
      kReplica + kAppend + kInfo + "+PONG\r\n",
      kMaster + kAppend + kInfo + "-LOADING Redis is loading the dataset in memory\r\n"};
  for (const std::string& greeting : greetings) {
    timers_.advance(Duration(60'000));
    ask("A");
    accept(greeting);
    EXPECT_EQ(codes_.back(), ErrorCode::closed) << greeting;
    take_answers();
  }
  timers_.advance(Duration(60'000));
  ask("A");
  say(accept("-NOPERM no\r\n" + kNoConfig), "+1\r\n");  // may not be asked
  EXPECT_THAT(take_answers(), ElementsAre("A: 1"));
}

TEST_F(RedisClientTest, warns_when_the_server_may_forget) {
  const std::string no = "*2\r\n$10\r\nappendonly\r\n$2\r\nno\r\n";
  const std::string late =
      "*4\r\n$10\r\nappendonly\r\n$3\r\nyes\r\n$11\r\nappendfsync\r\n$8\r\neverysec\r\n";
  const std::string off = "$13\r\naof_enabled:0\r\n";
  const auto warning = [this](const std::string& config, const std::string& info) {
    client_.reset();
    ask("A");
    accept(kMaster + config + info + "+PONG\r\n");
    return client().warning();
  };
  EXPECT_EQ(warning(kAppend, kInfo), "");
  EXPECT_THAT(warning(no, "-NOPERM no\r\n"), HasSubstr("appendonly"));
  EXPECT_THAT(warning("-NOPERM no\r\n", off), HasSubstr("appendonly"));
  EXPECT_THAT(warning(late, kInfo), HasSubstr("appendfsync"));
  EXPECT_EQ(warning("-NOPERM no\r\n", "-NOPERM no\r\n"), "");
}

TEST_F(RedisClientTest, says_nothing_before_tls_stands) {
  const auto layer = std::make_shared<testing::FakeTlsLayer>();
  access_->tls = layer;
  access_->password = Secret("secret");
  ask("A");
  const auto peer = connector_.accept();
  run(peer);
  EXPECT_EQ(peer->sent(), "");
  layer->establish();
  run(peer);
  EXPECT_THAT(peer->take_sent(), HasSubstr("secret"));
  say(peer, "+OK\r\n" + kReady + "+1\r\n");
  EXPECT_THAT(take_answers(), ElementsAre("A: 1"));

  client_.reset();
  ask("B");
  const auto other = connector_.accept();
  run(other);
  layer->fail();
  run(other);
  EXPECT_EQ(other->sent(), "");
  EXPECT_EQ(codes_.back(), ErrorCode::closed);
  client_.reset();
}

}  // namespace
}  // namespace gatepost::store
