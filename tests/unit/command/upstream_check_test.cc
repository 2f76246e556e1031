#include "proxy/command/upstream_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/net/sockets.h"
#include "tests/unit/tls/certificates.h"

namespace gatepost::command {
namespace {

using ::gatepost::testing::Peer;
using ::gatepost::testing::PeerListener;
using ::gatepost::testing::wait_until;
using ::testing::HasSubstr;

/// The upstream is a socket of the test in a thread of its own, which speaks by a fixed script.
class UpstreamCheckTest : public ::testing::Test {
 protected:
  UpstreamCheckTest() {
    config_.listeners.emplace_back();
    config_.listeners[0].tls = config::ListenerTls::none;
    config_.pools.emplace_back();
    config_.pools[0].name = "upstream";
    config_.pools[0].servers = {{.address = upstream_.at()}};
    config_.timeouts.upstream_connect = Duration(5000);
    config_.timeouts.upstream_greeting = Duration(5000);
  }
  /// Says `words[0]`, and each further one after a line of the client's. Then waits for the end.
  Result<void> check(std::vector<std::string> words) {
    std::thread script([this, words = std::move(words)] {
      Peer peer;
      if (!wait_until([&] { return (peer = upstream_.accept()).is_open(); })) return;
      for (std::size_t i = 0; i < words.size(); ++i) {
        const auto lines = [&] { return std::ranges::count(peer.receive(), '\n'); };
        if (!wait_until([&] { return lines() >= static_cast<std::ptrdiff_t>(i); })) return;
        peer.send(words[i]);
      }
      wait_until([&] { return peer.end() != Peer::End::none; });
      end_ = peer.end();
      heard_ = peer.receive();
    });
    auto result = check_nobody();
    script.join();
    return result;
  }
  Result<void> check_nobody() {
    server::Holdings holdings;
    const auto snapshot = server::make_snapshot(config_, holdings);
    EXPECT_TRUE(snapshot) << snapshot.error().detail;
    auto results = check_upstreams(**snapshot);
    EXPECT_EQ(results.size(), 1U);
    EXPECT_EQ(results.front().pool, "upstream");
    EXPECT_EQ(results.front().server, config_.pools[0].servers[0].address.to_string());
    uidl_ = results.front().uidl;
    return results.front().reached;
  }

  PeerListener upstream_;
  config::Config config_;
  UpstreamResult::Uidl uidl_ = UpstreamResult::Uidl::unknown;
  std::string heard_;
  Peer::End end_ = Peer::End::none;
};

TEST_F(UpstreamCheckTest, IsContentWithAGreeting) {
  const auto result = check({"+OK hello\r\n", "-ERR no CAPA here\r\n"});
  EXPECT_TRUE(result) << result.error().detail;
  EXPECT_EQ(heard_, "CAPA\r\nQUIT\r\n") << "no credentials";
  EXPECT_EQ(end_, Peer::End::fin) << "no reset in the server's log";
}

TEST_F(UpstreamCheckTest, HearsWhetherThereIsUidl) {
  EXPECT_TRUE(check({"+OK hello\r\n", "+OK\r\nTOP\r\nUIDL\r\n.\r\n"}));
  EXPECT_EQ(uidl_, UpstreamResult::Uidl::announced);
  EXPECT_TRUE(check({"+OK hello\r\n", "+OK\r\nTOP\r\n.\r\n"}));
  EXPECT_EQ(uidl_, UpstreamResult::Uidl::missing);
  EXPECT_TRUE(check({"+OK hello\r\n", "-ERR no CAPA here\r\n"}));
  EXPECT_EQ(uidl_, UpstreamResult::Uidl::unknown);
}

TEST_F(UpstreamCheckTest, NamesTheServerThatRefuses) {
  const auto result = check({"-ERR too busy\r\n"});
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().detail, HasSubstr(upstream_.at().to_string()));
  EXPECT_THAT(result.error().detail, HasSubstr("too busy"));
}

TEST_F(UpstreamCheckTest, SeesThatAServerSpeaksAnotherProtocol) {
  EXPECT_FALSE(check({"220 smtp.example.org ESMTP\r\n"}));
}

TEST_F(UpstreamCheckTest, GivesUpOnASilentServer) {
  config_.timeouts.upstream_connect = Duration(100);
  config_.timeouts.upstream_greeting = Duration(100);
  const auto result = check({});
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().detail, HasSubstr("in time"));
}

TEST_F(UpstreamCheckTest, SaysThatNobodyListens) {
  const PeerListener nobody("127.0.0.1", -1);
  config_.pools[0].servers = {{.address = nobody.at()}};
  const auto result = check_nobody();
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().detail, HasSubstr("refused"));
}

TEST_F(UpstreamCheckTest, SaysThatStlsIsRefused) {
  config_.pools[0].tls = config::UpstreamTls::starttls;
  config_.pools[0].verify = false;
  const auto result = check({"+OK hello\r\n", "-ERR no TLS here\r\n"});
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().detail, HasSubstr("no TLS here"));
  EXPECT_EQ(heard_, "STLS\r\n");
}

TEST_F(UpstreamCheckTest, TakesNoTextForTls) {
  config_.pools[0].tls = config::UpstreamTls::implicit;
  config_.pools[0].verify = false;
  const auto result = check({"+OK this is plain POP3\r\n"});
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().detail, HasSubstr(upstream_.at().to_string()));
}

TEST_F(UpstreamCheckTest, RefusesBytesSentAheadOfTls) {
  config_.pools[0].tls = config::UpstreamTls::starttls;
  config_.pools[0].verify = false;
  EXPECT_FALSE(check({"+OK hello\r\n", "+OK go ahead\r\n+OK injected\r\n"}));
}

TEST_F(UpstreamCheckTest, SurvivesAServerThatLeavesAtOnce) {
  std::thread script([this] {
    Peer peer;
    wait_until([&] { return (peer = upstream_.accept()).is_open(); });
    peer.reset();
  });
  EXPECT_FALSE(check_nobody());
  script.join();
}

TEST_F(UpstreamCheckTest, ChecksNothingWithoutPools) {
  config_.pools.clear();
  server::Holdings holdings;
  const auto snapshot = server::make_snapshot(config_, holdings);
  ASSERT_TRUE(snapshot);
  EXPECT_TRUE(check_upstreams(**snapshot).empty());
}

}  // namespace
}  // namespace gatepost::command
