// RedisRecords and a real redis-server that is stopped, restarted, killed, behind TLS, and found by
// a Sentinel.

#include "proxy/store/redis_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>

#include "proxy/net/resolver.h"
#include "proxy/net/tcp_connector.h"
#include "proxy/tls/client_context.h"
#include "tests/unit/store/records.h"
#include "tests/unit/store/redis_server.h"
#include "tests/unit/tls/certificates.h"

namespace gatepost::store {
namespace {

using testing::Asker;
using ::testing::HasSubstr;
using testing::name;
using ::testing::Not;
using testing::RedisServer;
using testing::run_for;
using testing::run_until;

const HashedName kAnn = name(1);

class RedisRecordsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(RedisServer::installed()) << "redis-server is not installed";
  }
  /// A new store; it must be idle when the next one is made.
  Asker& use(const Endpoint& server) {
    access_->config.addresses = {server};
    return use();
  }
  Asker& use() {
    ask_.reset();
    store_.emplace(RedisTools{loop_, connector_, pool_}, access_);
    ask_.emplace(loop_, *store_);
    run_for(loop_, std::chrono::milliseconds(1));  // its clock goes on
    return *ask_;
  }
  /// Whether the store can be used again, soon.
  bool comes_back(std::chrono::seconds patience = testing::kPatience) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < end) {
      if (ask_->check()) return true;
      run_for(loop_, std::chrono::milliseconds(20));
    }
    return false;
  }
  BlockPool pool_;
  net::Loop loop_;
  net::Resolver resolver_{loop_, std::chrono::seconds(30)};
  net::TcpConnector connector_{loop_, pool_, resolver_};
  std::shared_ptr<RedisAccess> access_ = std::make_shared<RedisAccess>();
  std::optional<RedisRecords> store_;
  std::optional<Asker> ask_;
};

