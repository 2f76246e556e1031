#include "proxy/http/server_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/memory_transport.h"

namespace gatepost::http {
namespace {

using gatepost::testing::make_memory_transport;
using gatepost::testing::MemoryPeer;
using gatepost::testing::WireOptions;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kLastGet = "GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

class ServerConnectionTest : public ::testing::Test {
 protected:
  void connect(WireOptions options = {}) {
    auto made = make_memory_transport(pool_, std::move(options));
    peer_ = made.peer;
    connection_ = std::make_unique<ServerConnection>(
        std::move(made.transport), pool_, [this](const Request& request) {
          ++handled_;
          Response response;
          response.body = request.path + '\n' + padding_;
          response.headers = {{"X-Test", "yes"}};
          return response;
        });
  }
  void run() {
    for (int i = 0; i < 10'000 && peer_->turn(); ++i) {
    }
  }

  /// The client closes too.
  bool finished_after_end() {
    EXPECT_FALSE(connection_->finished());
    peer_->end();
    run();
    return connection_->finished();
  }

  BlockPool pool_;
  int handled_ = 0;
  std::string padding_;
  std::shared_ptr<MemoryPeer> peer_;
  std::unique_ptr<ServerConnection> connection_;
};

TEST_F(ServerConnectionTest, AnswersARequestAndStaysOpen) {
  connect();
  peer_->deliver(kGet);
  run();
  EXPECT_EQ(peer_->sent(),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\n"
            "X-Test: yes\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
            "Connection: keep-alive\r\n\r\n/a\n");
  EXPECT_FALSE(peer_->closed());
  EXPECT_FALSE(connection_->finished());
  EXPECT_EQ(pool_.held_blocks(), 0U);
}

TEST_F(ServerConnectionTest, AnswersWhatArrivedByteByByte) {
  connect({.deliver_per_turn = 1});
  peer_->deliver(std::string(kGet) + std::string(kLastGet));
  run();
  EXPECT_EQ(count(peer_->sent(), "HTTP/1.1 200 OK"), 2U);
  EXPECT_TRUE(finished_after_end());
}

TEST_F(ServerConnectionTest, AnswersPipelinedRequestsInTurnAndClosesWhenAsked) {
  connect({.read_in_settle = true});
  peer_->deliver(std::string(kGet) + std::string(kLastGet) + std::string(kGet));
  run();
  EXPECT_EQ(handled_, 2);
  EXPECT_LT(peer_->sent().find("/a\n"), peer_->sent().find("/b\n"));
  EXPECT_THAT(peer_->sent(), HasSubstr("Connection: close\r\n\r\n/b\n"));
  EXPECT_TRUE(peer_->saw_fin());
  EXPECT_TRUE(finished_after_end());
}

TEST_F(ServerConnectionTest, AnswersHeadWithTheLengthButWithoutTheBody) {
  connect();
  peer_->deliver("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n");
  run();
  EXPECT_THAT(peer_->sent(), HasSubstr("Content-Length: 3\r\n"));
  EXPECT_THAT(peer_->sent(), EndsWith("\r\n\r\n"));
}

TEST_F(ServerConnectionTest, RefusesOddInputAndCloses) {
  connect();
  peer_->deliver("HELO\r\n\r\n" + std::string(kGet));
  run();
  EXPECT_THAT(peer_->sent(), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(peer_->sent(), HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(handled_, 0);
  EXPECT_TRUE(finished_after_end());
}

TEST_F(ServerConnectionTest, AnswersAClientThatEndedItsDirection) {
  connect();
  peer_->deliver(kGet);
  peer_->end();
  run();
  EXPECT_THAT(peer_->sent(), EndsWith("/a\n"));
  EXPECT_TRUE(connection_->finished());
  EXPECT_TRUE(peer_->saw_fin());
}

TEST_F(ServerConnectionTest, DropsAHalfRequestAtTheEnd) {
  connect();
  peer_->deliver(kGet.substr(0, 10));
  peer_->end();
  run();
  EXPECT_EQ(peer_->sent(), "");
  EXPECT_TRUE(connection_->finished());
}

TEST_F(ServerConnectionTest, IsFinishedWhenTheConnectionBreaks) {
  connect();
  peer_->deliver(kGet.substr(0, 10));
  peer_->end(ErrorCode::network);
  run();
  EXPECT_TRUE(connection_->finished());
  EXPECT_EQ(peer_->closed(), net::CloseMode::abort);
}

TEST_F(ServerConnectionTest, BeginsNothingNewForAClientThatDoesNotRead) {
  padding_.assign(30'000, 'p');
  connect({.accept_per_turn = 0});
  for (int i = 0; i < 10; ++i) peer_->deliver(kGet);
  run();
  EXPECT_EQ(handled_, 3);  // 30, 60, 90 thousand: past kMaxUnsent
  peer_->options.accept_per_turn = 1000;
  run();
  EXPECT_EQ(handled_, 10);
  EXPECT_EQ(count(peer_->sent(), "HTTP/1.1 200 OK"), 10U);
}

TEST_F(ServerConnectionTest, GoesOnByItselfWhenSettlingMadeRoom) {
  padding_.assign(ServerConnection::kMaxUnsent, 'p');
  connect();
  peer_->deliver(std::string(kGet) + std::string(kGet) + std::string(kGet));
  peer_->turn();
  EXPECT_EQ(handled_, 3);
}

TEST_F(ServerConnectionTest, IsNotFinishedBeforeEverythingWasSent) {
  padding_.assign(5000, 'p');
  connect({.accept_per_turn = 1000});
  peer_->deliver(kLastGet);
  peer_->end();
  peer_->turn();
  peer_->turn();
  EXPECT_FALSE(connection_->finished());
  run();
  EXPECT_TRUE(connection_->finished());
  EXPECT_THAT(peer_->sent(), EndsWith(padding_));
}

TEST_F(ServerConnectionTest, ClosesAfterTheLastRequestItTakes) {
  connect();
  for (std::uint32_t i = 0; i <= ServerConnection::kMaxRequests; ++i) peer_->deliver(kGet);
  run();
  EXPECT_EQ(static_cast<std::uint32_t>(handled_), ServerConnection::kMaxRequests);
  EXPECT_EQ(count(peer_->sent(), "Connection: close"), 1U);
  EXPECT_TRUE(finished_after_end());
}

TEST_F(ServerConnectionTest, ShutDownSendsWhatIsQueued) {
  connect({.accept_per_turn = 10});
  peer_->deliver(kGet);
  peer_->turn();
  connection_->shut_down();
  run();
  EXPECT_THAT(peer_->sent(), EndsWith("/a\n"));
  EXPECT_TRUE(finished_after_end());
}

TEST_F(ServerConnectionTest, MayBeDeletedAnyTime) {
  connect();
  peer_->deliver(kGet.substr(0, 5));
  run();
  connection_.reset();
  EXPECT_TRUE(peer_->destroyed());
}

}  // namespace
}  // namespace gatepost::http
