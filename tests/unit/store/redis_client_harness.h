#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/store/redis_client.h"
#include "tests/support/fake_connector.h"
#include "tests/support/fake_timers.h"

namespace gatepost::store {

// What servers say to the questions after a connection.
inline const std::string kMaster = "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";
inline const std::string kReplica = "*2\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n";
inline const std::string kAppend =
    "*4\r\n$10\r\nappendonly\r\n$3\r\nyes\r\n$11\r\nappendfsync\r\n$6\r\nalways\r\n";
inline const std::string kInfo = "$15\r\naof_enabled:1\r\n\r\n";
inline const std::string kReady = kMaster + kAppend + kInfo + "+PONG\r\n";
inline const std::string kNoConfig = "-NOPERM no\r\n-NOPERM no\r\n+PONG\r\n";

/// A client whose server is the test.
class RedisClientHarness : public ::testing::Test {
 protected:
  RedisClientHarness() {
    access_->config.addresses = {*Endpoint::parse("redis.example:6379")};
    access_->config.connect_timeout = Duration(2'000);
    access_->config.timeout = Duration(5'000);
  }

  RedisClient& client() {
    if (!client_) client_.emplace(RedisTools{timers_, connector_, pool_}, access_);
    return *client_;
  }

  /// Asks for `word`; what is answered goes into answers_.
  void ask(const std::string& word) {
    const std::size_t before = answers_.size();
    tickets_.push_back(client().ask(redis_command({word}), [this, word](auto reply) {
      answers_.push_back(word + ": " + (reply ? reply->text : "! " + reply.error().detail));
      codes_.push_back(reply ? std::nullopt : std::optional(reply.error().code));
    }));
    EXPECT_EQ(answers_.size(), before) << "never from inside the call";
  }

  void run(const std::shared_ptr<testing::MemoryPeer>& peer = nullptr) {
    bool news = true;
    while (news) {
      timers_.advance(Duration(0));
      news = peer && peer->turn();
      timers_.advance(Duration(0));
    }
  }
  /// The connection under way stands, and the server says what `greeting` says.
  std::shared_ptr<testing::MemoryPeer> accept(const std::string& greeting = kReady) {
    auto peer = connector_.accept();
    run(peer);
    greeted_ = peer->take_sent();
    peer->deliver(greeting);
    run(peer);
    return peer;
  }
  void say(const std::shared_ptr<testing::MemoryPeer>& peer, std::string_view text) {
    peer->deliver(text);
    run(peer);
  }
  std::vector<std::string> take_answers() { return std::exchange(answers_, {}); }

  testing::TestPool pool_;
  testing::FakeTimers timers_;
  testing::FakeConnector connector_{pool_};
  std::shared_ptr<RedisAccess> access_ = std::make_shared<RedisAccess>();
  std::vector<std::string> answers_;
  std::vector<std::optional<ErrorCode>> codes_;
  std::string greeted_;
  std::optional<RedisClient> client_;
  std::vector<Ticket> tickets_;
};

}  // namespace gatepost::store
