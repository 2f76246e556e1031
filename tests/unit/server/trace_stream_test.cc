#include "proxy/server/trace_stream.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "proxy/http/server_connection.h"
#include "tests/support/memory_transport.h"

namespace gatepost::server {
namespace {

/// A client that asked for a trace; the loop is turned by the test.
class TraceStreamTest : public ::testing::Test {
 protected:
  TraceStreamTest() {
    testing::WireOptions options;
    options.accept_per_turn = 0;
    auto wire = testing::make_memory_transport(pool_, std::move(options));
    peer_ = wire.peer;
    connection_ = std::make_unique<http::ServerConnection>(
        std::move(wire.transport), pool_, [this](const http::Request&, http::Responder responder) {
          stream_->begin(std::move(responder), "header\n");
        });
    peer_->deliver("POST /trace HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_->turn();
  }
  ~TraceStreamTest() override { stream_->close(); }

  /// Turns everything for a while.
  void turn() {
    auto stop = loop_.make_timer([this] { loop_.stop(); });
    stop->start(Duration(60));
    loop_.run();
    while (peer_->turn()) {
    }
  }

  net::Loop loop_;
  BlockPool pool_;
  int overs_ = 0;
  std::shared_ptr<TraceStream> stream_ = std::make_shared<TraceStream>(loop_, [this] { ++overs_; });
  std::shared_ptr<testing::MemoryPeer> peer_;
  std::unique_ptr<http::ServerConnection> connection_;
};

TEST_F(TraceStreamTest, TakesOnlyWhatFits) {
  const std::string line(64 * 1024, 'x');
  std::size_t taken = 0;
  while (taken < 100 && stream_->take(line)) ++taken;
  EXPECT_EQ(taken, TraceStream::kMaxWaiting / line.size());
  turn();
  // Of a client that reads, all of it arrives, and there is room again.
  peer_->options.accept_per_turn = testing::WireOptions::kUnlimited;
  for (int i = 0; i < 10; ++i) turn();
  EXPECT_TRUE(peer_->sent().contains("header\n"));
  EXPECT_GE(peer_->sent().size(), taken * line.size());
  EXPECT_TRUE(stream_->take(line));
  EXPECT_EQ(overs_, 0);
}

TEST_F(TraceStreamTest, EndsBehindTheLastLine) {
  peer_->options.accept_per_turn = testing::WireOptions::kUnlimited;
  EXPECT_TRUE(stream_->take("last\n"));
  stream_->over("time");
  turn();
  EXPECT_TRUE(peer_->sent().contains("last\n"));
  EXPECT_EQ(overs_, 1);
}

TEST_F(TraceStreamTest, EndsWhenTheClientGoes) {
  peer_->break_now();
  turn();
  EXPECT_EQ(overs_, 1);
}

}  // namespace
}  // namespace gatepost::server
