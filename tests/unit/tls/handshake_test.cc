#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "proxy/tls/handshake_failure.h"
#include "tests/unit/tls/tls_pair.h"

namespace gatepost::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using tls::HandshakeFailure;
using tls::Version;

class Handshake : public ::testing::Test {
 protected:
  TlsFixture fixture_;
  OddClient odd_;
};

TEST_F(Handshake, StandsWithTls13AndTellsTheFacts) {
  TlsPair pair(*fixture_.client(), *fixture_.server());
  EXPECT_FALSE(pair.server->transport->established());
  EXPECT_EQ(pair.server->transport->tls(), nullptr);
  pair.run();
  ASSERT_TRUE(pair.established());
  const net::TlsFacts& facts = *pair.server->transport->tls();
  EXPECT_EQ(facts.version, "TLSv1.3");
  EXPECT_THAT(facts.cipher, StartsWith("TLS_"));
  EXPECT_EQ(facts.server_name, "mail.example.org");
  EXPECT_FALSE(facts.resumed);
  EXPECT_EQ(pair.client->transport->tls()->version, "TLSv1.3");
  EXPECT_FALSE(tls::handshake_failure(*pair.server->transport));
}

TEST_F(Handshake, StandsWithTls12AndForwardSecrecy) {
  for (const bool rsa : {false, true}) {
    SSL_CTX_set_max_proto_version(odd_.context(), TLS1_2_VERSION);
    TlsPair pair(odd_.connection(), *fixture_.server(fixture_.authority.issue({.rsa = rsa})));
    pair.run();
    ASSERT_TRUE(pair.established());
    EXPECT_EQ(pair.server->transport->tls()->version, "TLSv1.2");
    EXPECT_THAT(pair.server->transport->tls()->cipher,
                StartsWith(rsa ? "TLS_ECDHE_RSA_WITH_" : "TLS_ECDHE_ECDSA_WITH_"));
  }
}

TEST_F(Handshake, StandsByteByByte) {
  TlsPair pair(*fixture_.client(), *fixture_.server(), {.deliver_per_turn = 1});
  pair.run();
  EXPECT_TRUE(pair.established());
}

TEST_F(Handshake, StandsWhenTheWireTakesLittle) {
  TlsPair pair(*fixture_.client(), *fixture_.server(), {.accept_per_turn = 7});
  pair.run();
  EXPECT_TRUE(pair.established());
}

TEST_F(Handshake, StandsWithinSettleAlone) {
  TlsPair pair(*fixture_.client(), *fixture_.server(), {.read_in_settle = true});
  pair.run();
  EXPECT_TRUE(pair.established());
}

TEST_F(Handshake, SendsTheChain) {
  const auto intermediate = fixture_.authority.intermediate("Intermediate");
  Issued issued = intermediate->issue();
  issued.certificate += intermediate->certificate();
  TlsPair pair(*fixture_.client(), *fixture_.server(issued));
  pair.run();
  EXPECT_TRUE(pair.established());
}

// What the server says about an odd client, whose alert must have reached that client.
void expect_refused(TlsPair& pair, HandshakeFailure category, const char* words,
                    const char* alert) {
  pair.run();
  const net::Transport& server = *pair.server->transport;
  EXPECT_FALSE(server.established());
  EXPECT_EQ(tls::handshake_failure(server), category);
  ASSERT_TRUE(server.end());
  EXPECT_EQ(server.end()->code, ErrorCode::tls);
  EXPECT_THAT(server.end()->detail, HasSubstr(words));
  ASSERT_TRUE(pair.client->transport->end());
  EXPECT_THAT(pair.client->transport->end()->detail, HasSubstr(alert));
  EXPECT_EQ(tls::handshake_failure(*pair.client->transport), HandshakeFailure::peer_alert);
}

