#include "proxy/net/stream_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/net/listener.h"
#include "proxy/net/resolver.h"
#include "proxy/net/tcp_connector.h"
#include "tests/support/leak_check.h"
#include "tests/unit/net/sockets.h"

namespace gatepost::net {
namespace {

using ::gatepost::testing::Peer;
using ::gatepost::testing::PeerListener;
using ::gatepost::testing::run_for;
using ::gatepost::testing::run_until;
using ::gatepost::testing::TestFolder;
using ::gatepost::testing::TestPool;

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
  return text;
}

/// More than the buffers of the kernel hold for one connection.
constexpr std::size_t kLarge = 12 * 1024 * 1024;

/// A transport made by a Listener and the client at its other end.
class StreamTransportTest : public ::testing::Test, protected TransportObserver {
 protected:
  void connect(const Endpoint& at = {"127.0.0.1", 0, {}}, int receive_buffer = 0) {
    auto sockets = open_listen_sockets(at, 1, 0600);
    ASSERT_TRUE(sockets) << sockets.error().detail;
    auto listener = Listener::start(
        loop_, *pool_.operator->(), std::move(sockets->fds.front()),
        [this](auto accepted) { transport_ = std::move(accepted); }, [](const Error&) {});
    ASSERT_TRUE(listener);
    peer_ = Peer::connect(sockets->bound, receive_buffer);
    ASSERT_TRUE(run_until(loop_, [this] { return transport_ != nullptr; }));
    transport_->set_observer(this);
    transport_->settle();
  }
  void on_activity() override {
    ++calls_;
    if (on_call_) on_call_();
  }
  ByteChain bytes(std::string_view text) { return {pool_, text}; }
  /// Sends with a client that does not read until some of it has to wait here.
  /// Returns how much was sent in all.
  std::size_t send_until_stuck() {
    constexpr std::size_t kPiece = 1024 * 1024;
    std::size_t sent = 0;
    do {
      transport_->send(bytes(pattern(kPiece)));
      transport_->settle();
      sent += kPiece;
    } while (transport_->unsent() == 0);
    return sent;
  }
  bool received(std::string_view text) {
    return run_until(loop_, [&] { return transport_->received().to_string() == text; });
  }
  bool ended() {
    return run_until(loop_, [this] { return transport_->end().has_value(); });
  }
  bool peer_ends(Peer::End how) {
    return run_until(loop_, [this] { return peer_.end() != Peer::End::none; }) &&
           peer_.end() == how;
  }