TEST_F(RedisRecordsTest, a_server_that_is_halted_costs_its_time_limit_and_no_more) {
  RedisServer server;
  access_->config.timeout = Duration(2'000);
  access_->config.connect_timeout = Duration(2'000);
  Asker& ask = use(server.at());
  ask.put(kAnn, {{name(1), 0, "a"}});
  server.halt();
  const auto late = ask.load(kAnn);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::timeout);
  std::optional<ErrorCode> second;
  std::optional<ErrorCode> third;
  Instant asked{};
  Ticket at_once;
  const Ticket anew = store_->load(kAnn, [&](auto failed) {
    if (!failed) second = failed.error().code;
    asked = loop_.now();
    at_once = store_->load(
        kAnn, [&](auto refused) { third = refused ? ErrorCode::system : refused.error().code; });
  });
  ASSERT_TRUE(run_until(loop_, [&] { return third.has_value(); }));
  EXPECT_EQ(second, ErrorCode::timeout);  // of a new connection
  EXPECT_EQ(third, ErrorCode::closed);
  EXPECT_LT(loop_.now() - asked, Duration(1'000)) << "nobody waits for what just failed";
  server.go_on();
  ASSERT_TRUE(comes_back());
  EXPECT_EQ(ask.get(kAnn, name(1)).value, "a");
}

TEST_F(RedisRecordsTest, what_was_committed_is_there_after_a_kill) {
  RedisServer server({"--appendonly", "yes", "--appendfsync", "always"});
  Asker& ask = use(server.at());
  ask.put(kAnn, {{name(1), 0, "a"}});
  EXPECT_EQ(store_->warning(), "");
  const Entry before = ask.get(kAnn, name(1));
  server.kill();
  EXPECT_FALSE(ask.load(kAnn));
  server.start();
  ASSERT_TRUE(comes_back());
  EXPECT_EQ(ask.get(kAnn, name(1)).version, before.version);
  ask.put(kAnn, {{name(1), before.version, "b"}});
}

TEST_F(RedisRecordsTest, a_commit_during_a_kill_is_whole_or_not_there) {
  constexpr unsigned kMany = 2'000;
  RedisServer server({"--appendonly", "yes", "--appendfsync", "always"});
  Asker& ask = use(server.at());
  for (unsigned round = 0; round < 8; ++round) {
    const HashedName account = name(100 + round);
    ASSERT_TRUE(comes_back());
    std::vector<Write> writes;
    for (unsigned i = 0; i < kMany; ++i) writes.push_back({name(i), 0, std::string(60, 'v')});
    std::optional<Result<RecordStore::Committed>> outcome;
    const Ticket ticket = store_->commit(account, std::move(writes), 5,
                                         [&](auto result) { outcome = std::move(result); });
    run_for(loop_, std::chrono::milliseconds(round * 2));
    server.kill();
    ASSERT_TRUE(run_until(loop_, [&] { return outcome.has_value(); }));
    server.start();
    ASSERT_TRUE(comes_back());
    const auto entries = ask.load(account);
    ASSERT_TRUE(entries) << entries.error().detail;
    EXPECT_TRUE(!*outcome || entries->size() == kMany) << "what was told is forgotten";
    EXPECT_TRUE(entries->empty() || entries->size() == kMany) << entries->size();
  }
}

TEST_F(RedisRecordsTest, warns_of_a_server_that_keeps_nothing) {
  RedisServer server;
  EXPECT_TRUE(use(server.at()).check());
  EXPECT_THAT(store_->warning(), HasSubstr("appendonly"));
  EXPECT_THAT(server.say("CONFIG SET appendonly yes"), HasSubstr("OK"));
  EXPECT_TRUE(use().check());
  EXPECT_THAT(store_->warning(), HasSubstr("appendfsync"));
}

TEST_F(RedisRecordsTest, a_full_server_is_an_error_and_nothing_is_half_written) {
  RedisServer server;
  Asker& ask = use(server.at());
  ask.put(kAnn, {{name(1), 0, "a"}});
  EXPECT_THAT(server.say("CONFIG SET maxmemory 1"), HasSubstr("OK"));
  const auto outcome = ask.commit(kAnn, {{name(2), 0, "b"}, {name(3), 0, "c"}});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::system) << outcome.error().detail;
  EXPECT_EQ(ask.load(kAnn).value().size(), 1U);
}

TEST_F(RedisRecordsTest, keys_of_others_are_an_error_and_nothing_is_half_written) {
  RedisServer server;
  Asker& ask = use(server.at());
  static_cast<void>(server.say("SET gatepost:accounts x"));
  EXPECT_EQ(ask.commit(kAnn, {{name(1), 0, "a"}}).error().code, ErrorCode::protocol);
  EXPECT_EQ(ask.load(kAnn).value().size(), 0U);
  EXPECT_EQ(ask.accounts(10).error().code, ErrorCode::protocol);
  static_cast<void>(server.say("FLUSHALL"));
  static_cast<void>(server.say("SET gatepost:version x"));
  EXPECT_EQ(ask.commit(kAnn, {{name(1), 0, "a"}}).error().code, ErrorCode::protocol);
  EXPECT_EQ(ask.load(kAnn).value().size(), 0U);
}

TEST_F(RedisRecordsTest, a_record_that_is_not_understood_is_not_overwritten) {
  RedisServer server;
  Asker& ask = use(server.at());
  static_cast<void>(server.say(
      "HSET gatepost:{00010000000000000000000000000020} \"\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00"
      "\\x00\\x00\\x00\\x00\\x00\\x00\\x00 \" damaged"));
  EXPECT_EQ(ask.load(kAnn).error().code, ErrorCode::protocol);
  EXPECT_FALSE(ask.commit(kAnn, {{name(1), 0, "a"}}).value().written);
}

TEST_F(RedisRecordsTest, versions_go_on_when_a_replica_has_lost_the_last_ones) {
  RedisServer server;
  Asker& ask = use(server.at());
  ask.put(kAnn, {{name(1), 0, "a"}});
  const Entry lost = ask.get(kAnn, name(1));
  static_cast<void>(server.say("FLUSHALL"));
  ask.put(kAnn, {{name(1), 0, "other"}});
  EXPECT_FALSE(ask.commit(kAnn, {{name(1), lost.version, "b"}}).value().written);
}

TEST_F(RedisRecordsTest, speaks_tls_with_a_password) {
  const testing::Authority authority;
  const testing::TestFiles files;
  testing::CertificateRequest request;
  request.dns = {"redis.example"};
  const auto issued = authority.issue(request);
  const std::string ca = files.write("ca.pem", authority.certificate());
  RedisServer server({"--tls-cert-file", files.write("cert.pem", issued.certificate),
                      "--tls-key-file", files.write("key.pem", issued.key), "--tls-ca-cert-file",
                      ca, "--tls-auth-clients", "no", "--requirepass", "secret"},
                     testing::free_port(), RedisServer::Tls::yes);
  tls::ClientOptions options;
  options.ca_file = ca;
  options.server_name = "redis.example";
  options.alpn_pop3 = false;
  const auto context = tls::ClientContext::create(options);
  ASSERT_TRUE(context) << context.error().detail;
  access_->tls = *context;
  access_->password = Secret("secret");
  Asker& ask = use(server.at());
  ask.put(kAnn, {{name(1), 0, std::string(2'000, 'x')}});
  EXPECT_EQ(ask.get(kAnn, name(1)).value.size(), 2'000U);

  access_->password = Secret("wrong");
  const auto refused = use().check();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr("AUTH was refused (WRONGPASS)"));

  access_->password = Secret("secret");
  options.server_name = "other.example";
  access_->tls = *tls::ClientContext::create(options);
  const auto stranger = use().check();
  ASSERT_FALSE(stranger);
  EXPECT_THAT(stranger.error().detail, HasSubstr("other.example"));
  store_.reset();
}

TEST_F(RedisRecordsTest, follows_a_failover_of_sentinels) {
  RedisServer first({"--repl-diskless-sync-delay", "0"}, testing::free_port());
  RedisServer second({"--replicaof", "127.0.0.1 " + std::to_string(first.at().port),
                      "--repl-diskless-sync-delay", "0"},
                     testing::free_port());
  ASSERT_TRUE(testing::wait_until([&] {
    return second.say("INFO replication").find("master_link_status:up") != std::string::npos;
  }));
  RedisServer sentinel(
      RedisServer::Sentinel{"sentinel monitor mail 127.0.0.1 " + std::to_string(first.at().port) +
                            " 1\nsentinel down-after-milliseconds mail 2000\n"
                            "sentinel failover-timeout mail 5000\n"},
      testing::free_port());
  access_->config.sentinel_master = "mail";
  Asker& ask = use(sentinel.at());
  ask.put(kAnn, {{name(1), 0, "a"}});
  const Entry before = ask.get(kAnn, name(1));
  ASSERT_TRUE(testing::wait_until([&] {
    const std::string replicas = sentinel.say("SENTINEL replicas mail");
    const auto link = replicas.find("master-link-status");
    return link != std::string::npos && replicas.find("ok", link) < link + 40 &&
           second.say("DBSIZE") == first.say("DBSIZE");
  }));
  first.kill();
  EXPECT_FALSE(ask.load(kAnn));
  ASSERT_TRUE(comes_back(std::chrono::seconds(60)));
  EXPECT_EQ(ask.get(kAnn, name(1)).version, before.version);
  ask.put(kAnn, {{name(1), before.version, "b"}});
  EXPECT_THAT(second.say("ROLE"), HasSubstr("master"));
}

TEST_F(RedisRecordsTest, the_replica_of_a_server_is_not_taken_for_it) {
  RedisServer server({"--replicaof", "127.0.0.1 " + std::to_string(testing::free_port())});
  const auto checked = use(server.at()).check();
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().detail, HasSubstr("replica"));
}

}  // namespace
}  // namespace gatepost::store
