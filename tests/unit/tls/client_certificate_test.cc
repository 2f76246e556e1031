#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "proxy/tls/context.h"
#include "proxy/tls/handshake_failure.h"
#include "tests/unit/tls/tls_pair.h"

namespace gatepost::testing {
namespace {

using ::testing::HasSubstr;
using tls::HandshakeFailure;
using tls::PeerCertificate;

// Runs with TLS 1.2 and with TLS 1.3, where the client has its turn at quite another time.
class ClientCertificate : public ::testing::TestWithParam<int> {
 protected:
  ClientCertificate() {
    SSL_CTX_set_max_proto_version(odd_.context(), static_cast<std::uint16_t>(GetParam()));
  }
  static CertificateRequest joe() {
    return {.common_name = "joe", .dns = {}, .purpose = "clientAuth", .organization = "Example"};
  }
  [[nodiscard]] std::shared_ptr<const tls::ServerContext> server(PeerCertificate mode,
                                                                 const std::string& ca_file) const {
    return TlsFixture::server({.identities = {fixture_.identity(fixture_.issued)},
                               .client_certificates = mode,
                               .client_ca_file = mode == PeerCertificate::off ? "" : ca_file,
                               .tickets = keys_});
  }
  [[nodiscard]] std::shared_ptr<const tls::ServerContext> server(PeerCertificate mode) const {
    return server(mode, clients_file_);
  }
  // The odd client shows this one from now on.
  void show(const Issued& issued) {
    const std::string chain = fixture_.files.write("client.pem", issued.certificate);
    const std::string key = fixture_.files.write("client.key", issued.key);
    ASSERT_EQ(SSL_CTX_use_certificate_chain_file(odd_.context(), chain.c_str()), 1);
    ASSERT_EQ(SSL_CTX_use_PrivateKey_file(odd_.context(), key.c_str(), SSL_FILETYPE_PEM), 1);
  }
  // The subject that the server sees; what is wrong with it otherwise.
  std::string seen(const tls::ServerContext& server, SSL_SESSION* session = nullptr,
                   const char* name = "mail.example.org") {
    auto ssl = odd_.connection(session);
    SSL_set_tlsext_host_name(ssl.get(), name);
    TlsPair pair(std::move(ssl), server);
    pair.run();
    const net::Transport& transport = *pair.server->transport;
    failure_ = tls::handshake_failure(transport);
    if (failure_) {
      EXPECT_FALSE(transport.established());
      EXPECT_EQ(transport.end()->code, ErrorCode::tls);
      EXPECT_THAT(pair.client->transport->end()->detail, HasSubstr("alert"));
      return transport.end()->detail;
    }
    EXPECT_TRUE(transport.established());
    pair.server->say("+OK\r\n");
    pair.run();
    EXPECT_EQ(pair.client->got, "+OK\r\n");
    resumed_ = transport.tls()->resumed;
    return transport.tls()->certificate;
  }

