#include "proxy/tls/client_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "proxy/tls/handshake_failure.h"
#include "tests/unit/tls/tls_pair.h"

namespace gatepost::testing {
namespace {

using ::testing::HasSubstr;

class Verification : public ::testing::Test {
 protected:
  // Why our client, looking for `name`, refuses a server with `identity`; "" when it does not.
  std::string refusal(const Issued& identity, const std::string& name = "mail.example.org") {
    TlsPair pair(*fixture_.client(name), *fixture_.server(identity));
    pair.client->say("PASS secret\r\n");
    pair.run();
    if (pair.established()) {
      EXPECT_EQ(pair.server->got, "PASS secret\r\n");
      return "";
    }
    EXPECT_EQ(pair.server->got, "");
    EXPECT_EQ(tls::handshake_failure(*pair.client->transport),
              tls::HandshakeFailure::bad_certificate);
    EXPECT_EQ(pair.client->transport->end()->code, ErrorCode::tls);
    EXPECT_FALSE(pair.client->transport->end()->retryable());
    // The server heard why.
    EXPECT_EQ(tls::handshake_failure(*pair.server->transport), tls::HandshakeFailure::peer_alert);
    return pair.client->transport->end()->detail;
  }
  [[nodiscard]] Issued issue(const CertificateRequest& request) const {
    return fixture_.authority.issue(request);
  }
  TlsFixture fixture_;
};

TEST_F(Verification, AcceptsTheExpectedName) {
  EXPECT_EQ(refusal(issue({})), "");
  EXPECT_EQ(refusal(issue({.rsa = true})), "");
  EXPECT_EQ(refusal(issue({.dns = {"a.example", "MAIL.example.org"}})), "");
}

TEST_F(Verification, AcceptsAWildcardForAWholeLabel) {
  EXPECT_EQ(refusal(issue({.dns = {"*.example.org"}})), "");
}

TEST_F(Verification, AcceptsACertificateWithoutPurpose) {
  EXPECT_EQ(refusal(issue({.purpose = ""})), "");
}

TEST_F(Verification, RefusesAnotherHost) {
  EXPECT_THAT(refusal(issue({.dns = {"pop.example.org"}})),
              HasSubstr("hostname mismatch: expected mail.example.org"));
}

TEST_F(Verification, RefusesWildcardsThatStandForMoreOrLess) {
  for (const char* name : {"m*.example.org", "*ail.example.org", "*.org", "*", "mail.*.org"}) {
    EXPECT_THAT(refusal(issue({.dns = {name}})), HasSubstr("hostname mismatch")) << name;
  }
  EXPECT_THAT(refusal(issue({.dns = {"*.example.org"}}), "a.mail.example.org"),
              HasSubstr("hostname mismatch"));
  EXPECT_THAT(refusal(issue({.dns = {"*.example.org"}}), "example.org"),
              HasSubstr("hostname mismatch"));
}

TEST_F(Verification, IgnoresTheCommonName) {
  EXPECT_THAT(refusal(issue({.common_name = "mail.example.org", .dns = {}})),
              HasSubstr("hostname mismatch"));
}

TEST_F(Verification, RefusesASelfSignedCertificate) {
  EXPECT_THAT(refusal(self_signed()), HasSubstr("self signed certificate"));
}

TEST_F(Verification, RefusesAnExpiredCertificate) {
  EXPECT_THAT(refusal(issue({.from_day = -30, .to_day = -1})),
              HasSubstr("certificate has expired"));
}

TEST_F(Verification, RefusesACertificateOfTheFuture) {
  EXPECT_THAT(refusal(issue({.from_day = 1})), HasSubstr("not yet valid"));
}

TEST_F(Verification, RefusesAnotherAuthority) {
  EXPECT_THAT(refusal(Authority("Other CA").issue()),
              HasSubstr("unable to get local issuer certificate"));
}

TEST_F(Verification, RefusesACertificateForClients) {
  EXPECT_THAT(refusal(issue({.purpose = "clientAuth"})), HasSubstr("purpose"));
}

TEST_F(Verification, MatchesLiteralAddresses) {
  const Issued identity = issue({.addresses = {"192.0.2.7", "2001:db8::7"}});
  EXPECT_EQ(refusal(identity, "192.0.2.7"), "");
  EXPECT_EQ(refusal(identity, "2001:db8::7"), "");
  EXPECT_THAT(refusal(identity, "192.0.2.8"), HasSubstr("hostname mismatch: expected 192.0.2.8"));
  // An address written as a name is none.
  EXPECT_THAT(refusal(issue({.dns = {"192.0.2.7"}}), "192.0.2.7"), HasSubstr("mismatch"));
}

TEST_F(Verification, SendsNamesAsSniButNoAddresses) {
  TlsPair named(*fixture_.client(), *fixture_.server());
  named.run();
  EXPECT_EQ(named.server->transport->tls()->server_name, "mail.example.org");
  const auto server = fixture_.server(issue({.addresses = {"192.0.2.7"}}));
  TlsPair numbered(*fixture_.client("192.0.2.7"), *server);
  numbered.run();
  ASSERT_TRUE(numbered.established());
  EXPECT_EQ(numbered.server->transport->tls()->server_name, "");
}

TEST_F(Verification, AcceptsAPinnedSelfSignedCertificate) {
  const Issued identity = self_signed();
  const auto client = tls::ClientContext::create(
      {.ca_file = fixture_.files.write("pinned.pem", identity.certificate),
       .server_name = "mail.example.org"});
  ASSERT_TRUE(client);
  TlsPair pair(**client, *fixture_.server(identity));
  pair.run();
  EXPECT_TRUE(pair.established());
}

TEST_F(Verification, ChecksNothingWhenToldSo) {
  const auto client = tls::ClientContext::create({.verify = false});
  ASSERT_TRUE(client);
  TlsPair pair(**client, *fixture_.server(self_signed({.dns = {"other"}, .to_day = 0})));
  pair.run();
  EXPECT_TRUE(pair.established());
}

TEST_F(Verification, KeepsTheMinimumVersion) {
  const auto client = fixture_.client("mail.example.org", tls::Version::tls1_3);
  TlsPair pair(*client, OddServer(fixture_.issued, TLS1_2_VERSION));
  pair.run();
  EXPECT_FALSE(pair.established());
  EXPECT_THAT(pair.client->transport->end()->detail, HasSubstr("protocol version"));
}

TEST(ClientContext, TakesTheSystemsAuthorities) {
  const auto made = tls::ClientContext::create({.server_name = "mail.example.org"});
  if (!made) {
    EXPECT_THAT(made.error().detail, HasSubstr("no CA certificates"));
  }
}

TEST(ClientContext, NamesTheCaFileThatIsNoGood) {
  const TestFiles files;
  const std::string path = files.write("ca.pem", "no certificate\n");
  const auto made = tls::ClientContext::create({.ca_file = path, .server_name = "a"});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::config);
  EXPECT_THAT(made.error().detail, HasSubstr(path));
  const auto missing =
      tls::ClientContext::create({.ca_file = files.path("missing"), .server_name = "a"});
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().detail, HasSubstr(files.path("missing")));
}

TEST(ClientContext, NeedsANameToVerify) {
  const auto made = tls::ClientContext::create({.verify = true});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::config);
}

TEST(ClientContext, RefusesANameThatNoServerHas) {
  const TestFiles files;
  const std::string ca = files.write("ca.pem", Authority().certificate());
  for (const std::string& name : {std::string("a\0b", 3), std::string(300, 'a')}) {
    const auto made = tls::ClientContext::create({.ca_file = ca, .server_name = name});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::config);
  }
}

}  // namespace
}  // namespace gatepost::testing
