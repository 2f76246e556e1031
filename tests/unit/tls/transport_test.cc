#include "proxy/tls/transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/support/chop.h"
#include "tests/unit/tls/tls_pair.h"

namespace gatepost::testing {
namespace {

using net::CloseMode;
using ::testing::HasSubstr;
using tls::TlsTransport;

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t x = 1;
  for (char& c : text) c = static_cast<char>((x = x * 1664525 + 1013904223) >> 24);
  return text;
}

class Transport : public ::testing::Test {
 protected:
  // An established pair whose wires behave as `wires` says from then on.
  std::unique_ptr<TlsPair> established(const WireOptions& wires = {}) {
    auto pair = std::make_unique<TlsPair>(*fixture_.client(), *fixture_.server());
    pair->run();
    EXPECT_TRUE(pair->established());
    pair->wires.at_a->options = wires;
    pair->wires.at_b->options = wires;
    return pair;
  }
  TlsFixture fixture_;
};

TEST_F(Transport, CarriesTextBothWays) {
  const auto pair = established();
  pair->server->say("+OK ready\r\n");
  pair->client->say("CAPA\r\n");
  pair->run();
  EXPECT_EQ(pair->client->got, "+OK ready\r\n");
  EXPECT_EQ(pair->server->got, "CAPA\r\n");
}

TEST_F(Transport, KeepsWhatIsSaidBeforeTheHandshake) {
  TlsPair pair(*fixture_.client(), *fixture_.server());
  pair.server->say("+OK ready\r\n");
  EXPECT_EQ(pair.server->transport->unsent(), 11U);
  pair.run();
  EXPECT_EQ(pair.client->got, "+OK ready\r\n");
}

TEST_F(Transport, CarriesTenMegabytesBothWays) {
  const std::string text = pattern(10 * 1024 * 1024);
  const auto pair = established({.accept_per_turn = 100'000});
  pair->server->say(text);
  pair->client->say(text);
  pair->run();
  EXPECT_TRUE(pair->client->got == text);
  EXPECT_TRUE(pair->server->got == text);
}

TEST_F(Transport, CarriesTextByteByByte) {
  const std::string text = pattern(3000);
  const auto pair = established({.deliver_per_turn = 1, .accept_per_turn = 1});
  pair->server->say(text);
  pair->client->say(text);
  pair->run();
  EXPECT_EQ(pair->client->got, text);
  EXPECT_EQ(pair->server->got, text);
}

TEST_F(Transport, CarriesTextInRandomPieces) {
  SCOPED_TRACE(Random::name());
  Random random;
  const std::string text = pattern(400'000);
  WireOptions wires;
  wires.deliver_sizes = [&random] { return random.between(1, 40'000); };
  wires.receive_limit = 20'000;
  wires.accept_per_turn = 30'000;
  const auto pair = established(wires);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t n = std::min(random.between(0, 9000), text.size() - at);
    pair->server->say(std::string_view(text).substr(at, n));
    pair->client->say(std::string_view(text).substr(at, n));
    at += n;
    if (random.between(0, 2) == 0) pair->wires.turn();
  }
  pair->run();
  EXPECT_TRUE(pair->client->got == text);
  EXPECT_TRUE(pair->server->got == text);
}

TEST_F(Transport, GathersSmallPiecesIntoLargeRecords) {
  const auto pair = established();
  const std::string line(80, 'x');
  for (int i = 0; i < 1000; ++i) {
    pair->server->transport->send(ByteChain(pair->pool, line));
    static_cast<void>(pair->pool.writable());
    Slice gap = pair->pool.commit(1);  // so that the pieces do not adjoin
  }
  pair->server->transport->settle();
  // 80,000 octets are 5 records; each adds 22 octets (RFC 8446 section 5.2).
  EXPECT_EQ(pair->wires.at_b->sent().size(), 80'000U + 5 * 22);
  pair->run();
  EXPECT_EQ(pair->client->got.size(), 80'000U);
}

TEST_F(Transport, EncryptsNoMoreThanIsAboutToLeave) {
  const auto pair = established({.accept_per_turn = 0});
  pair->wires.turn();  // from here on the wire takes nothing
  pair->server->transport->send(ByteChain(pair->pool, std::string(1'000'000, 'x')));
  pair->server->transport->settle();
  EXPECT_GE(pair->server->transport->unsent(), 1'000'000U);
  const std::size_t below = pair->wires.at_b->transport()->unsent();
  EXPECT_GE(below, TlsTransport::kMaxUnsentRecords);
  EXPECT_LE(below, TlsTransport::kMaxUnsentRecords + TlsTransport::kMaxRecord + 22);

  pair->wires.at_b->options.accept_per_turn = 50'000;
  pair->run();
  EXPECT_EQ(pair->server->transport->unsent(), 0U);
  EXPECT_EQ(pair->client->got.size(), 1'000'000U);
}

TEST_F(Transport, TellsTheOwnerThatThereIsRoom) {
  const auto pair = established({.accept_per_turn = 0});
  pair->wires.turn();
  pair->server->say("+OK\r\n");
  const std::size_t calls = pair->server->calls;
  pair->wires.at_b->turn();
  EXPECT_EQ(pair->server->calls, calls);
  pair->wires.at_b->options.accept_per_turn = 1000;
  pair->wires.at_b->turn();
  EXPECT_EQ(pair->server->calls, calls + 1);
}

TEST_F(Transport, DecryptsNoMoreThanTheLimit) {
  const auto pair = established();
  pair->server->taking = false;
  pair->client->say(std::string(500'000, 'x'));
  pair->run();
  // The limit was reached in the midst of a record, and one wire's worth waits encrypted.
  EXPECT_LT(pair->server->transport->received().size(),
            TlsTransport::kServerReceiveLimit + TlsTransport::kMaxRecord);
  EXPECT_GE(pair->wires.at_b->undelivered(), 64'000U);

  pair->server->taking = true;
  pair->server->pump();
  pair->run();
  EXPECT_EQ(pair->server->got.size(), 500'000U);
}

TEST_F(Transport, SettleTellsThatMoreWasDecrypted) {
  const auto pair = established();
  pair->server->taking = false;
  pair->client->say(std::string(40'000, 'x'));
  pair->run();
  net::Transport& server = *pair->server->transport;
  EXPECT_FALSE(server.settle());
  server.received().consume(server.received().size());
  EXPECT_TRUE(server.settle());
  EXPECT_FALSE(server.received().empty());
  server.received().clear();
}

TEST_F(Transport, TellsTheOwnerOnlyWhatChanged) {
  const auto pair = established();
  const std::size_t calls = pair->server->calls;
  pair->client->say("CAPA\r\n");
  pair->wires.at_b->options.deliver_per_turn = 1;
  pair->run();
  EXPECT_EQ(pair->server->got, "CAPA\r\n");
  EXPECT_EQ(pair->server->calls, calls + 1);
}

TEST_F(Transport, HoldsNoBlockWhenIdle) {
  const auto pair = established();
  EXPECT_EQ(pair->pool.held_blocks(), 0U);
  pair->server->say("+OK ready\r\n");
  pair->client->say("NOOP\r\n");
  pair->run();
  EXPECT_EQ(pair->pool.held_blocks(), 0U);
  EXPECT_LE(sizeof(TlsTransport), 512U);
}

TEST_F(Transport, FollowsKeyUpdates) {
  OddClient odd;
  auto ssl = odd.connection();
  SSL* client = ssl.get();
  TlsPair pair(std::move(ssl), *fixture_.server());
  pair.run();
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(SSL_key_update(client, SSL_KEY_UPDATE_REQUESTED), 1);
    pair.client->say("NOOP\r\n");
    pair.server->say("+OK\r\n");
    pair.run();
  }
  EXPECT_EQ(pair.server->got.size(), 600U);
  EXPECT_EQ(pair.client->got.size(), 500U);
}

TEST_F(Transport, EndsAFloodOfKeyUpdates) {
  OddClient odd;
  auto ssl = odd.connection();
  SSL* client = ssl.get();
  TlsPair pair(std::move(ssl), *fixture_.server());
  pair.run();
  for (int i = 0; i < 100 && !pair.server->transport->end(); ++i) {
    ASSERT_EQ(SSL_key_update(client, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    SSL_write(client, "", 0);
    pair.client->pump();
    pair.run();
  }
  ASSERT_TRUE(pair.server->transport->end());
  EXPECT_EQ(pair.server->transport->end()->code, ErrorCode::tls);
  EXPECT_THAT(pair.server->transport->end()->detail, HasSubstr("TOO_MANY_KEY_UPDATES"));
}

TEST_F(Transport, EndsWithCloseNotify) {
  const auto pair = established();
  pair->client->say("QUIT\r\n");
  pair->client->transport->close(CloseMode::flush);
  pair->run();
  EXPECT_EQ(pair->server->got, "QUIT\r\n");
  ASSERT_TRUE(pair->server->transport->end());
  EXPECT_EQ(pair->server->transport->end()->code, ErrorCode::closed);
  EXPECT_TRUE(pair->wires.at_a->saw_fin());
}

TEST_F(Transport, StillSendsAfterThePeersCloseNotify) {
  const auto pair = established();
  std::unique_ptr<net::Transport> other = std::move(pair->client->transport);
  // The client's end, without its FIN: only close_notify went.
  other->set_observer(nullptr);
  other->close(CloseMode::flush);
  pair->run();
  ASSERT_TRUE(pair->server->transport->end());
  const std::size_t before = pair->wires.at_b->total_sent();
  pair->server->say("+OK bye\r\n");
  EXPECT_GT(pair->wires.at_b->total_sent(), before);
  pair->client->transport = std::move(other);
}

TEST_F(Transport, TellsThatTheStreamWasCut) {
  const auto pair = established();
  pair->client->say("QUIT\r\n");
  pair->run();
  pair->wires.at_b->end(ErrorCode::closed);
  pair->run();
  EXPECT_EQ(pair->server->got, "QUIT\r\n");
  ASSERT_TRUE(pair->server->transport->end());
  EXPECT_EQ(pair->server->transport->end()->code, ErrorCode::truncated);
}

TEST_F(Transport, TellsThatAPeerWhoHadEndedOnlyItsSideIsGone) {
  const auto pair = established();
  pair->wires.at_b->end(ErrorCode::closed);
  pair->run();
  ASSERT_EQ(pair->server->transport->end()->code, ErrorCode::truncated);
  pair->wires.at_b->options.fail_send_at = pair->wires.at_b->total_sent() + 10;
  pair->server->say("more than ten octets");
  pair->run();
  EXPECT_EQ(pair->server->transport->end()->code, ErrorCode::network);
}

TEST_F(Transport, TellsThatTheStreamWasCutInsideARecord) {
  const auto pair = established();
  pair->client->say("QUIT\r\n");
  std::string record = pair->wires.at_a->take_sent();
  record.pop_back();
  pair->wires.at_b->deliver(record);
  pair->wires.at_b->end(ErrorCode::closed);
  pair->run();
  EXPECT_EQ(pair->server->got, "");
  ASSERT_TRUE(pair->server->transport->end());
  EXPECT_EQ(pair->server->transport->end()->code, ErrorCode::truncated);
}

TEST_F(Transport, PassesOnAReset) {
  const auto pair = established();
  pair->wires.at_b->break_now(ErrorCode::network);
  pair->run();
  ASSERT_TRUE(pair->server->transport->end());
  EXPECT_EQ(pair->server->transport->end()->code, ErrorCode::network);
}

TEST_F(Transport, RefusesARecordThatWasTamperedWith) {
  const auto pair = established();
  pair->client->say("RETR 1\r\n");
  std::string record = pair->wires.at_a->take_sent();
  record.back() = static_cast<char>(record.back() ^ 1);
  pair->wires.at_b->deliver(record);
  pair->run();
  EXPECT_EQ(pair->server->got, "");
  ASSERT_TRUE(pair->server->transport->end());
  EXPECT_EQ(pair->server->transport->end()->code, ErrorCode::tls);
  // The client hears of it.
  ASSERT_TRUE(pair->client->transport->end());
  EXPECT_THAT(pair->client->transport->end()->detail, HasSubstr("bad record mac"));
  pair->server->say("lost");  // without effect
  EXPECT_EQ(pair->server->transport->unsent(), 0U);
}

TEST_F(Transport, CloseSendsAllThatIsQueued) {
  const std::string text = pattern(1'000'000);
  const auto pair = established({.accept_per_turn = 10'000});
  pair->server->transport->send(ByteChain(pair->pool, text));
  pair->server->transport->close(CloseMode::flush);
  pair->run();
  EXPECT_TRUE(pair->client->got == text);
  ASSERT_TRUE(pair->client->transport->end());
  EXPECT_EQ(pair->client->transport->end()->code, ErrorCode::closed);
}

TEST_F(Transport, AbortSendsNothing) {
  const auto pair = established({.accept_per_turn = 0});
  pair->wires.turn();
  const std::size_t before = pair->wires.at_b->total_sent();
  pair->server->say("+OK\r\n");
  pair->server->transport->close(CloseMode::abort);
  pair->run();
  EXPECT_EQ(pair->wires.at_b->total_sent(), before);
  EXPECT_TRUE(pair->wires.at_b->saw_reset());
  EXPECT_EQ(pair->server->transport->unsent(), 0U);
}

TEST_F(Transport, CloseDuringTheHandshakeSaysNothing) {
  TlsPair pair(*fixture_.client(), *fixture_.server());
  pair.server->transport->close(CloseMode::flush);
  pair.run();
  EXPECT_EQ(pair.wires.at_b->total_sent(), 0U);
  ASSERT_TRUE(pair.client->transport->end());
}

TEST_F(Transport, MayBeClosedInsideOnActivity) {
  struct Closer final : net::TransportObserver {
    explicit Closer(net::Transport& t) : transport(t) {}
    void on_activity() override { transport.close(CloseMode::abort); }
    net::Transport& transport;
  };
  const auto pair = established();
  Closer closer(*pair->server->transport);
  pair->server->transport->set_observer(&closer);
  pair->client->say("CAPA\r\n");
  pair->run();
  EXPECT_EQ(pair->wires.at_b->closed(), CloseMode::abort);
}

TEST_F(Transport, MayGoAtAnyTime) {
  for (std::size_t turns = 0; turns < 12; ++turns) {
    TlsPair pair(*fixture_.client(), *fixture_.server(), {.deliver_per_turn = 200});
    pair.server->say("+OK ready\r\n");
    for (std::size_t i = 0; i < turns; ++i) pair.wires.turn();
    pair.server.reset();
    pair.wires.run();
    EXPECT_TRUE(pair.client->transport->end());
  }
}

TEST_F(Transport, RefusesTextThatCameBeforeTls) {
  for (const bool as_client : {false, true}) {
    BlockPool pool;
    auto [plain, peer] = make_memory_transport(pool);
    peer->deliver("STAT\r\n");
    peer->turn();
    const std::shared_ptr<const net::TlsLayer> layer =
        as_client ? std::shared_ptr<const net::TlsLayer>(fixture_.client()) : fixture_.server();
    const auto wrapped = layer->wrap(std::move(plain), pool);
    ASSERT_FALSE(wrapped);
    EXPECT_EQ(wrapped.error().code, ErrorCode::protocol);
    EXPECT_TRUE(peer->destroyed());
  }
}

}  // namespace
}  // namespace gatepost::testing