  TlsFixture fixture_;
  Authority clients_{"Clients' CA"};
  std::string clients_file_ = fixture_.files.write("clients.pem", clients_.certificate());
  OddClient odd_;
  std::shared_ptr<tls::TicketKeys> keys_ = std::make_shared<tls::TicketKeys>();
  std::optional<HandshakeFailure> failure_;
  bool resumed_ = false;
};

TEST_P(ClientCertificate, TellsTheSubject) {
  show(clients_.issue(joe()));
  EXPECT_EQ(seen(*server(PeerCertificate::optional)), "CN=joe,O=Example");
  EXPECT_EQ(seen(*server(PeerCertificate::required)), "CN=joe,O=Example");
}

TEST_P(ClientCertificate, IsNotAskedForWhenOff) {
  show(clients_.issue(joe()));
  EXPECT_EQ(seen(*server(PeerCertificate::off)), "");
  EXPECT_EQ(failure_, std::nullopt);
}

TEST_P(ClientCertificate, MayBeMissingWhereItIsOptional) {
  EXPECT_EQ(seen(*server(PeerCertificate::optional)), "");
  EXPECT_EQ(failure_, std::nullopt);
  EXPECT_THAT(seen(*server(PeerCertificate::required)), HasSubstr("the client has no certificate"));
  EXPECT_EQ(failure_, HandshakeFailure::no_certificate);
}

TEST_P(ClientCertificate, IsRefusedWhenItIsNotGood) {
  const auto refused = [&](const Issued& issued, const char* why) {
    show(issued);
    for (const auto mode : {PeerCertificate::optional, PeerCertificate::required}) {
      EXPECT_THAT(seen(*server(mode)), HasSubstr(why));
      EXPECT_EQ(failure_, HandshakeFailure::bad_certificate);
    }
  };
  CertificateRequest request = joe();
  refused(Authority("Other CA").issue(request), "unable to get local issuer");
  refused(self_signed(request), "self signed");
  request.from_day = -10;
  request.to_day = -1;
  refused(clients_.issue(request), "expired");
  request.from_day = 1;
  request.to_day = 10;
  refused(clients_.issue(request), "not yet valid");
  request = joe();
  request.purpose = "serverAuth";
  refused(clients_.issue(request), "purpose");
}

TEST_P(ClientCertificate, MayBeSignedByAnyOfTheCaFile) {
  const auto intermediate = clients_.intermediate("Intermediate");
  const std::string file = fixture_.files.write(
      "some.pem", fixture_.authority.certificate() + intermediate->certificate());
  show(intermediate->issue(joe()));
  EXPECT_EQ(seen(*server(PeerCertificate::required, file)), "CN=joe,O=Example");
  show(clients_.issue(joe()));
  EXPECT_THAT(seen(*server(PeerCertificate::required, file)), HasSubstr("issuer"));
}

TEST_P(ClientCertificate, StaysWithTheSession) {
  show(clients_.issue(joe()));
  const auto context = server(PeerCertificate::required);
  EXPECT_EQ(seen(*context), "CN=joe,O=Example");
  EXPECT_FALSE(resumed_);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(seen(*context, odd_.session()), "CN=joe,O=Example");
    EXPECT_TRUE(resumed_);
  }
}

TEST_P(ClientCertificate, SessionsDoNotCrossDemands) {
  const Authority others("Other clients' CA");
  const std::string file = fixture_.files.write("others.pem", others.certificate());
  show(clients_.issue(joe()));
  seen(*server(PeerCertificate::optional));
  SSL_SESSION_up_ref(odd_.session());
  const bssl::UniquePtr<SSL_SESSION> session(odd_.session());
  EXPECT_EQ(seen(*server(PeerCertificate::optional), session.get()), "CN=joe,O=Example");
  EXPECT_TRUE(resumed_);
  seen(*server(PeerCertificate::off), session.get());
  EXPECT_FALSE(resumed_);
  seen(*server(PeerCertificate::required), session.get());
  EXPECT_FALSE(resumed_);
  seen(*server(PeerCertificate::optional, file), session.get());
  EXPECT_EQ(failure_, HandshakeFailure::bad_certificate);
  seen(*server(PeerCertificate::optional), session.get(), "other.example.org");
  EXPECT_FALSE(resumed_);
  seen(*server(PeerCertificate::optional), session.get(), "MAIL.example.org");
  EXPECT_TRUE(resumed_);
}

TEST_P(ClientCertificate, EscapesControlCharactersOfTheSubject) {
  CertificateRequest request = joe();
  request.common_name = "joe\r\n\x1B[2J,O=Root";
  show(clients_.issue(request));
  EXPECT_EQ(seen(*server(PeerCertificate::required)), "CN=joe\\0D\\0A\\1B[2J\\,O=Root,O=Example");
}

TEST_P(ClientCertificate, RefusesASubjectWithoutEnd) {
  // 64 characters are allowed in a name (RFC 5280), and each of these takes three octets.
  CertificateRequest request = joe();
  std::string wide;
  for (int i = 0; i < 64; ++i) wide += "\xC3\xA4";
  request.common_name = wide;
  show(clients_.issue(request));
  EXPECT_EQ(seen(*server(PeerCertificate::required)).size(),
            std::string("CN=,O=Example").size() + 64 * 6);
  request.organization = wide;
  show(clients_.issue(request));
  EXPECT_THAT(seen(*server(PeerCertificate::required)), HasSubstr("more than 512 octets"));
  EXPECT_EQ(failure_, HandshakeFailure::bad_certificate);
}

TEST_P(ClientCertificate, RefusesAChainWithoutEnd) {
  Issued issued = clients_.issue(joe());
  const std::size_t copies = tls::kMaxPeerChain / 300;
  for (std::size_t i = 0; i < copies; ++i) issued.certificate += clients_.certificate();
  show(issued);
  EXPECT_NE(seen(*server(PeerCertificate::required)), "CN=joe,O=Example");
  EXPECT_EQ(failure_, HandshakeFailure::other);
}

TEST_P(ClientCertificate, NamesTheCaFileThatIsNoGood) {
  const std::string path = fixture_.files.write("bad.pem", "no certificate\n");
  const auto refused =
      tls::ServerContext::create({.identities = {fixture_.identity(fixture_.issued)},
                                  .client_certificates = PeerCertificate::optional,
                                  .client_ca_file = path});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::config);
  EXPECT_THAT(refused.error().detail, HasSubstr(path));
}

INSTANTIATE_TEST_SUITE_P(Versions, ClientCertificate,
                         ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) {
                           return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

}  // namespace
}  // namespace gatepost::testing