TEST_F(Handshake, RefusesTls11) {
  SSL_CTX_set_min_proto_version(odd_.context(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(odd_.context(), TLS1_1_VERSION);
  TlsPair pair(odd_.connection(), *fixture_.server());
  expect_refused(pair, HandshakeFailure::no_shared_version, "no TLS version in common",
                 "protocol version");
}

TEST_F(Handshake, RefusesTls12WhereTheMinimumIs13) {
  SSL_CTX_set_max_proto_version(odd_.context(), TLS1_2_VERSION);
  TlsPair pair(odd_.connection(), *fixture_.server(Version::tls1_3));
  expect_refused(pair, HandshakeFailure::no_shared_version, "no TLS version in common",
                 "protocol version");
}

TEST_F(Handshake, RefusesSuitesWithoutForwardSecrecyOrAead) {
  SSL_CTX_set_max_proto_version(odd_.context(), TLS1_2_VERSION);
  for (const char* suites : {"AES128-GCM-SHA256:AES256-SHA", "ECDHE-RSA-AES128-SHA"}) {
    ASSERT_EQ(SSL_CTX_set_strict_cipher_list(odd_.context(), suites), 1);
    TlsPair pair(odd_.connection(), *fixture_.server(fixture_.authority.issue({.rsa = true})));
    expect_refused(pair, HandshakeFailure::no_shared_cipher, "no cipher suite",
                   "handshake failure");
  }
}

TEST_F(Handshake, RefusesUnknownGroups) {
  ASSERT_EQ(SSL_CTX_set1_curves_list(odd_.context(), "P-521"), 1);
  TlsPair pair(odd_.connection(), *fixture_.server());
  expect_refused(pair, HandshakeFailure::no_shared_cipher, "group", "handshake failure");
}

void offer(SSL* ssl, const std::string& protocols) {
  ASSERT_EQ(SSL_set_alpn_protos(ssl, reinterpret_cast<const std::uint8_t*>(protocols.data()),
                                static_cast<unsigned>(protocols.size())),
            0);
}

TEST_F(Handshake, ChoosesPop3AmongTheProtocolsOffered) {
  auto ssl = odd_.connection();
  SSL* client = ssl.get();
  offer(client, "\x08http/1.1\x04pop3");
  TlsPair pair(std::move(ssl), *fixture_.server());
  pair.run();
  ASSERT_TRUE(pair.established());
  const std::uint8_t* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(client, &chosen, &size);
  EXPECT_EQ(std::string(chosen, chosen + size), "pop3");
}

TEST_F(Handshake, RefusesOtherProtocols) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    SSL_CTX_set_max_proto_version(odd_.context(), static_cast<std::uint16_t>(version));
    auto ssl = odd_.connection();
    offer(ssl.get(), "\x02h2\x08http/1.1");
    TlsPair pair(std::move(ssl), *fixture_.server());
    expect_refused(pair, HandshakeFailure::no_alpn, "ALPN", "no application protocol");
  }
}

TEST_F(Handshake, ServesAClientWithoutAlpn) {
  TlsPair pair(odd_.connection(), *fixture_.server());
  pair.run();
  EXPECT_TRUE(pair.established());
}

// What a server does when the client says `text` in place of a handshake.
void expect_not_tls(const TlsFixture& fixture, const std::string& text) {
  SCOPED_TRACE(text);
  BlockPool pool;
  auto [plain, peer] = make_memory_transport(pool);
  {
    auto wrapped = fixture.server()->wrap(std::move(plain), pool);
    ASSERT_TRUE(wrapped);
    Owner owner(std::move(*wrapped), pool);
    owner.pump();
    peer->deliver(text);
    while (peer->turn()) {
    }
    EXPECT_EQ(tls::handshake_failure(*owner.transport), HandshakeFailure::not_tls);
    ASSERT_TRUE(owner.transport->end());
    EXPECT_EQ(owner.transport->end()->code, ErrorCode::tls);
    EXPECT_THAT(owner.transport->end()->detail, HasSubstr("does not speak TLS"));
    EXPECT_EQ(owner.got, "");
    EXPECT_TRUE(owner.transport->received().empty());
  }
}

