#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "proxy/tls/client_hello.h"
#include "proxy/tls/handshake_failure.h"
#include "proxy/tls/pem.h"
#include "tests/unit/tls/tls_pair.h"

namespace gatepost::testing {
namespace {

using ::testing::EndsWith;
using tls::HandshakeFailure;

/// What an odd client sends and gets.
class ServerName : public ::testing::Test {
 protected:
  /// The common name of the certificate that a client gets who asks for `name` ("": for none); "-"
  /// if the handshake fails.
  std::string served(const tls::ServerContext& server, const std::string& name) {
    bssl::UniquePtr<SSL> ssl(SSL_new(odd_.context()));
    SSL* client = ssl.get();
    SSL_set_connect_state(client);
    if (!name.empty()) SSL_set_tlsext_host_name(client, name.c_str());
    TlsPair pair(std::move(ssl), server);
    pair.run();
    if (!pair.established()) return "-";
    EXPECT_EQ(pair.server->transport->tls()->server_name, name);
    const bssl::UniquePtr<X509> leaf(SSL_get_peer_certificate(client));
    const std::string common_name = tls::subject_of(*leaf).substr(3);
    EXPECT_THAT(pair.server->transport->tls()->identity, EndsWith("/" + common_name + ".pem"));
    const std::uint8_t* staple = nullptr;
    std::size_t size = 0;
    SSL_get0_ocsp_response(client, &staple, &size);
    staple_.assign(reinterpret_cast<const char*>(staple), size);
    return common_name;
  }
  std::shared_ptr<const tls::Identity> identity(const std::string& common_name,
                                                const std::vector<std::string>& names,
                                                CertificateRequest request = {}) {
    request.common_name = common_name;
    request.dns = names;
    return fixture_.identity(fixture_.authority.issue(request), common_name);
  }
  void only_tls12() { SSL_CTX_set_max_proto_version(odd_.context(), TLS1_2_VERSION); }
  void verify_with(std::vector<std::uint16_t> signatures) {
    ASSERT_EQ(
        SSL_CTX_set_verify_algorithm_prefs(odd_.context(), signatures.data(), signatures.size()),
        1);
  }

