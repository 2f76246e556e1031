#include "proxy/server/http_listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/net/sockets.h"

namespace gatepost::server {
namespace {

using ::gatepost::testing::Peer;
using ::gatepost::testing::run_for;
using ::gatepost::testing::run_until;
using ::gatepost::testing::TestFolder;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kAskHealth =
    "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

class HttpListenerTest : public ::testing::Test {
 protected:
  void start(const Endpoint& at = {"127.0.0.1", 0, {}}, Duration max_age = HttpListener::kMaxAge) {
    auto admin = HttpListener::start(
        loop_, at,
        [this](const http::Request& request, http::Responder responder, const auto& who) {
          client_ = who;
          responder.answer(answer(request));
        },
        {.max_age = max_age});
    ASSERT_TRUE(admin) << admin.error().detail;
    admin_ = std::move(*admin);
  }
  /// Something to serve.
  [[nodiscard]] http::Response answer(const http::Request& request) const {
    http::Response response;
    response.body = request.path == "/metrics" ? metrics_ : "ok\n";
    if (request.path != "/readyz" || reasons_.empty()) return response;
    response.status = 503;
    response.body.clear();
    for (const std::string& reason : reasons_) response.body += reason + '\n';
    return response;
  }
  bool ends(Peer& peer) {
    return run_until(loop_, [&] { return peer.end() != Peer::End::none; });
  }
  bool answered(Peer& peer, std::string_view end) {
    return run_until(loop_, [&] { return peer.receive().ends_with(end); });
  }

  HttpListener::Client client_;  // who asked last
  std::string metrics_ = "up 1\n";
  std::vector<std::string> reasons_;
  net::Loop loop_;
  std::unique_ptr<HttpListener> admin_;
};

TEST_F(HttpListenerTest, AnswersOverHttp) {
  start();
  EXPECT_NE(admin_->bound().port, 0);
  Peer peer = Peer::connect(admin_->bound());
  peer.send(kAskHealth);
  ASSERT_TRUE(ends(peer));
  EXPECT_THAT(peer.receive(), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(peer.receive(), EndsWith("\r\n\r\nok\n"));
}

TEST_F(HttpListenerTest, KeepsAConnectionForFurtherRequests) {
  start();
  Peer peer = Peer::connect(admin_->bound());
  peer.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(answered(peer, "ok\n"));
  reasons_ = {"draining"};
  peer.send("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(answered(peer, "draining\n"));
  EXPECT_THAT(peer.receive(), HasSubstr("HTTP/1.1 503 "));
  EXPECT_EQ(peer.end(), Peer::End::none);
}

TEST_F(HttpListenerTest, ServesAUnixSocketForItsOwnUserOnly) {
  const TestFolder folder;
  start({"", 0, folder / "admin"});
  EXPECT_EQ(std::filesystem::status(folder / "admin").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  Peer peer = Peer::connect(admin_->bound());
  peer.send(kAskHealth);
  EXPECT_TRUE(answered(peer, "ok\n"));
}

TEST_F(HttpListenerTest, FailsWhereSomebodyElseListens) {
  start();
  const auto second = HttpListener::start(loop_, admin_->bound(),
                                          [](const auto&, http::Responder, const auto&) {}, {});
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().detail, HasSubstr(admin_->bound().to_string()));
}

TEST_F(HttpListenerTest, ClosesConnectionsBeyondItsLimitUnanswered) {
  start();
  std::vector<Peer> peers;
  for (std::size_t i = 0; i < HttpListener::kMaxConnections; ++i) {
    peers.push_back(Peer::connect(admin_->bound()));
  }
  Peer further = Peer::connect(admin_->bound());
  ASSERT_TRUE(ends(further));
  EXPECT_EQ(further.receive(), "");
  for (Peer& peer : peers) EXPECT_EQ(peer.end(), Peer::End::none);
  peers.back().send(kAskHealth);
  EXPECT_TRUE(answered(peers.back(), "ok\n"));

  // Room again, at the latest with the next sweep.
  peers.clear();
  EXPECT_TRUE(run_until(loop_, [&] {
    Peer again = Peer::connect(admin_->bound());
    again.send(kAskHealth);
    return run_until(loop_, [&] { return again.end() != Peer::End::none; }) &&
           again.receive().ends_with("ok\n");
  }));
}

TEST_F(HttpListenerTest, MakesRoomForManyScrapesOneAfterTheOther) {
  start();
  for (std::size_t i = 0; i < 2 * HttpListener::kMaxConnections; ++i) {
    Peer peer = Peer::connect(admin_->bound());
    peer.send(kAskHealth);
    ASSERT_TRUE(ends(peer));
    ASSERT_THAT(peer.receive(), EndsWith("ok\n")) << "scrape " << i;
  }
}

TEST_F(HttpListenerTest, DeliversALargePage) {
  metrics_.assign(3 * 1024 * 1024, 'm');
  start();
  Peer peer = Peer::connect(admin_->bound(), 4096);
  peer.send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(ends(peer));
  EXPECT_EQ(peer.end(), Peer::End::fin);
  EXPECT_TRUE(peer.receive().ends_with(metrics_));
}

TEST_F(HttpListenerTest, DropsConnectionsThatGetTooOldWhateverTheyDo) {
  metrics_.assign(8 * 1024 * 1024, 'm');
  start({"127.0.0.1", 0, {}}, Duration(200));
  Peer silent = Peer::connect(admin_->bound());
  Peer slow = Peer::connect(admin_->bound());
  Peer stuck = Peer::connect(admin_->bound(), 4096);
  stuck.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  std::size_t sent = 0;
  // One octet at a time, and never the end of the request.
  ASSERT_TRUE(run_until(loop_, [&] {
    sent += slow.send("G");
    return slow.end() != Peer::End::none;
  }));
  EXPECT_GT(sent, 0U);
  EXPECT_TRUE(ends(silent));
  EXPECT_TRUE(ends(stuck));
  EXPECT_LT(stuck.receive().size(), metrics_.size());
  // Whoever comes now is as welcome as before.
  Peer young = Peer::connect(admin_->bound());
  young.send(kAskHealth);
  EXPECT_TRUE(answered(young, "ok\n"));
}

TEST_F(HttpListenerTest, MayBeDestroyedWhileAScraperIsStuck) {
  metrics_.assign(8 * 1024 * 1024, 'm');
  start();
  Peer peer = Peer::connect(admin_->bound(), 4096);
  peer.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  run_for(loop_, Duration(50));
  admin_.reset();
  EXPECT_TRUE(ends(peer));
  EXPECT_LT(peer.receive().size(), metrics_.size());
}

TEST_F(HttpListenerTest, MayBeDestroyedBeforeTheLoopRan) {
  start();
  Peer peer = Peer::connect(admin_->bound());
  peer.send(kAskHealth);
  admin_.reset();
  EXPECT_TRUE(ends(peer));
}

}  // namespace
}  // namespace gatepost::server