  TestPool pool_;
  Loop loop_;
  Peer peer_;
  std::unique_ptr<Transport> transport_;
  int calls_ = 0;
  std::function<void()> on_call_;
};

TEST_F(StreamTransportTest, CarriesBytesBothWays) {
  connect();
  peer_.send("USER joe\r\n");
  EXPECT_TRUE(received("USER joe\r\n"));
  EXPECT_GT(calls_, 0);
  transport_->received().clear();
  transport_->send(bytes("+OK\r\n"));
  transport_->settle();
  EXPECT_TRUE(run_until(loop_, [this] { return peer_.receive() == "+OK\r\n"; }));
  EXPECT_EQ(transport_->unsent(), 0U);
}

TEST_F(StreamTransportTest, IsPlainFromTheStart) {
  connect();
  EXPECT_TRUE(transport_->established());
  EXPECT_EQ(transport_->tls(), nullptr);
  EXPECT_EQ(transport_->end(), std::nullopt);
}

TEST_F(StreamTransportTest, ReadsNothingBeforeTheFirstSettle) {
  auto sockets = open_listen_sockets({"127.0.0.1", 0, {}}, 1, 0600);
  ASSERT_TRUE(sockets);
  auto listener = Listener::start(
      loop_, pool_, std::move(sockets->fds.front()),
      [this](auto accepted) { transport_ = std::move(accepted); }, [](const Error&) {});
  peer_ = Peer::connect(sockets->bound);
  peer_.send("early");
  ASSERT_TRUE(run_until(loop_, [this] { return transport_ != nullptr; }));
  run_for(loop_, Duration(30));
  EXPECT_TRUE(transport_->received().empty());
  transport_->settle();
  EXPECT_TRUE(received("early"));
}

TEST_F(StreamTransportTest, KeepsWhatIsQueuedUntilSettle) {
  connect();
  transport_->send(bytes("+OK "));
  transport_->send(bytes("later\r\n"));
  EXPECT_EQ(transport_->unsent(), 11U);
  run_for(loop_, Duration(20));
  EXPECT_EQ(peer_.receive(), "");
  transport_->settle();
  EXPECT_TRUE(run_until(loop_, [this] { return peer_.receive() == "+OK later\r\n"; }));
}

TEST_F(StreamTransportTest, StopsReadingAtTheReceiveLimit) {
  connect();
  const std::string text = pattern(200 * 1024);
  std::size_t sent = peer_.send(text);
  run_until(loop_, [this] { return transport_->received().size() >= 4096; });
  run_for(loop_, Duration(50));
  EXPECT_EQ(transport_->received().size(), StreamTransport::kClientReceiveLimit);

  // Each settle() after something was consumed lets more in, up to the limit again.
  std::string got;
  EXPECT_TRUE(run_until(loop_, [&] {
    EXPECT_LE(transport_->received().size(), StreamTransport::kClientReceiveLimit);
    got += transport_->received().to_string();
    transport_->received().clear();
    transport_->settle();
    if (sent < text.size()) sent += peer_.send(std::string_view(text).substr(sent));
    return got.size() == text.size();
  }));
  EXPECT_EQ(got, text);
}

TEST_F(StreamTransportTest, GoesOnReadingWhenOnlySomeWasConsumed) {
  connect();
  peer_.send(pattern(8192));
  ASSERT_TRUE(run_until(loop_, [this] { return transport_->received().size() == 4096; }));
  transport_->received().consume(1000);
  transport_->settle();
  ASSERT_TRUE(run_until(loop_, [this] { return transport_->received().size() == 4096; }));
  EXPECT_EQ(transport_->received().to_string(), pattern(8192).substr(1000, 4096));
}

TEST_F(StreamTransportTest, DeliversLargeDataToASlowReader) {
  connect({"127.0.0.1", 0, {}}, 4096);
  const std::string text = pattern(kLarge);
  transport_->send(bytes(text));
  transport_->settle();
  EXPECT_GT(transport_->unsent(), 0U);
  run_for(loop_, Duration(20));
  EXPECT_GT(transport_->unsent(), 0U) << "the peer did not read";
  ASSERT_TRUE(run_until(loop_, [&] { return peer_.receive().size() >= text.size(); }));
  EXPECT_TRUE(peer_.receive() == text);
  EXPECT_EQ(transport_->unsent(), 0U);
  EXPECT_EQ(pool_->held_blocks(), 0U);
}

TEST_F(StreamTransportTest, KeepsTheOrderOfManySmallPieces) {
  connect({"127.0.0.1", 0, {}}, 4096);
  const std::string text = pattern(600 * 1024);
  // Many slices: more than one write takes.
  ByteChain chain;
  for (std::size_t at = 0; at < text.size(); at += 977) {
    chain.append(pool_, std::string_view(text).substr(at, 977));
    const ByteChain gap = bytes("-");  // so that the next one does not adjoin
  }
  ASSERT_GT(chain.slices().size(), 500U);
  const std::size_t before = send_until_stuck();
  transport_->send(std::move(chain));
  transport_->settle();
  ASSERT_TRUE(run_until(loop_, [&] { return peer_.receive().size() == before + text.size(); }));
  EXPECT_EQ(transport_->unsent(), 0U);
  EXPECT_TRUE(peer_.receive().ends_with(text));
}

TEST_F(StreamTransportTest, UnsentGoesDownWithEveryPartThatThePeerTakes) {
  const TestFolder folder;
  connect({"", 0, folder / "s"});  // where the kernel holds little, so the parts are small
  transport_->send(bytes(pattern(kLarge)));
  transport_->settle();
  std::size_t steps = 0;
  std::size_t last = transport_->unsent();
  ASSERT_TRUE(run_until(loop_, [&] {
    peer_.receive();
    const std::size_t now = transport_->unsent();
    EXPECT_LE(now, last);
    if (now < last) ++steps;
    last = now;
    return now == 0;
  }));
  EXPECT_GT(steps, 10U);
}

TEST_F(StreamTransportTest, TellsWhenThereIsRoomToSendAgain) {
  connect({"127.0.0.1", 0, {}}, 4096);
  send_until_stuck();
  const int before = calls_;
  EXPECT_TRUE(run_until(loop_, [this] {
    peer_.receive();
    return transport_->unsent() == 0;
  }));
  EXPECT_GT(calls_, before);
}

TEST_F(StreamTransportTest, AnOrderlyEndLeavesWhatWasReceived) {
  connect();
  peer_.send("QUIT\r\n");
  peer_.end_sending();
  ASSERT_TRUE(ended());
  EXPECT_EQ(transport_->end()->code, ErrorCode::closed);
  EXPECT_EQ(transport_->received().to_string(), "QUIT\r\n");
  // The other direction still works.
  transport_->send(bytes("+OK bye\r\n"));
  transport_->settle();
  EXPECT_TRUE(run_until(loop_, [this] { return peer_.receive() == "+OK bye\r\n"; }));
}

TEST_F(StreamTransportTest, SeesTheEndOnlyBehindAllBytes) {
  connect();
  const std::string text = pattern(20'000);
  ASSERT_EQ(peer_.send(text), text.size());
  peer_.end_sending();
  std::string got;
  ASSERT_TRUE(run_until(loop_, [&] {
    got += transport_->received().to_string();
    transport_->received().clear();
    transport_->settle();
    return transport_->end().has_value();
  }));
  got += transport_->received().to_string();
  EXPECT_EQ(got, text);
}

TEST_F(StreamTransportTest, AResetIsANetworkError) {
  connect();
  peer_.reset();
  ASSERT_TRUE(ended());
  EXPECT_EQ(transport_->end()->code, ErrorCode::network);
}

TEST_F(StreamTransportTest, AResetThatAWriteSawFirstIsNoOrderlyEnd) {
  connect();
  peer_.reset();
  transport_->send(bytes("+OK\r\n"));  // before the loop reads
  transport_->settle();
  ASSERT_TRUE(ended());
  EXPECT_EQ(transport_->end()->code, ErrorCode::network);
  EXPECT_EQ(transport_->unsent(), 0U);
}

TEST_F(StreamTransportTest, ReadsWhatAPeerSaidBeforeItLeftAlthoughWritingFails) {
  connect();
  peer_.send(pattern(6000));
  ASSERT_TRUE(run_until(loop_, [this] { return transport_->received().size() == 4096; }));
  peer_.close();  // 1904 octets and the end are still in our kernel
  const auto write = [this] {
    transport_->send(bytes("more\r\n"));
    transport_->settle();
  };
  // The first is answered with a reset; once that is here, the next ones fail.
  ASSERT_TRUE(run_until(loop_, [&] {
    write();
    return transport_->unsent() > 0;
  }));
  EXPECT_EQ(transport_->end(), std::nullopt);
  EXPECT_GT(transport_->unsent(), 0U) << "what was lost is not sent, until the end tells";
  std::string got;
  ASSERT_TRUE(run_until(loop_, [&] {
    got += transport_->received().to_string();
    transport_->received().clear();
    transport_->settle();
    return transport_->end().has_value();
  }));
  EXPECT_EQ(got, pattern(6000));
  // Who does not take what is sent has not ended one direction only: nobody may go on sending.
  EXPECT_EQ(transport_->end()->code, ErrorCode::network);
}

TEST_F(StreamTransportTest, FlushDeliversEverythingThenEnds) {
  connect({"127.0.0.1", 0, {}}, 4096);
  const std::string text = pattern(kLarge);
  transport_->send(bytes(text));
  transport_->close(CloseMode::flush);
  EXPECT_GT(transport_->unsent(), 0U);
  EXPECT_EQ(transport_->end(), std::nullopt) << "the peer's direction goes on";
  ASSERT_TRUE(peer_ends(Peer::End::fin));
  EXPECT_TRUE(peer_.receive() == text);
  peer_.close();
  ASSERT_TRUE(ended());
  EXPECT_EQ(transport_->end()->code, ErrorCode::closed);
}

TEST_F(StreamTransportTest, DropsWhatArrivesAfterClose) {
  connect();
  peer_.send("before");
  ASSERT_TRUE(received("before"));
  transport_->close(CloseMode::flush);
  EXPECT_TRUE(transport_->received().empty());
  peer_.send(pattern(100'000));
  peer_.end_sending();
  ASSERT_TRUE(ended());
  EXPECT_TRUE(transport_->received().empty());
}

TEST_F(StreamTransportTest, EndsAfterFlushEvenWhenThePeerResets) {
  connect({"127.0.0.1", 0, {}}, 4096);
  send_until_stuck();
  transport_->close(CloseMode::flush);
  peer_.reset();
  ASSERT_TRUE(ended());
  EXPECT_EQ(transport_->end()->code, ErrorCode::network);
  EXPECT_TRUE(run_until(loop_, [this] { return transport_->unsent() == 0; }));
}

TEST_F(StreamTransportTest, AbortResets) {
  connect();
  transport_->send(bytes("never"));
  transport_->close(CloseMode::abort);
  EXPECT_EQ(transport_->end()->code, ErrorCode::closed);
  EXPECT_EQ(transport_->unsent(), 0U);
  EXPECT_TRUE(peer_ends(Peer::End::reset));
  EXPECT_EQ(peer_.receive(), "");
}

TEST_F(StreamTransportTest, AbortAfterFlushDropsWhatIsStuck) {
  connect({"127.0.0.1", 0, {}}, 4096);
  send_until_stuck();
  transport_->close(CloseMode::flush);
  transport_->close(CloseMode::abort);
  EXPECT_EQ(transport_->unsent(), 0U);
  EXPECT_EQ(pool_->held_blocks(), 0U);
  EXPECT_TRUE(peer_ends(Peer::End::reset));
}

TEST_F(StreamTransportTest, MayBeAbortedInsideACall) {
  connect();
  on_call_ = [this] { transport_->close(CloseMode::abort); };
  peer_.send("x");
  EXPECT_TRUE(peer_ends(Peer::End::reset));
}

TEST_F(StreamTransportTest, CallsAfterAbortDoNothing) {
  connect();
  transport_->close(CloseMode::abort);
  EXPECT_FALSE(transport_->settle());
  transport_->close(CloseMode::flush);
  transport_->close(CloseMode::abort);
  run_for(loop_, Duration(10));
  EXPECT_EQ(calls_, 0);
}

TEST_F(StreamTransportTest, DestroyingItResets) {
  connect();
  transport_.reset();
  EXPECT_TRUE(peer_ends(Peer::End::reset));
}

TEST_F(StreamTransportTest, GivesMemoryBackWhenDestroyedWithAWriteInFlight) {
  connect({"127.0.0.1", 0, {}}, 4096);
  send_until_stuck();
  EXPECT_GT(pool_->held_blocks(), 0U);
  transport_.reset();
  EXPECT_EQ(pool_->held_blocks(), 0U) << "at once, not when libuv gets to it";
  EXPECT_TRUE(peer_ends(Peer::End::reset)) << "nobody may take half of it for all";
}

TEST_F(StreamTransportTest, DeliversAShortTextWhenDestroyedRightAfterFlush) {
  connect();
  transport_->send(bytes("-ERR full\r\n"));
  transport_->close(CloseMode::flush);
  transport_.reset();
  EXPECT_TRUE(peer_ends(Peer::End::fin));
  EXPECT_EQ(peer_.receive(), "-ERR full\r\n");
}

TEST_F(StreamTransportTest, ResetsWhenDestroyedBeforeTheFlushIsDone) {
  connect({"127.0.0.1", 0, {}}, 4096);
  send_until_stuck();
  transport_->close(CloseMode::flush);
  transport_.reset();
  EXPECT_TRUE(peer_ends(Peer::End::reset));
}

TEST_F(StreamTransportTest, MayBeDestroyedRightAfterAbort) {
  connect();
  transport_->close(CloseMode::abort);
  transport_.reset();
  EXPECT_TRUE(peer_ends(Peer::End::reset));
}

TEST_F(StreamTransportTest, WorksOverAUnixSocket) {
  const TestFolder folder;
  connect({"", 0, folder / "s"});
  EXPECT_EQ(transport_->peer().to_string(), "unix");
  peer_.send("CAPA\r\n");
  EXPECT_TRUE(received("CAPA\r\n"));
  transport_->send(bytes("+OK\r\n"));
  transport_->close(CloseMode::flush);
  EXPECT_TRUE(peer_ends(Peer::End::fin));
  EXPECT_EQ(peer_.receive(), "+OK\r\n");
}

TEST_F(StreamTransportTest, AbortClosesAUnixSocketAtOnce) {
  const TestFolder folder;
  connect({"", 0, folder / "s"});
  transport_->close(CloseMode::abort);
  EXPECT_TRUE(run_until(loop_, [this] { return peer_.end() != Peer::End::none; }));
}

TEST_F(StreamTransportTest, TakesMoreAtOnceFromUpstream) {
  const PeerListener upstream;
  Resolver resolver(loop_, std::chrono::seconds(30));
  TcpConnector connector(loop_, pool_, resolver);
  const Ticket ticket = connector.connect(upstream.at(), Duration(5000), [this](auto connected) {
    ASSERT_TRUE(connected);
    transport_ = std::move(*connected);
  });
  ASSERT_TRUE(run_until(loop_, [this] { return transport_ != nullptr; }));
  peer_ = upstream.accept();
  transport_->settle();
  const std::string text = pattern(300 * 1024);
  std::size_t sent = 0;
  run_until(loop_, [&] {
    sent += peer_.send(std::string_view(text).substr(sent));
    return transport_->received().size() >= StreamTransport::kReceiveLimit;
  });
  run_for(loop_, Duration(30));
  EXPECT_EQ(transport_->received().size(), StreamTransport::kReceiveLimit);
}

}  // namespace
}  // namespace gatepost::net