TEST_F(Handshake, InterpretsNothingOfPlainText) {
  expect_not_tls(fixture_, "CAPA\r\nUSER joe\r\n");
  expect_not_tls(fixture_, "QUIT\r\n");
  expect_not_tls(fixture_, "GET / HTTP/1.1\r\n\r\n");
  expect_not_tls(fixture_, "POST / HTTP/1.1\r\n\r\nUSER joe\r\n");
  expect_not_tls(fixture_, std::string(100, '\0'));
}

TEST_F(Handshake, TellsAnUpstreamWithoutTls) {
  BlockPool pool;
  auto [plain, peer] = make_memory_transport(pool);
  {
    auto wrapped = fixture_.client()->wrap(std::move(plain), pool);
    ASSERT_TRUE(wrapped);
    Owner owner(std::move(*wrapped), pool);
    owner.pump();
    peer->deliver("+OK POP3 ready\r\n");
    while (peer->turn()) {
    }
    EXPECT_EQ(tls::handshake_failure(*owner.transport), HandshakeFailure::not_tls);
  }
}

TEST_F(Handshake, TellsThatTheConnectionEnded) {
  for (const ErrorCode code : {ErrorCode::closed, ErrorCode::network}) {
    TlsPair pair(odd_.connection(), *fixture_.server());
    pair.wires.at_b->end(code);
    pair.run();
    EXPECT_EQ(tls::handshake_failure(*pair.server->transport), HandshakeFailure::closed);
    ASSERT_TRUE(pair.server->transport->end());
    EXPECT_EQ(pair.server->transport->end()->code, code);
    EXPECT_THAT(pair.server->transport->end()->detail, HasSubstr("during the TLS handshake"));
  }
}

TEST_F(Handshake, TellsTheAlertOfAPeerThatRefuses) {
  const Authority other("Other CA");
  TestFiles files;
  const auto client = tls::ClientContext::create(
      {.ca_file = files.write("ca.pem", other.certificate()), .server_name = "mail.example.org"});
  ASSERT_TRUE(client);
  TlsPair pair(**client, *fixture_.server());
  pair.run();
  EXPECT_EQ(tls::handshake_failure(*pair.server->transport), HandshakeFailure::peer_alert);
  ASSERT_TRUE(pair.server->transport->end());
  EXPECT_THAT(pair.server->transport->end()->detail, HasSubstr("unknown CA"));
}

TEST_F(Handshake, OffersNoEarlyData) {
  TlsPair first(odd_.connection(), *fixture_.server(fixture_.issued, Version::tls1_2,
                                                    std::make_shared<tls::TicketKeys>()));
  first.run();
  ASSERT_NE(odd_.session(), nullptr);
  EXPECT_EQ(SSL_SESSION_early_data_capable(odd_.session()), 0);
}

TEST_F(Handshake, MakesNoEmptyRecordWhereThereAreNoTickets) {
  for (const std::uint64_t finished :
       {std::uint64_t{1}, std::uint64_t{0}}) {  // 1.2: protected like data; 1.3: has other keys
    SSL_CTX_set_max_proto_version(odd_.context(), finished == 1 ? TLS1_2_VERSION : TLS1_3_VERSION);
    auto ssl = odd_.connection();
    const SSL* client = ssl.get();
    TlsPair pair(std::move(ssl), *fixture_.server());
    pair.run();
    ASSERT_TRUE(pair.established());
    EXPECT_EQ(SSL_get_read_sequence(client), finished);
  }
}

TEST_F(Handshake, WritesGreetingAndTicketsAtOnce) {
  const auto server =
      fixture_.server(fixture_.issued, Version::tls1_2, std::make_shared<tls::TicketKeys>());
  TlsPair pair(odd_.connection(), *server);
  pair.server->say("+OK ready\r\n");
  pair.run();
  EXPECT_EQ(pair.client->got, "+OK ready\r\n");
  EXPECT_NE(odd_.session(), nullptr);
}

TEST(HandshakeFailureOf, APlainTransportIsNothing) {
  BlockPool pool;
  const auto connection = make_memory_transport(pool);
  EXPECT_FALSE(tls::handshake_failure(*connection.transport));
}

}  // namespace
}  // namespace gatepost::testing