  TlsFixture fixture_;
  OddClient odd_;
  std::string staple_;
};

TEST_F(ServerName, ChoosesTheCertificate) {
  const auto server =
      TlsFixture::server({.identities = {identity("default", {"mail.example.org"}),
                                         identity("wild", {"*.example.net"}),
                                         identity("pop", {"pop.example.net", "POP.example.com"})}});
  for (const bool old : {false, true}) {
    if (old) only_tls12();
    EXPECT_EQ(served(*server, "mail.example.org"), "default");
    EXPECT_EQ(served(*server, "pop.example.net"), "pop");
    EXPECT_EQ(served(*server, "Pop.EXAMPLE.net"), "pop");
    EXPECT_EQ(served(*server, "pop.example.com"), "pop");
    EXPECT_EQ(served(*server, "imap.example.net"), "wild");
    // A wildcard is one label, not none and not two.
    EXPECT_EQ(served(*server, "example.net"), "default");
    EXPECT_EQ(served(*server, "a.b.example.net"), "default");
    EXPECT_EQ(served(*server, "*.example.net"), "wild");
    // Without an alert, as with no name at all.
    EXPECT_EQ(served(*server, "unknown.example.org"), "default");
    EXPECT_EQ(served(*server, ""), "default");
    EXPECT_EQ(served(*server, std::string(255, 'a')), "default");
  }
}

TEST_F(ServerName, TakesTheFirstOfTwoCertificatesAlike) {
  const auto server = TlsFixture::server({.identities = {identity("first", {"a.example.org"}),
                                                         identity("second", {"a.example.org"})}});
  EXPECT_EQ(served(*server, "a.example.org"), "first");
}

TEST_F(ServerName, ServesAThousandNames) {
  tls::ServerOptions options;
  std::vector<std::string> names;
  for (int i = 0; i < 1000; ++i) names.push_back("n" + std::to_string(i) + ".example.org");
  options.identities = {identity("default", {"mail.example.org"}), identity("many", names)};
  const auto server = TlsFixture::server(options);
  EXPECT_EQ(served(*server, "n999.example.org"), "many");
  EXPECT_EQ(served(*server, "n1000.example.org"), "default");
}

TEST_F(ServerName, ChoosesTheKeyThatTheClientCanUse) {
  // RSA first: the order of the configuration does not matter between kinds.
  const auto server =
      TlsFixture::server({.identities = {identity("rsa", {"mail.example.org"}, {.rsa = true}),
                                         identity("other", {"other.example.org"}),
                                         identity("ecdsa", {"mail.example.org"})}});
  EXPECT_EQ(served(*server, "mail.example.org"), "ecdsa");
  EXPECT_EQ(served(*server, "unknown"), "ecdsa");
  EXPECT_EQ(served(*server, ""), "ecdsa");
  verify_with({SSL_SIGN_RSA_PSS_RSAE_SHA256, SSL_SIGN_RSA_PKCS1_SHA256});
  EXPECT_EQ(served(*server, "mail.example.org"), "rsa");
  EXPECT_EQ(served(*server, ""), "rsa");
  // Its own certificate it cannot use: better one for another name than none.
  EXPECT_EQ(served(*server, "other.example.org"), "rsa");
  only_tls12();
  EXPECT_EQ(served(*server, "mail.example.org"), "rsa");
  verify_with({SSL_SIGN_ECDSA_SECP256R1_SHA256, SSL_SIGN_RSA_PKCS1_SHA256});
  EXPECT_EQ(served(*server, "mail.example.org"), "ecdsa");
  // What counts with TLS 1.2 are the suites, too.
  SSL_CTX_set_strict_cipher_list(odd_.context(), "ECDHE-RSA-AES128-GCM-SHA256");
  EXPECT_EQ(served(*server, "mail.example.org"), "rsa");
  SSL_CTX_set_strict_cipher_list(odd_.context(), "ECDHE-ECDSA-AES128-GCM-SHA256");
  EXPECT_EQ(served(*server, "mail.example.org"), "ecdsa");
}

TEST_F(ServerName, LooksAtTheCurve) {
  const auto server =
      TlsFixture::server({.identities = {identity("p384", {"mail.example.org"}, {.curve = "P-384"}),
                                         identity("rsa", {"mail.example.org"}, {.rsa = true})}});
  EXPECT_EQ(served(*server, "mail.example.org"), "p384");
  verify_with({SSL_SIGN_ECDSA_SECP256R1_SHA256, SSL_SIGN_RSA_PSS_RSAE_SHA256});
  EXPECT_EQ(served(*server, "mail.example.org"), "rsa");
  only_tls12();
  EXPECT_EQ(served(*server, "mail.example.org"), "p384");
  ASSERT_EQ(SSL_CTX_set1_curves_list(odd_.context(), "X25519:P-256"), 1);
  EXPECT_EQ(served(*server, "mail.example.org"), "rsa");
}

TEST_F(ServerName, ServesEd25519ToWhomKnowsIt) {
  const auto server = TlsFixture::server(
      {.identities = {identity("ed25519", {"mail.example.org"}, {.ed25519 = true}),
                      identity("rsa", {"mail.example.org"}, {.rsa = true})}});
  EXPECT_EQ(served(*server, "mail.example.org"), "rsa");
  verify_with({SSL_SIGN_RSA_PSS_RSAE_SHA256, SSL_SIGN_ED25519});
  EXPECT_EQ(served(*server, "mail.example.org"), "ed25519");
  only_tls12();
  EXPECT_EQ(served(*server, "mail.example.org"), "ed25519");
}

TEST_F(ServerName, FailsWhereNoCertificateSuits) {
  const auto server = TlsFixture::server({.identities = {identity("ecdsa", {"mail.example.org"})}});
  verify_with({SSL_SIGN_RSA_PSS_RSAE_SHA256});
  TlsPair pair(odd_.connection(), *server);
  pair.run();
  EXPECT_EQ(tls::handshake_failure(*pair.server->transport), HandshakeFailure::no_shared_cipher);
}

TEST_F(ServerName, RefusesSha1SignaturesFromTls12On) {
  only_tls12();
  verify_with({SSL_SIGN_RSA_PKCS1_SHA1, SSL_SIGN_ECDSA_SHA1});
  for (const bool rsa : {false, true}) {
    const auto server =
        TlsFixture::server({.identities = {identity("a", {"mail.example.org"}, {.rsa = rsa})}});
    EXPECT_EQ(served(*server, "mail.example.org"), "-");
  }
}

TEST_F(ServerName, StaplesWhatBelongsToTheCertificate) {
  const Issued with = fixture_.authority.issue({.common_name = "with", .dns = {"with.example"}});
  const std::string ocsp = ocsp_response(with.certificate);
  const auto server = TlsFixture::server(
      {.identities = {
           fixture_.identity(fixture_.authority.issue({.common_name = "without"}), "without"),
           fixture_.identity(with, "with", ocsp)}});
  EXPECT_EQ(served(*server, "with.example"), "with");
  EXPECT_EQ(staple_, "") << "nobody asked";
  SSL_CTX_enable_ocsp_stapling(odd_.context());
  for (const bool old : {false, true}) {
    if (old) only_tls12();
    EXPECT_EQ(served(*server, "with.example"), "with");
    EXPECT_EQ(staple_, ocsp);
    EXPECT_EQ(served(*server, "mail.example.org"), "without");
    EXPECT_EQ(staple_, "");
  }
}

TEST_F(ServerName, NeedsACertificate) {
  const auto server = tls::ServerContext::create({.identities = {}});
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, ErrorCode::config);
}

// The lists of a ClientHello, cut anywhere: read whole or not at all.
TEST(ClientHello, ReadsListsWholeOrNotAtAll) {
  const std::vector<std::uint8_t> list = {0, 4, 0x08, 0x04, 0x04, 0x03};
  const auto numbers = tls::read_counted16(list);
  ASSERT_TRUE(numbers);
  EXPECT_THAT(*numbers, ::testing::ElementsAre(0x0804, 0x0403));
  for (std::size_t size = 0; size < list.size(); ++size) {
    EXPECT_FALSE(tls::read_counted16(std::span(list).first(size))) << size;
    EXPECT_EQ(tls::read_numbers(std::span(list).first(size)).has_value(), size % 2 == 0) << size;
  }
  EXPECT_FALSE(tls::read_counted8(list));
  EXPECT_TRUE(tls::read_counted8(std::vector<std::uint8_t>{2, 3, 4}));
  EXPECT_FALSE(tls::read_counted8(std::vector<std::uint8_t>{2, 3, 4, 5}));
  EXPECT_FALSE(tls::read_counted8(std::vector<std::uint8_t>{3, 3, 4, 3}));
}

}  // namespace
}  // namespace gatepost::testing
