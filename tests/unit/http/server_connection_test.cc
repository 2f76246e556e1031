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
        std::move(made.transport), pool_, [this](const Request& request, Responder responder) {
          ++handled_;
          if (later_) {
            owed_.push_back(std::move(responder));
            return;
          }
          Response response;
          response.body = request.path + '\n' + padding_;
          response.headers = {{"X-Test", "yes"}};
          responder.answer(response);
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
  bool later_ = false;           // answers are left to the test
  std::vector<Responder> owed_;  // those
  std::shared_ptr<MemoryPeer> peer_;
  std::unique_ptr<ServerConnection> connection_;
};

TEST_F(ServerConnectionTest, AnswersARequestAndStaysOpen) {
  connect();
  peer_->deliver(kGet);
  run();
  EXPECT_EQ(peer_->sent(),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "X-Test: yes\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
            "Content-Length: 3\r\nConnection: keep-alive\r\n\r\n/a\n");
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

TEST_F(ServerConnectionTest, WindingUpClosesWhereAnotherRequestIsAwaited) {
  connect();
  peer_->deliver(kGet);
  run();
  connection_->wind_up();
  run();
  EXPECT_TRUE(peer_->closed());
  EXPECT_TRUE(finished_after_end());
}

TEST_F(ServerConnectionTest, WindingUpLeavesOneAnswerToWhoHasHadNone) {
  connect();
  connection_->wind_up();
  run();
  EXPECT_FALSE(peer_->closed());
  peer_->deliver(kGet);
  run();
  EXPECT_EQ(count(peer_->sent(), "Connection: close"), 1U);
  EXPECT_TRUE(finished_after_end());
}

TEST_F(ServerConnectionTest, WindingUpLetsTheAnswerThatIsOwedBeTheLast) {
  later_ = true;
  connect();
  peer_->deliver(kGet);
  run();
  connection_->wind_up();
  run();
  EXPECT_FALSE(peer_->closed());
  owed_.front().answer({});
  run();
  EXPECT_EQ(count(peer_->sent(), "Connection: close"), 1U);
  EXPECT_TRUE(finished_after_end());
}

TEST_F(ServerConnectionTest, MayBeDeletedAnyTime) {
  connect();
  peer_->deliver(kGet.substr(0, 5));
  run();
  connection_.reset();
  EXPECT_TRUE(peer_->destroyed());
}

TEST_F(ServerConnectionTest, AnswersLaterAndInTurn) {
  later_ = true;
  connect();
  peer_->deliver(std::string(kGet) + std::string(kLastGet));
  run();
  ASSERT_EQ(owed_.size(), 1U);  // the second is not begun
  EXPECT_EQ(peer_->sent(), "");
  owed_[0].answer(plain_status(404));
  run();
  ASSERT_EQ(owed_.size(), 2U);
  EXPECT_EQ(count(peer_->sent(), "HTTP/1.1 404 Not Found"), 1U);
  owed_[1].answer(plain_status(503));
  run();
  EXPECT_EQ(count(peer_->sent(), "HTTP/1.1 503 Service Unavailable"), 1U);
  EXPECT_TRUE(finished_after_end());
}

TEST_F(ServerConnectionTest, AnAnswerThatNobodyGivesIsA500) {
  later_ = true;
  connect();
  peer_->deliver(kGet);
  run();
  owed_.clear();
  run();
  EXPECT_THAT(peer_->sent(), StartsWith("HTTP/1.1 500 "));
}

TEST_F(ServerConnectionTest, AClientThatHasEndedItsDirectionStillGetsALateAnswer) {
  later_ = true;
  connect();
  peer_->deliver(kGet);
  peer_->end();
  run();
  ASSERT_EQ(owed_.size(), 1U);
  EXPECT_TRUE(owed_[0].open());
  owed_[0].answer(plain_status(404));
  run();
  EXPECT_THAT(peer_->sent(), StartsWith("HTTP/1.1 404 "));
  EXPECT_TRUE(connection_->finished());
}

TEST_F(ServerConnectionTest, AnAnswerMayOutliveItsConnection) {
  later_ = true;
  connect();
  peer_->deliver(kGet);
  run();
  connection_.reset();
  ASSERT_EQ(owed_.size(), 1U);
  EXPECT_FALSE(owed_[0].open());
  owed_[0].answer(plain_status(404));
}

TEST_F(ServerConnectionTest, StreamsInChunks) {
  later_ = true;
  connect();
  peer_->deliver(kGet);
  run();
  Stream stream = owed_.at(0).stream(Response{.body = "not sent"});
  EXPECT_TRUE(connection_->streaming());
  EXPECT_TRUE(stream.send("one\n"));
  EXPECT_TRUE(stream.send(""));
  EXPECT_TRUE(stream.send(std::string(16, 'x')));
  run();
  EXPECT_THAT(peer_->sent(), HasSubstr("Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"));
  EXPECT_THAT(peer_->sent(), EndsWith("\r\n\r\n4\r\none\n\r\n10\r\nxxxxxxxxxxxxxxxx\r\n"));
  EXPECT_FALSE(peer_->closed());
  stream = Stream();
  run();
  EXPECT_THAT(peer_->sent(), EndsWith("\r\n0\r\n\r\n"));
  EXPECT_FALSE(connection_->streaming());
  EXPECT_TRUE(finished_after_end());
}

TEST_F(ServerConnectionTest, StreamsToAnOldClientUpToTheEnd) {
  later_ = true;
  connect();
  peer_->deliver("GET /a HTTP/1.0\r\n\r\n");
  run();
  {
    const Response head;
    Stream stream = owed_.at(0).stream(head);
    EXPECT_TRUE(stream.send("one\n"));
  }
  run();
  EXPECT_THAT(peer_->sent(), EndsWith("\r\n\r\none\n"));
  EXPECT_EQ(count(peer_->sent(), "chunked"), 0U);
  EXPECT_TRUE(finished_after_end());
}

TEST_F(ServerConnectionTest, AStreamForHeadIsOverAtOnce) {
  later_ = true;
  connect();
  peer_->deliver("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n");
  run();
  const Response head;
  const Stream stream = owed_.at(0).stream(head);
  EXPECT_FALSE(stream.open());
  run();
  EXPECT_THAT(peer_->sent(), EndsWith("Connection: close\r\n\r\n"));
  EXPECT_TRUE(finished_after_end());
}

TEST_F(ServerConnectionTest, TellsAStreamThatItsClientIsGone) {
  for (const bool deleted : {false, true}) {
    owed_.clear();
    later_ = true;
    connect();
    peer_->deliver(kGet);
    run();
    const Response head;
    auto stream = std::make_unique<Stream>(owed_.at(0).stream(head));
    int gone = 0;
    stream->on_gone([&] {
      ++gone;
      stream.reset();
    });
    if (deleted) {
      connection_.reset();
    } else {
      peer_->end();
      run();
      EXPECT_TRUE(connection_->finished());
    }
    EXPECT_EQ(gone, 1);
    EXPECT_EQ(stream, nullptr);
  }
}

TEST_F(ServerConnectionTest, AStreamTakesNoMoreThanItsLimit) {
  later_ = true;
  connect({.accept_per_turn = 0});
  peer_->deliver(kGet);
  run();
  const Response head;
  Stream stream = owed_.at(0).stream(head);
  const std::string piece(Stream::kMaxUnsent / 2 - 1'024, 'x');
  EXPECT_TRUE(stream.send(piece));
  EXPECT_TRUE(stream.send(piece));
  EXPECT_FALSE(stream.send(piece));
  EXPECT_TRUE(stream.open());
}

}  // namespace
}  // namespace gatepost::http
